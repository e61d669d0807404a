//! EdgeFace-xs: a face embedding network, as ONNX.
//!
//! George et al., "EdgeFace: Efficient Face Recognition Model for Edge Devices" (2024), the `xs` size: an
//! `EdgeNeXt` x-small body (Maaz et al., 2022) with a 512-wide head, in the module names of the published
//! state dict. Input `input`: `batch x 3 x 112 x 112`, RGB, 0..255, the aligned face. Output `embedding`:
//! `batch x 512`, not normalised; compare by cosine.
//!
//! Three rewrites change the arithmetic but not the result (all in exact algebra): the input's
//! `(x - 127.5) / 127.5` is folded into the first convolution, each layer scale `gamma` into the linear
//! layer before it, and the Fourier position code, which depends on the size of the map only, is a constant.

use crate::ConvertError;
use crate::onnx::{Attr, Dim, Graph, Value};
use crate::torch::StateDict;

const EPSILON: f32 = 1e-6;
const EMBEDDING: usize = 512;
const HEADS: usize = 4;
/// One stage of the body: width, side of its map, depthwise kernel, number of convolution blocks, number of
/// channel groups in the attention block that ends it (0: none), and whether that block adds a position code.
struct Stage {
    width: usize,
    side: usize,
    kernel: usize,
    blocks: usize,
    groups: usize,
    position: bool,
}

const STAGES: [Stage; 4] = [
    Stage { width: 32, side: 28, kernel: 3, blocks: 3, groups: 0, position: false },
    Stage { width: 64, side: 14, kernel: 5, blocks: 2, groups: 2, position: true },
    Stage { width: 100, side: 7, kernel: 7, blocks: 8, groups: 3, position: false },
    Stage { width: 192, side: 3, kernel: 9, blocks: 2, groups: 4, position: false },
];

/// Writes the network of a state dict as an ONNX file.
pub(crate) fn convert(weights: &StateDict) -> Result<Vec<u8>, ConvertError> {
    let mut net = Writer {
        weights,
        graph: Graph::new(
            "edgeface-xs",
            "EdgeFace-xs. In: aligned faces, RGB 0..255, NCHW, 112x112. Out: embeddings, not normalised.",
        ),
    };
    let input =
        net.graph.input("input", &[Dim::Named("batch"), Dim::Fixed(3), Dim::Fixed(112), Dim::Fixed(112)]);
    let mut x = net.stem(&input)?;
    let mut inner = STAGES[0].width;
    for (at, stage) in STAGES.iter().enumerate() {
        let name = format!("model.stages.{at}");
        if at > 0 {
            x = net.downsample(&format!("{name}.downsample"), &x, inner, stage.width)?;
        }
        for block in 0..stage.blocks {
            x = net.convolution_block(&format!("{name}.blocks.{block}"), &x, stage)?;
        }
        if stage.groups > 0 {
            x = net.attention_block(&format!("{name}.blocks.{}", stage.blocks), &x, stage)?;
        }
        inner = stage.width;
    }
    net.head(&x, inner)?;
    Ok(net.graph.finish())
}

struct Writer<'a> {
    weights: &'a StateDict,
    graph: Graph,
}

impl Writer<'_> {
    /// 4x4 patches, then layer norm. Takes the input's normalisation into its weights: without padding,
    /// `w * (x - 127.5) / 127.5 + b` equals `(w / 127.5) * x + (b - sum(w))`.
    fn stem(&mut self, input: &str) -> Result<Value, ConvertError> {
        let width = STAGES[0].width;
        let weight = self.weights.get("model.stem.0.weight", &[width, 3, 4, 4])?;
        let bias = self.weights.get("model.stem.0.bias", &[width])?;
        let scaled: Vec<f32> = weight.iter().map(|w| w / 127.5).collect();
        let shifted: Vec<f32> = bias
            .iter()
            .zip(weight.chunks(3 * 4 * 4))
            .map(|(&b, filter)| (f64::from(b) - filter.iter().map(|&w| f64::from(w)).sum::<f64>()) as f32)
            .collect();
        let weight = self.graph.floats("model.stem.0.weight", &[width, 3, 4, 4], &scaled);
        let bias = self.graph.floats("model.stem.0.bias", &[width], &shifted);
        let x = self.graph.node(
            "Conv",
            &[input, &weight, &bias],
            &[("kernel_shape", Attr::Ints(vec![4, 4])), ("strides", Attr::Ints(vec![4, 4]))],
        );
        let x = self.rows(&x);
        let x = self.layer_norm("model.stem.1", &x, width)?;
        Ok(self.planes(&x))
    }

    /// Halves the map: layer norm, then a 2x2 convolution of stride 2.
    fn downsample(&mut self, name: &str, x: &str, from: usize, to: usize) -> Result<Value, ConvertError> {
        let x = self.rows(x);
        let x = self.layer_norm(&format!("{name}.0"), &x, from)?;
        let x = self.planes(&x);
        let weight = self.parameter(&format!("{name}.1.weight"), &[to, from, 2, 2])?;
        let bias = self.parameter(&format!("{name}.1.bias"), &[to])?;
        Ok(self.graph.node(
            "Conv",
            &[&x, &weight, &bias],
            &[("kernel_shape", Attr::Ints(vec![2, 2])), ("strides", Attr::Ints(vec![2, 2]))],
        ))
    }

    /// Depthwise convolution, layer norm, two linear layers, added to the input.
    fn convolution_block(&mut self, name: &str, x: &str, stage: &Stage) -> Result<Value, ConvertError> {
        let y = self.depthwise(&format!("{name}.conv_dw"), x, stage.width, stage.kernel)?;
        let y = self.rows(&y);
        let y = self.perceptron(name, &y, stage.width)?;
        let y = self.planes(&y);
        Ok(self.graph.node("Add", &[x, &y], &[]))
    }

    /// Split depthwise transpose attention (`EdgeNeXt`, section 3.2): groups of channels are convolved one
    /// after the other, each with the sum of what came before; then attention between channels.
    fn attention_block(&mut self, name: &str, x: &str, stage: &Stage) -> Result<Value, ConvertError> {
        let Stage { width, side, groups, .. } = *stage;
        let most = width.div_ceil(groups);
        let lengths: Vec<usize> = (0..groups).map(|at| most.min(width - at * most)).collect();
        let parts = self.graph.split(x, 1, &lengths);
        let mut done: Vec<Value> = Vec::with_capacity(groups);
        for (at, part) in parts.iter().take(groups - 1).enumerate() {
            let mixed = match done.last() {
                Some(before) => self.graph.node("Add", &[before, part], &[]),
                None => part.clone(),
            };
            done.push(self.depthwise(&format!("{name}.convs.{at}"), &mixed, lengths[at], 3)?);
        }
        done.extend(parts.last().cloned());
        let done: Vec<&str> = done.iter().map(String::as_str).collect();
        let y = self.graph.node("Concat", &done, &[("axis", Attr::Int(1))]);
        let mut y = self.rows(&y);
        if stage.position {
            let code = self.position_code(&format!("{name}.pos_embd"), width, side)?;
            y = self.graph.node("Add", &[&y, &code], &[]);
        }
        let z = self.layer_norm(&format!("{name}.norm_xca"), &y, width)?;
        let z = self.channel_attention(name, &z, width, side)?;
        let y = self.graph.node("Add", &[&y, &z], &[]);
        let y = self.perceptron(name, &y, width)?;
        let y = self.planes(&y);
        Ok(self.graph.node("Add", &[x, &y], &[]))
    }

    /// Cross-covariance attention (El-Nouby et al., "`XCiT`", 2021): each head compares its channels, not the
    /// positions, by the cosine of their maps times a temperature.
    fn channel_attention(
        &mut self,
        name: &str,
        x: &str,
        width: usize,
        side: usize,
    ) -> Result<Value, ConvertError> {
        let (channels, cells) = ((width / HEADS) as i64, (side * side) as i64);
        let heads = HEADS as i64;
        let flat = self.reshape(x, &[0, -1, width as i64]);
        let qkv = self.linear(&format!("{name}.xca.qkv"), &flat, width, 3 * width, None)?;
        let qkv = self.graph.node("Transpose", &[&qkv], &[("perm", Attr::Ints(vec![0, 2, 1]))]);
        let shape = [0, 3 * heads, channels, cells];
        let qkv = self.reshape(&qkv, &shape);
        let [q, k, v]: [Value; 3] = self
            .graph
            .split(&qkv, 1, &[HEADS, HEADS, HEADS])
            .try_into()
            .map_err(|_| ConvertError::malformed("EdgeFace", "attention without three parts"))?;
        let q = self.unit_length(&q);
        let k = self.unit_length(&k);
        let k = self.graph.node("Transpose", &[&k], &[("perm", Attr::Ints(vec![0, 1, 3, 2]))]);
        let scores = self.graph.node("MatMul", &[&q, &k], &[]);
        let temperature = self.parameter(&format!("{name}.xca.temperature"), &[HEADS, 1, 1])?;
        let scores = self.graph.node("Mul", &[&scores, &temperature], &[]);
        let scores = self.graph.node("Softmax", &[&scores], &[("axis", Attr::Int(-1))]);
        let mixed = self.graph.node("MatMul", &[&scores, &v], &[]);
        let mixed = self.reshape(&mixed, &[0, width as i64, cells]);
        let mixed = self.graph.node("Transpose", &[&mixed], &[("perm", Attr::Ints(vec![0, 2, 1]))]);
        let gamma = format!("{name}.gamma_xca");
        let out = self.linear(&format!("{name}.xca.proj"), &mixed, width, width, Some(&gamma))?;
        Ok(self.reshape(&out, &[0, side as i64, side as i64, width as i64]))
    }

    /// `x / max(|x|, 1e-12)` over the last axis.
    fn unit_length(&mut self, x: &str) -> Value {
        let length = self.graph.node("ReduceL2", &[x], &[("axes", Attr::Ints(vec![-1]))]);
        let least = self.graph.floats("least_length", &[], &[1e-12]);
        let length = self.graph.node("Max", &[&length, &least], &[]);
        self.graph.node("Div", &[x, &length], &[])
    }

    /// Layer norm, a linear layer four times as wide, GELU, a linear layer back, layer scale.
    fn perceptron(&mut self, name: &str, x: &str, width: usize) -> Result<Value, ConvertError> {
        let y = self.layer_norm(&format!("{name}.norm"), x, width)?;
        let y = self.linear(&format!("{name}.mlp.fc1"), &y, width, 4 * width, None)?;
        let y = self.gelu(&y);
        self.linear(&format!("{name}.mlp.fc2"), &y, 4 * width, width, Some(&format!("{name}.gamma")))
    }

    /// Global average, layer norm, the last linear layer.
    fn head(&mut self, x: &str, width: usize) -> Result<(), ConvertError> {
        let x = self.graph.node("GlobalAveragePool", &[x], &[]);
        let x = self.graph.node("Flatten", &[&x], &[("axis", Attr::Int(1))]);
        let x = self.layer_norm("model.head.norm", &x, width)?;
        let weight = self.parameter("model.head.fc.weight", &[EMBEDDING, width])?;
        let bias = self.parameter("model.head.fc.bias", &[EMBEDDING])?;
        self.graph.node_named("Gemm", &[&x, &weight, &bias], &[("transB", Attr::Int(1))], "embedding");
        self.graph.output("embedding", &[Dim::Named("batch"), Dim::Fixed(EMBEDDING)]);
        Ok(())
    }

    fn depthwise(&mut self, name: &str, x: &str, width: usize, kernel: usize) -> Result<Value, ConvertError> {
        let weight = self.parameter(&format!("{name}.weight"), &[width, 1, kernel, kernel])?;
        let bias = self.parameter(&format!("{name}.bias"), &[width])?;
        let (k, pad) = (kernel as i64, (kernel / 2) as i64);
        Ok(self.graph.node(
            "Conv",
            &[x, &weight, &bias],
            &[
                ("group", Attr::Int(width as i64)),
                ("kernel_shape", Attr::Ints(vec![k, k])),
                ("pads", Attr::Ints(vec![pad; 4])),
            ],
        ))
    }

    fn layer_norm(&mut self, name: &str, x: &str, width: usize) -> Result<Value, ConvertError> {
        let weight = self.parameter(&format!("{name}.weight"), &[width])?;
        let bias = self.parameter(&format!("{name}.bias"), &[width])?;
        let attributes = [("axis", Attr::Int(-1)), ("epsilon", Attr::Float(EPSILON))];
        Ok(self.graph.node("LayerNormalization", &[x, &weight, &bias], &attributes))
    }

    /// `x * W^T + b` over the last axis, its output multiplied by the tensor `gamma` if one is named.
    fn linear(
        &mut self,
        name: &str,
        x: &str,
        from: usize,
        to: usize,
        gamma: Option<&str>,
    ) -> Result<Value, ConvertError> {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        let rows = self.weights.get(&weight, &[to, from])?;
        let mut sums = self.weights.get(&bias, &[to])?.to_vec();
        let gamma = gamma.map(|gamma| self.weights.get(gamma, &[to])).transpose()?;
        let mut columns = vec![0.0; from * to];
        for (at, row) in rows.chunks(from).enumerate() {
            let scale = gamma.map_or(1.0, |gamma| gamma[at]);
            sums[at] *= scale;
            for (input, w) in row.iter().enumerate() {
                columns[input * to + at] = w * scale;
            }
        }
        let weight = self.graph.floats(&weight, &[from, to], &columns);
        let bias = self.graph.floats(&bias, &[to], &sums);
        let x = self.graph.node("MatMul", &[x, &weight], &[]);
        Ok(self.graph.node("Add", &[&x, &bias], &[]))
    }

    /// `x / 2 * (1 + erf(x / sqrt 2))`, spelled out as the operator set has it no other way; ONNX Runtime
    /// knows the pattern and runs it as one kernel.
    fn gelu(&mut self, x: &str) -> Value {
        let root = self.graph.floats("root_of_two", &[], &[std::f32::consts::SQRT_2]);
        let one = self.graph.floats("one", &[], &[1.0]);
        let half = self.graph.floats("half", &[], &[0.5]);
        let y = self.graph.node("Div", &[x, &root], &[]);
        let y = self.graph.node("Erf", &[&y], &[]);
        let y = self.graph.node("Add", &[&y, &one], &[]);
        let y = self.graph.node("Mul", &[x, &y], &[]);
        self.graph.node("Mul", &[&y, &half], &[])
    }

    /// The Fourier position code of a square map, through its 1x1 projection: `1 x side x side x width`.
    fn position_code(&mut self, name: &str, width: usize, side: usize) -> Result<Value, ConvertError> {
        const WAVES: usize = 32;
        let weight =
            self.weights.get(&format!("{name}.token_projection.weight"), &[width, 2 * WAVES, 1, 1])?;
        let bias = self.weights.get(&format!("{name}.token_projection.bias"), &[width])?;
        let waves = |step: usize| -> Vec<f64> {
            let at = (step + 1) as f64 / (side as f64 + 1e-6) * std::f64::consts::TAU;
            (0..WAVES)
                .map(|wave| {
                    let phase = at / 10_000_f64.powf((wave / 2 * 2) as f64 / WAVES as f64);
                    if wave % 2 == 0 { phase.sin() } else { phase.cos() }
                })
                .collect()
        };
        let mut code = Vec::with_capacity(side * side * width);
        for row in 0..side {
            for column in 0..side {
                let position = [waves(row), waves(column)].concat();
                for (filter, &b) in weight.chunks(2 * WAVES).zip(bias) {
                    let sum: f64 = filter.iter().zip(&position).map(|(&w, p)| f64::from(w) * p).sum();
                    code.push((sum + f64::from(b)) as f32);
                }
            }
        }
        Ok(self.graph.floats(&format!("{name}.code"), &[1, side, side, width], &code))
    }

    fn parameter(&mut self, name: &str, shape: &[usize]) -> Result<Value, ConvertError> {
        let data = self.weights.get(name, shape)?;
        Ok(self.graph.floats(name, shape, data))
    }

    fn reshape(&mut self, x: &str, shape: &[i64]) -> Value {
        let sides: Vec<String> = shape.iter().map(i64::to_string).collect();
        let shape = self.graph.ints(&format!("shape_{}", sides.join("_")), shape);
        self.graph.node("Reshape", &[x, &shape], &[])
    }

    /// NCHW to NHWC.
    fn rows(&mut self, x: &str) -> Value {
        self.graph.node("Transpose", &[x], &[("perm", Attr::Ints(vec![0, 2, 3, 1]))])
    }

    /// NHWC to NCHW.
    fn planes(&mut self, x: &str) -> Value {
        self.graph.node("Transpose", &[x], &[("perm", Attr::Ints(vec![0, 3, 1, 2]))])
    }
}

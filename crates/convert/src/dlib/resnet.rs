//! dlib's face recognition network as ONNX.
//!
//! King, "High Quality Face Recognition with Deep Metric Learning" (2017): a residual network of 29
//! convolutions in the notation of `dnn_face_recognition_ex.cpp`. Input `input`: `batch x 3 x 150 x 150`,
//! RGB, 0..255; output `embedding`: `batch x 128`.
//!
//! Folded into the convolutions, in exact algebra: the input's `(x - mean) / 256` per colour, and each
//! `affine` layer (the batch normalisation of training, frozen).

use super::Reader;
use crate::ConvertError;
use crate::onnx::{Attr, Dim, Graph, Value};

const SIDE: usize = 150;
const EMBEDDING: usize = 128;
/// Widths of the residual stages from the input on, the number of blocks of each; all but the first stage
/// begin by halving the map. The last stage is one halving block of the width before it.
const STAGES: [(usize, usize); 5] = [(32, 3), (64, 4), (128, 3), (256, 3), (256, 1)];

/// Writes a serialised network as an ONNX file.
pub(crate) fn convert(bytes: &[u8]) -> Result<Vec<u8>, ConvertError> {
    let mut reader = Reader::new(bytes);
    let means = header(&mut reader)?;
    let doc = "dlib's face recognition network. In: face chips, RGB 0..255, NCHW, 150x150. Out: embeddings, \
               compared by Euclidean distance.";
    let mut net = Writer { reader, graph: Graph::new("dlib-face-resnet", doc), convolutions: 0 };
    let x =
        net.graph.input("input", &[Dim::Named("batch"), Dim::Fixed(3), Dim::Fixed(SIDE), Dim::Fixed(SIDE)]);
    let x = net.convolution(&x, [3, 32], 7, 2, Some(means))?;
    let x = net.relu(&x)?;
    net.pool("max_pool_2", [3, 3, 2, 2, 0, 0])?;
    let attributes = [("kernel_shape", Attr::Ints(vec![3, 3])), ("strides", Attr::Ints(vec![2, 2]))];
    let mut x = net.graph.node("MaxPool", &[&x], &attributes);
    let (mut width, mut side) = (32, ((SIDE - 7) / 2 + 1 - 3) / 2 + 1);
    for (stage, (to, blocks)) in STAGES.into_iter().enumerate() {
        for block in 0..blocks {
            if stage > 0 && block == 0 {
                (x, side) = net.halving_block(&x, [width, to], side)?;
            } else {
                x = net.block(&x, to)?;
            }
        }
        width = to;
    }
    net.pool("avg_pool_2", [0, 0, 1, 1, 0, 0])?;
    let x = net.graph.node("GlobalAveragePool", &[&x], &[]);
    let x = net.graph.node("Flatten", &[&x], &[("axis", Attr::Int(1))]);
    net.last(&x, width)?;
    if net.reader.left() != 0 {
        return Err(net.reader.bad("more layers than the network has"));
    }
    Ok(net.graph.finish())
}

/// The loss layer, the versions of the nested layers (outermost first, one integer each), the input layer.
/// Answers with the mean of red, green and blue.
fn header(reader: &mut Reader<'_>) -> Result<[f32; 3], ConvertError> {
    const INPUT: &str = "input_rgb_image_sized";
    let version = reader.int()?;
    // The loss layer repeats its version for each of its bases.
    let mut ahead = reader.clone();
    while ahead.int()? == version {
        *reader = ahead.clone();
    }
    if reader.string()? != "loss_metric_2" {
        return Err(reader.bad("not a network for comparing faces"));
    }
    reader.float()?;
    reader.float()?;
    let mut ahead = reader.clone();
    while (1..=3).contains(&ahead.int()?) {
        *reader = ahead.clone();
    }
    if reader.string()? != INPUT {
        return Err(reader.bad("the input is not an RGB image of fixed size"));
    }
    let means = [reader.float()?, reader.float()?, reader.float()?];
    if [reader.count()?, reader.count()?] != [SIDE, SIDE] {
        return Err(reader.bad("the input is not 150x150"));
    }
    Ok(means)
}

struct Writer<'a> {
    reader: Reader<'a>,
    graph: Graph,
    convolutions: usize,
}

impl Writer<'_> {
    /// `con` and the `affine` after it.
    fn convolution(
        &mut self,
        x: &str,
        [from, to]: [usize; 2],
        kernel: usize,
        stride: usize,
        means: Option<[f32; 3]>,
    ) -> Result<Value, ConvertError> {
        let filter = from * kernel * kernel;
        let mut params = self.start("con_4", Some((to * filter, to)))?;
        let pad = if stride == 1 { kernel / 2 } else { 0 };
        self.expect(&[to, kernel, kernel, stride, stride, pad, pad])?;
        self.expect(&[1, to, from, kernel, kernel, 1, 1, to, 1, 1])?;
        for _learning_rate in 0..4 {
            self.reader.float()?;
        }
        self.end()?;
        if means.is_some() {
            // The layer on the input says how many samples it makes of one.
            self.expect(&[1])?;
        }
        let affine = self.start("affine_", Some((to, to)))?;
        self.expect(&[1, 1, to, 1, 1, 1, 1, to, 1, 1])?;
        self.expect(&[0])?;
        self.end()?;

        let mut bias = params.split_off(to * filter);
        if let Some(means) = means {
            for (weights, bias) in params.chunks_mut(filter).zip(&mut bias) {
                let mut shift = 0.0;
                for (plane, mean) in weights.chunks_mut(kernel * kernel).zip(means) {
                    for weight in plane {
                        *weight /= 256.0;
                        shift += f64::from(*weight) * f64::from(mean);
                    }
                }
                *bias = (f64::from(*bias) - shift) as f32;
            }
        }
        let (gamma, beta) = affine.split_at(to);
        for (at, weights) in params.chunks_mut(filter).enumerate() {
            for weight in weights {
                *weight *= gamma[at];
            }
            bias[at] = bias[at] * gamma[at] + beta[at];
        }
        self.convolutions += 1;
        let name = format!("con_{}", self.convolutions);
        let weight = self.graph.floats(&format!("{name}.weight"), &[to, from, kernel, kernel], &params);
        let bias = self.graph.floats(&format!("{name}.bias"), &[to], &bias);
        let attributes = [
            ("kernel_shape", Attr::Ints(vec![kernel as i64; 2])),
            ("strides", Attr::Ints(vec![stride as i64; 2])),
            ("pads", Attr::Ints(vec![pad as i64; 4])),
        ];
        Ok(self.graph.node("Conv", &[x, &weight, &bias], &attributes))
    }

    fn relu(&mut self, x: &str) -> Result<Value, ConvertError> {
        self.start("relu_", None)?;
        self.end()?;
        Ok(self.graph.node("Relu", &[x], &[]))
    }

    fn pool(&mut self, name: &str, sides: [usize; 6]) -> Result<(), ConvertError> {
        self.start(name, None)?;
        self.expect(&sides)?;
        self.end()
    }

    /// `ares`: two convolutions, added to the input.
    fn block(&mut self, x: &str, width: usize) -> Result<Value, ConvertError> {
        let y = self.convolution(x, [width, width], 3, 1, None)?;
        let y = self.relu(&y)?;
        let y = self.convolution(&y, [width, width], 3, 1, None)?;
        self.add(&y, x)
    }

    /// `ares_down`: two convolutions, the first of stride 2, added to the averaged input. dlib adds tensors
    /// of different sides as if the missing rows, columns and channels were zero. Answers with the new side.
    fn halving_block(
        &mut self,
        x: &str,
        [from, to]: [usize; 2],
        side: usize,
    ) -> Result<(Value, usize), ConvertError> {
        let y = self.convolution(x, [from, to], 3, 2, None)?;
        let y = self.relu(&y)?;
        let y = self.convolution(&y, [to, to], 3, 1, None)?;
        self.pool("avg_pool_2", [2, 2, 2, 2, 0, 0])?;
        let attributes = [("kernel_shape", Attr::Ints(vec![2, 2])), ("strides", Attr::Ints(vec![2, 2]))];
        let shortcut = self.graph.node("AveragePool", &[x], &attributes);
        let shortcut = self.grow(&shortcut, to - from, 0);
        let averaged = side / 2;
        let y = self.grow(&y, 0, averaged - ((side - 3) / 2 + 1));
        Ok((self.add(&y, &shortcut)?, averaged))
    }

    fn add(&mut self, x: &str, y: &str) -> Result<Value, ConvertError> {
        self.start("add_prev_", None)?;
        self.end()?;
        let sum = self.graph.node("Add", &[x, y], &[]);
        self.relu(&sum)
    }

    /// Appends channels, and rows and columns, of zeros.
    fn grow(&mut self, x: &str, channels: usize, sides: usize) -> Value {
        if channels == 0 && sides == 0 {
            return x.to_owned();
        }
        let pads = [0, 0, 0, 0, 0, channels as i64, sides as i64, sides as i64];
        let pads = self.graph.ints(&format!("grow_{channels}_{sides}"), &pads);
        self.graph.node("Pad", &[x, &pads], &[])
    }

    fn last(&mut self, x: &str, width: usize) -> Result<(), ConvertError> {
        self.start("fc_2", None)?;
        self.expect(&[EMBEDDING, width])?;
        let (sides, weights) = self.reader.tensor()?;
        if sides != [width, EMBEDDING, 1, 1] {
            return Err(self.shape("fc", &[width, EMBEDDING], &sides));
        }
        // Shapes of weights and bias, then the mode without bias.
        self.expect(&[1, width, EMBEDDING, 1, 1, 1, 0, 0, 0, 0, 1])?;
        for _learning_rate in 0..4 {
            self.reader.float()?;
        }
        self.end()?;
        let weights = self.graph.floats("fc.weight", &[width, EMBEDDING], &weights);
        self.graph.node_named("MatMul", &[x, &weights], &[], "embedding");
        self.graph.output("embedding", &[Dim::Named("batch"), Dim::Fixed(EMBEDDING)]);
        Ok(())
    }

    /// The name of a layer and, where it has them, its parameters: a first and a second part in one tensor.
    fn start(&mut self, name: &str, parts: Option<(usize, usize)>) -> Result<Vec<f32>, ConvertError> {
        let found = self.reader.string()?;
        if found != name {
            return Err(self.reader.bad(&format!("layer `{found}` where `{name}` belongs")));
        }
        let Some((first, second)) = parts else { return Ok(Vec::new()) };
        let (sides, params) = self.reader.tensor()?;
        if params.len() != first + second {
            return Err(self.shape(name, &[first + second], &sides));
        }
        Ok(params)
    }

    /// Flags and left-over training tensors, which end every layer.
    fn end(&mut self) -> Result<(), ConvertError> {
        for _flag in 0..3 {
            self.reader.bool()?;
        }
        for _gradient in 0..3 {
            self.reader.tensor()?;
        }
        Ok(())
    }

    /// Integers that must be as the architecture says.
    fn expect(&mut self, wanted: &[usize]) -> Result<(), ConvertError> {
        for &wanted in wanted {
            let found = self.reader.count()?;
            if found != wanted {
                return Err(self.reader.bad(&format!("{found} where this network has {wanted}")));
            }
        }
        Ok(())
    }

    fn shape(&self, layer: &str, expected: &[usize], found: &[usize]) -> ConvertError {
        ConvertError::Shape {
            name: format!("{layer} before byte {}", self.reader.position()),
            expected: expected.to_vec(),
            found: found.to_vec(),
        }
    }
}

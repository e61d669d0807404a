//! MTCNN's three networks as ONNX.
//!
//! Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks" (2016),
//! with the weights and the layer names of facenet-pytorch. There x is the column and y the row, as
//! everywhere in this project; only the first dense layer still expects the channels in the order of the
//! original (column, row, channel), and its weights are reordered here instead of the data.

use crate::ConvertError;
use crate::onnx::{Attr, Dim, Graph, Value};
use crate::torch::StateDict;

const BATCH: Dim = Dim::Named("batch");

/// The proposal network: any image of at least 12x12 pixels.
pub(crate) fn proposal(weights: &StateDict) -> Result<Vec<u8>, ConvertError> {
    let mut net = Writer::new(weights, "mtcnn-pnet");
    let x = net.graph.input("input", &[BATCH, Dim::Fixed(3), Dim::Named("height"), Dim::Named("width")]);
    let x = net.convolution(1, &x, [3, 10], 3)?;
    let x = net.pool(&x, 2);
    let x = net.convolution(2, &x, [10, 16], 3)?;
    let x = net.convolution(3, &x, [16, 32], 3)?;
    let map = |channels| [BATCH, Dim::Fixed(channels), Dim::Named("rows"), Dim::Named("columns")];
    let scores = net.score_difference(&x, 32)?;
    net.graph.node_named("Sigmoid", &[&scores], &[], "probability");
    net.graph.output("probability", &map(2));
    net.plain_convolution("conv4_2", &x, [32, 4], 1, "box")?;
    net.graph.output("box", &map(4));
    Ok(net.graph.finish())
}

/// The refining network: crops of 24x24.
pub(crate) fn refine(weights: &StateDict) -> Result<Vec<u8>, ConvertError> {
    let mut net = Writer::new(weights, "mtcnn-rnet");
    let x = net.graph.input("input", &[BATCH, Dim::Fixed(3), Dim::Fixed(24), Dim::Fixed(24)]);
    let x = net.convolution(1, &x, [3, 28], 3)?;
    let x = net.pool(&x, 3);
    let x = net.convolution(2, &x, [28, 48], 3)?;
    let x = net.pool(&x, 3);
    let x = net.convolution(3, &x, [48, 64], 2)?;
    let x = net.flattened_dense(4, &x, [64, 3, 128])?;
    net.probability("dense5_1", &x, 128)?;
    net.dense_output("dense5_2", &x, [128, 4], "box")?;
    Ok(net.graph.finish())
}

/// The output network: crops of 48x48.
pub(crate) fn output(weights: &StateDict) -> Result<Vec<u8>, ConvertError> {
    let mut net = Writer::new(weights, "mtcnn-onet");
    let x = net.graph.input("input", &[BATCH, Dim::Fixed(3), Dim::Fixed(48), Dim::Fixed(48)]);
    let x = net.convolution(1, &x, [3, 32], 3)?;
    let x = net.pool(&x, 3);
    let x = net.convolution(2, &x, [32, 64], 3)?;
    let x = net.pool(&x, 3);
    let x = net.convolution(3, &x, [64, 64], 3)?;
    let x = net.pool(&x, 2);
    let x = net.convolution(4, &x, [64, 128], 2)?;
    let x = net.flattened_dense(5, &x, [128, 3, 256])?;
    net.probability("dense6_1", &x, 256)?;
    net.dense_output("dense6_2", &x, [256, 4], "box")?;
    net.dense_output("dense6_3", &x, [256, 10], "landmarks")?;
    Ok(net.graph.finish())
}

struct Writer<'a> {
    weights: &'a StateDict,
    graph: Graph,
}

impl<'a> Writer<'a> {
    fn new(weights: &'a StateDict, name: &str) -> Self {
        let doc = "One network of MTCNN. In: RGB, (x - 127.5) / 128, NCHW. Out: probability, box, landmarks.";
        Self { weights, graph: Graph::new(name, doc) }
    }

    /// `conv{n}` without padding, then `prelu{n}`.
    fn convolution(
        &mut self,
        n: usize,
        x: &str,
        channels: [usize; 2],
        kernel: usize,
    ) -> Result<Value, ConvertError> {
        let x =
            self.plain_convolution(&format!("conv{n}"), x, channels, kernel, &format!("convolution_{n}"))?;
        self.prelu(n, &x, &[channels[1], 1, 1])
    }

    fn plain_convolution(
        &mut self,
        name: &str,
        x: &str,
        [from, to]: [usize; 2],
        kernel: usize,
        output: &str,
    ) -> Result<Value, ConvertError> {
        let weight = self.parameter(&format!("{name}.weight"), &[to, from, kernel, kernel])?;
        let bias = self.parameter(&format!("{name}.bias"), &[to])?;
        let attributes = [("kernel_shape", Attr::Ints(vec![kernel as i64; 2]))];
        Ok(self.graph.node_named("Conv", &[x, &weight, &bias], &attributes, output))
    }

    /// `conv4_1` with the other class's score taken off each: the softmax of two scores is the sigmoid of
    /// their difference, and a sigmoid does not have to walk across the planes of a large map.
    fn score_difference(&mut self, x: &str, from: usize) -> Result<Value, ConvertError> {
        let weight = self.weights.get("conv4_1.weight", &[2, from, 1, 1])?;
        let bias = self.weights.get("conv4_1.bias", &[2])?;
        let (other, face) = weight.split_at(from);
        let difference: Vec<f32> = other.iter().zip(face).map(|(other, face)| other - face).collect();
        let both: Vec<f32> = difference.iter().copied().chain(difference.iter().map(|w| -w)).collect();
        let weight = self.graph.floats("conv4_1.weight", &[2, from, 1, 1], &both);
        let shift = bias[0] - bias[1];
        let bias = self.graph.floats("conv4_1.bias", &[2], &[shift, -shift]);
        Ok(self.graph.node("Conv", &[x, &weight, &bias], &[("kernel_shape", Attr::Ints(vec![1, 1]))]))
    }

    /// `x` where positive, else a slope per channel times `x`.
    fn prelu(&mut self, n: usize, x: &str, shape: &[usize]) -> Result<Value, ConvertError> {
        let name = format!("prelu{n}.weight");
        let slope = self.weights.get(&name, &shape[..1])?;
        let slope = self.graph.floats(&name, shape, slope);
        Ok(self.graph.node("PRelu", &[x, &slope], &[]))
    }

    /// Largest of each square, stride 2; the squares at the right and bottom edges may be cut off.
    fn pool(&mut self, x: &str, kernel: i64) -> Value {
        let attributes = [
            ("kernel_shape", Attr::Ints(vec![kernel; 2])),
            ("strides", Attr::Ints(vec![2, 2])),
            ("ceil_mode", Attr::Int(1)),
        ];
        self.graph.node("MaxPool", &[x], &attributes)
    }

    /// The first dense layer and its `prelu`, over a square map.
    fn flattened_dense(
        &mut self,
        n: usize,
        x: &str,
        [channels, side, to]: [usize; 3],
    ) -> Result<Value, ConvertError> {
        let cells = side * side;
        let name = format!("dense{n}");
        let weight = self.weights.get(&format!("{name}.weight"), &[to, channels * cells])?;
        // From (output; column, row, channel) to (output; channel, row, column).
        let mut reordered = Vec::with_capacity(weight.len());
        for filter in weight.chunks(channels * cells) {
            for channel in 0..channels {
                for row in 0..side {
                    reordered
                        .extend((0..side).map(|column| filter[(column * side + row) * channels + channel]));
                }
            }
        }
        let weight = self.graph.floats(&format!("{name}.weight"), &[to, channels * cells], &reordered);
        let bias = self.parameter(&format!("{name}.bias"), &[to])?;
        let x = self.graph.node("Flatten", &[x], &[("axis", Attr::Int(1))]);
        let x = self.graph.node("Gemm", &[&x, &weight, &bias], &[("transB", Attr::Int(1))]);
        self.prelu(n, &x, &[to])
    }

    fn dense(
        &mut self,
        name: &str,
        x: &str,
        [from, to]: [usize; 2],
        output: &str,
    ) -> Result<Value, ConvertError> {
        let weight = self.parameter(&format!("{name}.weight"), &[to, from])?;
        let bias = self.parameter(&format!("{name}.bias"), &[to])?;
        Ok(self.graph.node_named("Gemm", &[x, &weight, &bias], &[("transB", Attr::Int(1))], output))
    }

    fn dense_output(
        &mut self,
        name: &str,
        x: &str,
        sides: [usize; 2],
        output: &str,
    ) -> Result<(), ConvertError> {
        self.dense(name, x, sides, output)?;
        self.graph.output(output, &[BATCH, Dim::Fixed(sides[1])]);
        Ok(())
    }

    fn probability(&mut self, name: &str, x: &str, from: usize) -> Result<(), ConvertError> {
        let scores = self.dense(name, x, [from, 2], name)?;
        self.graph.node_named("Softmax", &[&scores], &[("axis", Attr::Int(1))], "probability");
        self.graph.output("probability", &[BATCH, Dim::Fixed(2)]);
        Ok(())
    }

    fn parameter(&mut self, name: &str, shape: &[usize]) -> Result<Value, ConvertError> {
        let data = self.weights.get(name, shape)?;
        Ok(self.graph.floats(name, shape, data))
    }
}

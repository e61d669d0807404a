//! A finished ONNX file in a form that runtimes compute faster, with the same numbers coming out.
//!
//! **`PRelu`.** For slopes of at most one, `PRelu(x, a)` is `Max(x, a * x)`, number for number: above zero `a * x` is no
//! larger than `x`, below zero it is no smaller. ONNX Runtime computes `PRelu` value by value, `Mul` and
//! `Max` a vector register at a time.
//!
//! **Subnormal weights.** Training with weight decay lets the weights of channels that nothing needs shrink to numbers
//! below 1.2e-38, which processors multiply a hundred times slower than others: in PP-OCRv6's small detector a quarter
//! of a million such weights take 70 % of its time. They are written as zero. A sum in which they count for anything
//! would have to be subnormal itself.

use std::collections::HashSet;

use prost::Message;

use crate::onnx::proto;

/// Operator set from which on `Max` broadcasts.
const MAX_BROADCASTS: i64 = 8;

/// A whole model file; what is not looked into stays as it was, byte for byte.
#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(bytes = "vec", tag = "2")]
    producer_name: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    producer_version: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    domain: Vec<u8>,
    #[prost(int64, tag = "5")]
    model_version: i64,
    #[prost(bytes = "vec", tag = "6")]
    doc_string: Vec<u8>,
    #[prost(message, optional, tag = "7")]
    graph: Option<Parts>,
    #[prost(message, repeated, tag = "8")]
    opset_import: Vec<proto::OperatorSet>,
    #[prost(bytes = "vec", repeated, tag = "14")]
    metadata_props: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "20")]
    training_info: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "25")]
    functions: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "26")]
    configuration: Vec<Vec<u8>>,
}

/// The parts of a graph, still encoded.
#[derive(Clone, PartialEq, Message)]
struct Parts {
    #[prost(bytes = "vec", repeated, tag = "1")]
    node: Vec<Vec<u8>>,
    #[prost(bytes = "vec", tag = "2")]
    name: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "5")]
    initializer: Vec<Vec<u8>>,
    #[prost(bytes = "vec", tag = "10")]
    doc_string: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "11")]
    input: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "12")]
    output: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "13")]
    value_info: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "14")]
    quantization_annotation: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "15")]
    sparse_initializer: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "16")]
    metadata_props: Vec<Vec<u8>>,
}

/// A constant, with the two forms in which a file may hold its floats.
#[derive(Clone, PartialEq, Message)]
struct Floats {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(float, repeated, tag = "4")]
    float_data: Vec<f32>,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
}

impl Floats {
    /// Writes subnormal numbers as zero; whether there were any.
    fn flush(&mut self) -> bool {
        if self.data_type != proto::TYPE_FLOAT {
            return false;
        }
        let mut changed = false;
        for value in self.float_data.iter_mut().filter(|value| value.is_subnormal()) {
            *value = 0.0;
            changed = true;
        }
        for bytes in self.raw_data.chunks_exact_mut(4) {
            if f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]).is_subnormal() {
                bytes.fill(0);
                changed = true;
            }
        }
        changed
    }

    /// Whether there are values and none is above one or not a number.
    fn at_most_one(&self) -> bool {
        let raw = self.raw_data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let mut values = self.float_data.iter().copied().chain(raw).peekable();
        self.data_type == proto::TYPE_FLOAT && values.peek().is_some() && values.all(|v| v <= 1.0)
    }
}

/// The model with each `PRelu` of constant slopes up to one written as `Max(x, slope * x)`, and subnormal weights as
/// zero; `None` when the bytes are no ONNX file or there is nothing to rewrite. The outputs are the same numbers.
pub fn faster(model: &[u8]) -> Option<Vec<u8>> {
    let mut file = File::decode(model).ok()?;
    let version = file.opset_import.iter().find(|set| set.domain.is_empty())?.version;
    let graph = file.graph.as_mut()?;
    let flushed = flush_weights(graph);
    let rewritten = version >= MAX_BROADCASTS && prelu_as_max(graph)?;
    (flushed || rewritten).then(|| file.encode_to_vec())
}

/// Whether a weight was subnormal.
fn flush_weights(graph: &mut Parts) -> bool {
    let mut changed = false;
    for bytes in &mut graph.initializer {
        let Ok(mut constant) = Floats::decode(bytes.as_slice()) else { continue };
        if constant.flush() {
            *bytes = constant.encode_to_vec();
            changed = true;
        }
    }
    changed
}

/// Whether a node was rewritten; `None` when a node cannot be read.
fn prelu_as_max(graph: &mut Parts) -> Option<bool> {
    let constants = graph.initializer.iter().filter_map(|bytes| Floats::decode(bytes.as_slice()).ok());
    let slopes: HashSet<String> = constants.filter(Floats::at_most_one).map(|floats| floats.name).collect();
    let mut changed = false;
    let mut nodes = Vec::with_capacity(graph.node.len());
    for bytes in std::mem::take(&mut graph.node) {
        let node = proto::Node::decode(bytes.as_slice()).ok()?;
        match (node.op_type.as_str(), node.input.as_slice(), node.output.as_slice()) {
            ("PRelu", [x, slope], [y]) if slopes.contains(slope) => {
                let scaled = format!("{y}/scaled");
                nodes.push(binary("Mul", [x, slope], &scaled));
                nodes.push(binary("Max", [x, &scaled], y));
                changed = true;
            }
            _ => nodes.push(bytes),
        }
    }
    graph.node = nodes;
    Some(changed)
}

fn binary(op: &str, inputs: [&str; 2], output: &str) -> Vec<u8> {
    proto::Node {
        input: inputs.map(str::to_owned).to_vec(),
        output: vec![output.to_owned()],
        name: output.to_owned(),
        op_type: op.to_owned(),
        attribute: Vec::new(),
    }
    .encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::tests::whole;
    use crate::onnx::{Attr, Dim, Graph};

    /// Two `PRelu` after one another, the second with a slope above one if `steep`.
    fn model(steep: bool) -> Vec<u8> {
        let mut graph = Graph::new("g", "words that stay");
        let x = graph.input("x", &[Dim::Named("n"), Dim::Fixed(2)]);
        let gentle = graph.floats("gentle", &[2], &[-0.25, 1.0]);
        let other = graph.floats("other", &[1], &[if steep { 1.5 } else { 0.5 }]);
        let soft = graph.node("Softmax", &[&x], &[("axis", Attr::Int(1))]);
        let first = graph.node("PRelu", &[&soft, &gentle], &[]);
        graph.node_named("PRelu", &[&first, &other], &[], "y");
        graph.output("y", &[Dim::Named("n"), Dim::Fixed(2)]);
        graph.finish()
    }

    fn operators(file: &[u8]) -> Vec<String> {
        whole(file);
        let graph = proto::Model::decode(file).expect("a model").graph.expect("a graph");
        graph.node.into_iter().map(|node| node.op_type).collect()
    }

    #[test]
    fn each_gentle_prelu_becomes_two_nodes_in_its_place_and_the_rest_stays() {
        let (before, after) = (model(false), faster(&model(false)).expect("rewritten"));
        assert_eq!(operators(&after), ["Softmax", "Mul", "Max", "Mul", "Max"]);
        let read = |file: &[u8]| proto::Model::decode(file).expect("a model");
        let (before, after) = (read(&before), read(&after));
        assert_eq!((&before.doc_string, before.ir_version), (&after.doc_string, after.ir_version));
        assert_eq!(before.opset_import, after.opset_import);
        let (before, after) = (before.graph.expect("a graph"), after.graph.expect("a graph"));
        assert_eq!((before.input, before.output), (after.input, after.output));
        assert_eq!(before.initializer, after.initializer);
        assert_eq!(before.node.first(), after.node.first(), "the attribute is lost");
    }

    #[test]
    fn a_slope_above_one_keeps_its_prelu() {
        let file = faster(&model(true)).expect("the other one is rewritten");
        assert_eq!(operators(&file), ["Softmax", "Mul", "Max", "PRelu"]);
    }

    #[test]
    fn a_file_without_such_nodes_or_that_is_no_model_is_left_alone() {
        assert!(faster(b"not a model").is_none());
        assert!(faster(&[]).is_none());
        let mut graph = Graph::new("g", "");
        graph.input("x", &[Dim::Fixed(1)]);
        graph.node_named("PRelu", &["x", "x"], &[], "y");
        graph.output("y", &[Dim::Fixed(1)]);
        assert!(faster(&graph.finish()).is_none(), "slopes that are computed may be anything");
    }

    #[test]
    fn a_subnormal_weight_becomes_zero_and_every_other_number_stays() {
        let mut graph = Graph::new("g", "");
        let x = graph.input("x", &[Dim::Fixed(4)]);
        let weights = [1.0, f32::MIN_POSITIVE / 2.0, -1e-40, f32::MIN_POSITIVE];
        let weight = graph.floats("w", &[4], &weights);
        graph.node_named("Mul", &[&x, &weight], &[], "y");
        graph.output("y", &[Dim::Fixed(4)]);
        let before = graph.finish();
        let after = faster(&before).expect("rewritten");
        let tensor = |file: &[u8]| {
            whole(file);
            let graph = proto::Model::decode(file).expect("a model").graph.expect("a graph");
            graph.initializer.into_iter().next().expect("a weight")
        };
        let (before, after) = (tensor(&before), tensor(&after));
        assert_eq!((before.dims, before.name), (after.dims, after.name));
        let expected: Vec<u8> =
            [1.0, 0.0, 0.0, f32::MIN_POSITIVE].iter().flat_map(|v: &f32| v.to_le_bytes()).collect();
        assert_eq!(after.raw_data, expected);
    }
}

//! Tests of the writer, and the check of a whole file that the networks' tests share.

use std::collections::BTreeSet;

use super::*;

/// Decodes a file and holds that it is one graph: each value made once and before it is used, constants as
/// long as their shape, every output made. Answers with the operators used and the outputs' names.
pub(crate) fn whole(file: &[u8]) -> (BTreeSet<String>, Vec<String>) {
    let model = proto::Model::decode(file).expect("a protobuf message");
    assert_eq!(model.opset_import[0].version, OPSET);
    let graph = model.graph.expect("a graph");
    let mut made: BTreeSet<&str> = BTreeSet::new();
    for constant in &graph.initializer {
        let width = if constant.data_type == proto::TYPE_FLOAT { 4 } else { 8 };
        let count: i64 = constant.dims.iter().product();
        assert_eq!(constant.raw_data.len() as i64, count * width, "{}", constant.name);
        assert!(made.insert(&constant.name), "{} twice", constant.name);
    }
    for input in &graph.input {
        assert!(made.insert(&input.name), "{} twice", input.name);
    }
    let mut used: BTreeSet<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
    for node in &graph.node {
        for input in &node.input {
            assert!(made.contains(input.as_str()), "{} reads {input} before it is made", node.name);
            used.insert(input);
        }
        for output in &node.output {
            assert!(made.insert(output), "{output} twice");
        }
    }
    assert_eq!(made, used, "values that nobody made or nobody reads");
    let operators = graph.node.iter().map(|node| node.op_type.clone()).collect();
    (operators, graph.output.iter().map(|output| output.name.clone()).collect())
}

#[test]
fn a_written_graph_reads_back_as_it_was_built() {
    let mut graph = Graph::new("small", "Twice the input, cut in two.");
    let x = graph.input("input", &[Dim::Named("batch"), Dim::Fixed(4)]);
    let two = graph.floats("two", &[], &[2.0]);
    let y = graph.node("Mul", &[&x, &two], &[]);
    let parts = graph.split(&y, -1, &[1, 3]);
    graph.node_named("Softmax", &[&parts[1]], &[("axis", Attr::Int(1))], "right");
    graph.node_named(
        "Pad",
        &[&parts[0]],
        &[("pads", Attr::Ints(vec![0, 1])), ("value", Attr::Float(0.5))],
        "left",
    );
    graph.output("left", &[Dim::Named("batch"), Dim::Fixed(1)]);
    graph.output("right", &[Dim::Named("batch"), Dim::Fixed(3)]);
    let file = graph.finish();
    let (operators, outputs) = whole(&file);
    assert_eq!(operators.into_iter().collect::<Vec<_>>(), ["Mul", "Pad", "Softmax", "Split"]);
    assert_eq!(outputs, ["left", "right"]);

    let model = proto::Model::decode(file.as_slice()).expect("a protobuf message");
    let graph = model.graph.expect("a graph");
    assert_eq!(graph.initializer[0].raw_data, 2_f32.to_le_bytes());
    assert_eq!(graph.initializer[1].raw_data, [1_i64.to_le_bytes(), 3_i64.to_le_bytes()].concat());
    let pad = &graph.node[3].attribute;
    assert_eq!((pad[0].ints.as_slice(), pad[0].kind), ([0, 1].as_slice(), proto::KIND_INTS));
    assert_eq!((pad[1].f, pad[1].kind), (Some(0.5), proto::KIND_FLOAT));
}

#[test]
fn the_bytes_are_those_of_the_format() {
    // Field numbers are the contract with every reader: a shift would still decode with our own messages.
    let mut graph = Graph::new("g", "");
    graph.input("x", &[Dim::Named("n")]);
    graph.node_named("Relu", &["x"], &[], "y");
    graph.output("y", &[Dim::Fixed(7)]);
    let file = graph.finish();
    // 1: inputs, 2: outputs, 3: name, 4: operator.
    let node = b"\x0a\x01x\x12\x01y\x1a\x01y\x22\x04Relu";
    assert_eq!(file[..2], [0x08, IR_VERSION as u8]);
    // 11: input; 1: name, 2: type; 1: tensor; 1: float, 2: shape; 1: side; 2: its name.
    let named = b"\x5a\x10\x0a\x01x\x12\x0b\x0a\x09\x08\x01\x12\x05\x0a\x03\x12\x01n";
    let fixed = b"\x62\x0f\x0a\x01y\x12\x0a\x0a\x08\x08\x01\x12\x04\x0a\x02\x08\x07";
    for part in [node.as_slice(), named.as_slice(), fixed.as_slice()] {
        assert!(file.windows(part.len()).any(|window| window == part), "{file:02x?}");
    }
    // 8: operator set; 2: its version.
    assert!(file.ends_with(b"\x42\x02\x10\x11"), "{file:02x?}");
}

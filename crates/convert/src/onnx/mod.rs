//! Writing ONNX graphs: nodes are added in the order of computation, each call answers with the name of
//! the value it made, and that name is the input of later calls.

pub(crate) mod proto;
#[cfg(test)]
pub(crate) mod tests;

use prost::Message;

/// Operator set of every file written here: the first with `LayerNormalization`.
const OPSET: i64 = 17;
/// IR version that goes with it.
const IR_VERSION: i64 = 8;

/// One side of an input or output tensor.
pub(crate) enum Dim {
    /// Always this long.
    Fixed(usize),
    /// Free; equal names mean equal lengths.
    Named(&'static str),
}

/// A value in the graph, by name.
pub(crate) type Value = String;

/// An attribute's value.
pub(crate) enum Attr {
    Float(f32),
    Int(i64),
    Ints(Vec<i64>),
}

/// A network under construction.
pub(crate) struct Graph {
    doc: String,
    graph: proto::Graph,
}

impl Graph {
    /// An empty network; `doc` says in one sentence what goes in and what comes out.
    pub fn new(name: &str, doc: &str) -> Self {
        Self { doc: doc.to_owned(), graph: proto::Graph { name: name.to_owned(), ..Default::default() } }
    }

    /// Declares a float input.
    pub fn input(&mut self, name: &str, dims: &[Dim]) -> Value {
        self.graph.input.push(value_info(name, dims));
        name.to_owned()
    }

    /// Declares a value that [`Graph::node_named`] made as a float output.
    pub fn output(&mut self, name: &str, dims: &[Dim]) {
        self.graph.output.push(value_info(name, dims));
    }

    /// Adds constant floats. The caller has checked that `data` fills `shape`.
    pub fn floats(&mut self, name: &str, shape: &[usize], data: &[f32]) -> Value {
        debug_assert_eq!(shape.iter().product::<usize>(), data.len(), "{name}");
        let raw_data = data.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, shape, proto::TYPE_FLOAT, raw_data)
    }

    /// Adds a constant list of integers.
    pub fn ints(&mut self, name: &str, data: &[i64]) -> Value {
        let raw_data = data.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, &[data.len()], proto::TYPE_INT64, raw_data)
    }

    fn constant(&mut self, name: &str, shape: &[usize], data_type: i32, raw_data: Vec<u8>) -> Value {
        if !self.graph.initializer.iter().any(|known| known.name == name) {
            let dims = shape.iter().map(|&d| d as i64).collect();
            self.graph.initializer.push(proto::Tensor { dims, data_type, name: name.to_owned(), raw_data });
        }
        name.to_owned()
    }

    /// Adds a node with one output of a made-up name.
    pub fn node(&mut self, op: &str, inputs: &[&str], attributes: &[(&str, Attr)]) -> Value {
        let name = format!("{}_{}", op.to_lowercase(), self.graph.node.len());
        self.node_named(op, inputs, attributes, &name)
    }

    /// Adds a node whose only output has the given name.
    pub fn node_named(
        &mut self,
        op: &str,
        inputs: &[&str],
        attributes: &[(&str, Attr)],
        name: &str,
    ) -> Value {
        self.push(op, inputs, attributes, vec![name.to_owned()]);
        name.to_owned()
    }

    /// Cuts a value into parts of the given lengths along an axis.
    pub fn split(&mut self, value: &str, axis: i64, lengths: &[usize]) -> Vec<Value> {
        let at = self.graph.node.len();
        let lengths: Vec<i64> = lengths.iter().map(|&l| l as i64).collect();
        let sizes = self.ints(&format!("split_{at}_lengths"), &lengths);
        let parts: Vec<Value> = (0..lengths.len()).map(|part| format!("split_{at}_{part}")).collect();
        self.push("Split", &[value, &sizes], &[("axis", Attr::Int(axis))], parts.clone());
        parts
    }

    fn push(&mut self, op: &str, inputs: &[&str], attributes: &[(&str, Attr)], output: Vec<Value>) {
        let attribute = attributes
            .iter()
            .map(|(name, value)| {
                let empty = proto::Attribute { name: (*name).to_owned(), ..Default::default() };
                match value {
                    Attr::Float(f) => proto::Attribute { f: Some(*f), kind: proto::KIND_FLOAT, ..empty },
                    Attr::Int(i) => proto::Attribute { i: Some(*i), kind: proto::KIND_INT, ..empty },
                    Attr::Ints(list) => {
                        proto::Attribute { ints: list.clone(), kind: proto::KIND_INTS, ..empty }
                    }
                }
            })
            .collect();
        self.graph.node.push(proto::Node {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            name: output.first().cloned().unwrap_or_default(),
            output,
            op_type: op.to_owned(),
            attribute,
        });
    }

    /// The bytes of the ONNX file.
    pub fn finish(self) -> Vec<u8> {
        proto::Model {
            ir_version: IR_VERSION,
            producer_name: "innkeeper-convert".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            doc_string: self.doc,
            graph: Some(self.graph),
            opset_import: vec![proto::OperatorSet { domain: String::new(), version: OPSET }],
        }
        .encode_to_vec()
    }
}

fn value_info(name: &str, dims: &[Dim]) -> proto::ValueInfo {
    let dim = dims
        .iter()
        .map(|dim| proto::Dimension {
            value: Some(match dim {
                Dim::Fixed(length) => proto::DimensionValue::Fixed(*length as i64),
                Dim::Named(name) => proto::DimensionValue::Named((*name).to_owned()),
            }),
        })
        .collect();
    let tensor = proto::TensorType { elem_type: proto::TYPE_FLOAT, shape: Some(proto::Shape { dim }) };
    proto::ValueInfo { name: name.to_owned(), r#type: Some(proto::Type { tensor: Some(tensor) }) }
}

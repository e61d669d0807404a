//! Against the real library, whose path comes from `INNKEEPER_ORT_LIBRARY`.

use std::path::{Path, PathBuf};
use std::thread::scope;

use prost::Message;

use crate::fixtures::version;
use crate::{Model, OnnxRuntime, PoolOptions, RuntimeError, Session, SessionOptions, Tensor, Ticket};

// The messages of onnx.proto3 that a small graph needs, with the field numbers of the published format
// (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).

#[derive(Clone, PartialEq, Message)]
struct ModelProto {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    opset_import: Vec<OperatorSet>,
}

#[derive(Clone, PartialEq, Message)]
struct OperatorSet {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(int64, tag = "2")]
    version: i64,
}

#[derive(Clone, PartialEq, Message)]
struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    node: Vec<NodeProto>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    output: Vec<ValueInfo>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(string, tag = "4")]
    op_type: String,
}

#[derive(Clone, PartialEq, Message)]
struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(float, repeated, tag = "4")]
    float_data: Vec<f32>,
    #[prost(string, tag = "8")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct ValueInfo {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    kind: Option<TypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TypeProto {
    #[prost(message, optional, tag = "1")]
    tensor_type: Option<TensorType>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorType {
    #[prost(int32, tag = "1")]
    elem_type: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<ShapeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct ShapeProto {
    #[prost(message, repeated, tag = "1")]
    dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
struct Dimension {
    #[prost(int64, optional, tag = "1")]
    value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    param: Option<String>,
}

const FLOAT: i32 = 1;
const INT64: i32 = 7;

fn value(name: &str, elem_type: i32) -> ValueInfo {
    let rows = Dimension { value: None, param: Some("n".to_owned()) };
    let shape = ShapeProto { dim: vec![rows, Dimension { value: Some(3), param: None }] };
    let tensor_type = Some(TensorType { elem_type, shape: Some(shape) });
    ValueInfo { name: name.to_owned(), kind: Some(TypeProto { tensor_type }) }
}

fn node(op_type: &str, input: [&str; 2], output: &str) -> NodeProto {
    NodeProto {
        input: input.map(str::to_owned).to_vec(),
        output: vec![output.to_owned()],
        op_type: op_type.to_owned(),
    }
}

fn constant(name: &str, x: f32) -> TensorProto {
    TensorProto { dims: vec![1], data_type: FLOAT, float_data: vec![x], name: name.to_owned() }
}

/// y = x * 2 + plus, z = y * y, on rows of three numbers.
fn graph(plus: f32) -> ModelProto {
    ModelProto {
        ir_version: 8,
        graph: Some(GraphProto {
            node: vec![
                node("Mul", ["x", "two"], "doubled"),
                node("Add", ["doubled", "plus"], "y"),
                node("Mul", ["y", "y"], "z"),
            ],
            name: "line".to_owned(),
            initializer: vec![constant("two", 2.0), constant("plus", plus)],
            input: vec![value("x", FLOAT)],
            output: vec![value("y", FLOAT), value("z", FLOAT)],
        }),
        opset_import: vec![OperatorSet { domain: String::new(), version: 13 }],
    }
}

/// x + x on 64-bit integers.
fn integers() -> ModelProto {
    let mut model = graph(0.0);
    if let Some(graph) = model.graph.as_mut() {
        graph.node = vec![node("Add", ["x", "x"], "y")];
        graph.initializer.clear();
        graph.input = vec![value("x", INT64)];
        graph.output = vec![value("y", INT64)];
    }
    model
}

fn write(model: &ModelProto) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), model.encode_to_vec()).expect("written");
    file
}

fn library() -> PathBuf {
    std::env::var_os("INNKEEPER_ORT_LIBRARY")
        .expect("set INNKEEPER_ORT_LIBRARY to the path of libonnxruntime.so; `make test` does")
        .into()
}

fn runtime() -> OnnxRuntime {
    OnnxRuntime::load(&library()).expect("the library of INNKEEPER_ORT_LIBRARY loads")
}

fn rows(rows: usize, from: f32) -> Tensor {
    Tensor::new(vec![rows, 3], (0..rows * 3).map(|i| from + i as f32).collect()).expect("fits")
}

#[test]
fn a_graph_computes_its_outputs_in_the_order_of_its_ports() {
    let file = write(&graph(1.0));
    let runtime = runtime();
    for options in [
        SessionOptions::default(),
        SessionOptions { arena: true, memory_pattern: true, intra_threads: 2 },
        SessionOptions { arena: false, memory_pattern: true, intra_threads: 1 },
    ] {
        let mut session = runtime.session(file.path(), &options).expect("loads");
        assert_eq!(session.inputs()[0].shape, [None, Some(3)]);
        let names: Vec<_> = session.outputs().iter().map(|port| port.name.as_str()).collect();
        assert_eq!(names, ["y", "z"]);
        let outputs = session.run(&[rows(2, 0.0)]).expect("runs");
        assert_eq!(outputs[0].data(), [1.0, 3.0, 5.0, 7.0, 9.0, 11.0]);
        assert_eq!(outputs[1].data(), [1.0, 9.0, 25.0, 49.0, 81.0, 121.0]);
        assert_eq!(outputs[1].shape(), [2, 3]);
    }
}

#[test]
fn inputs_of_another_shape_are_an_error_and_the_session_goes_on() {
    let file = write(&graph(1.0));
    let mut session = runtime().session(file.path(), &SessionOptions::default()).expect("loads");
    let wide = Tensor::new(vec![1, 4], vec![0.0; 4]).expect("fits");
    assert!(matches!(session.run(&[wide]), Err(RuntimeError::Shape { .. })));
    assert!(matches!(session.run(&[]), Err(RuntimeError::Shape { .. })));
    assert_eq!(session.run(&[rows(1, 1.0)]).expect("runs")[0].data(), [3.0, 5.0, 7.0]);
}

#[test]
fn a_library_or_model_that_is_not_one_is_an_error_and_never_a_panic() {
    let nowhere = Path::new("/nowhere/libonnxruntime.so");
    assert!(matches!(OnnxRuntime::load(nowhere), Err(RuntimeError::LibraryNotFound { .. })));
    let folder = std::env::temp_dir();
    assert!(matches!(OnnxRuntime::load(&folder), Err(RuntimeError::LibraryNotFound { .. })));
    let text = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(text.path(), "not a library").expect("written");
    assert!(matches!(OnnxRuntime::load(text.path()), Err(RuntimeError::Library(_))));

    // A failed attempt must not stand in the way of the right path.
    let runtime = runtime();
    assert!(!runtime.version().is_empty());
    assert!(OnnxRuntime::load(&library()).is_ok(), "the same library again is fine");
    assert!(matches!(OnnxRuntime::load(text.path()), Err(RuntimeError::Library(_))));

    let options = SessionOptions::default();
    let missing = runtime.session(Path::new("/nowhere/model.onnx"), &options);
    assert!(matches!(missing, Err(RuntimeError::ModelLoad { .. })));
    assert!(matches!(runtime.session(text.path(), &options), Err(RuntimeError::ModelLoad { .. })));
    match runtime.session(write(&integers()).path(), &options) {
        Err(RuntimeError::ModelLoad { detail, .. }) => assert!(detail.starts_with("x is"), "{detail}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn sixty_four_callers_of_a_graph_get_serial_answers_while_it_is_swapped() {
    let runtime = runtime();
    let files = [1.0, 5.0].map(|plus| write(&graph(plus)));
    let sessions = |i: usize| -> crate::SessionFactory {
        let (runtime, path) = (runtime.clone(), files[i].path().to_owned());
        Box::new(move || Ok(Box::new(runtime.session(&path, &SessionOptions::default())?)))
    };
    let options = PoolOptions { workers: 4, queue: 256, ..PoolOptions::default() };
    let model = Model::start("line", version(0), sessions(0), options).expect("starts");
    scope(|s| {
        for caller in 0..64_usize {
            let model = &model;
            s.spawn(move || {
                for round in 0..40_usize {
                    let input = rows(1 + (caller + round) % 9, (caller * 40 + round) as f32);
                    let answer = model.answer(vec![input.clone()], &Ticket::unlimited()).expect("answers");
                    let plus = if answer.model == version(0) { 1.0 } else { 5.0 };
                    let y: Vec<f32> = input.data().iter().map(|x| x * 2.0 + plus).collect();
                    let z: Vec<f32> = y.iter().map(|y| y * y).collect();
                    assert_eq!(answer.outputs[0].data(), y);
                    assert_eq!(answer.outputs[1].data(), z);
                }
            });
        }
        for swap in 1..=6 {
            model.swap(version(swap % 2), sessions(swap % 2)).expect("swaps");
        }
    });
    model.stop();
}

/// Numbers between 0 and 255 that look like no pattern (Marsaglia's xorshift).
fn noise(shape: Vec<usize>) -> Tensor {
    let mut state = 0x2545_f491_u32;
    let numbers = (0..shape.iter().product()).map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as f32
    });
    let numbers = numbers.collect();
    Tensor::new(shape, numbers).expect("fits")
}

#[test]
fn installed_networks_answer_the_same_in_their_faster_form() {
    // The library lies in models/onnxruntime/VERSION, beside the networks.
    let library = library();
    let models = library.ancestors().nth(3).expect("a models folder");
    let files = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let paths = files(models).into_iter().flat_map(|item| files(&item)).flat_map(|version| files(&version));
    let (runtime, options) = (runtime(), SessionOptions::default());
    let mut compared = Vec::new();
    for path in paths.filter(|path| path.extension().is_some_and(|e| e == "onnx")) {
        let bytes = std::fs::read(&path).expect("readable");
        let Some(rewritten) = innkeeper_convert::faster(&bytes) else { continue };
        let mut before = runtime.session_of(&path, None, &options).expect("loads");
        let mut after = runtime.session_of(&path, Some(&rewritten), &options).expect("loads");
        assert_eq!((before.inputs(), before.outputs()), (after.inputs(), after.outputs()));
        let shape = before.inputs()[0].shape.iter().enumerate();
        // One row where rows are free, 64 pixels where sides are: detectors want multiples of 32.
        let shape = shape.map(|(axis, &side)| side.unwrap_or(if axis == 0 { 1 } else { 64 })).collect();
        let input = [noise(shape)];
        let (before, after) = (before.run(&input).expect("runs"), after.run(&input).expect("runs"));
        for (before, after) in before.iter().zip(&after) {
            for (b, a) in before.data().iter().zip(after.data()) {
                assert!((b - a).abs() <= 1e-6 * b.abs().max(1.0), "{}: {b} became {a}", path.display());
            }
        }
        compared.extend(path.file_name().map(std::ffi::OsStr::to_owned));
    }
    for name in ["pnet.onnx", "rnet.onnx", "onet.onnx", "text-detection.onnx"] {
        assert!(compared.iter().any(|file| file == name), "{name} was not rewritten: {compared:?}");
    }
}

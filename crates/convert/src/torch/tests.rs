//! Tests of the reader on files that are built here, opcode by opcode.

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

/// A tensor to be written: name, shape, stride, offset, and what lies in its storage.
struct Sample {
    name: &'static str,
    shape: &'static [usize],
    stride: &'static [usize],
    offset: usize,
    storage: Vec<f32>,
}

fn samples() -> Vec<Sample> {
    let numbers = |count: usize| (0..count).map(|at| at as f32 + 0.5).collect();
    vec![
        Sample { name: "a.weight", shape: &[2, 3], stride: &[3, 1], offset: 0, storage: numbers(6) },
        Sample { name: "b.weight", shape: &[3, 2], stride: &[1, 3], offset: 1, storage: numbers(7) },
        Sample { name: "scale", shape: &[], stride: &[], offset: 2, storage: numbers(4) },
    ]
}

/// What the samples are, dense.
fn hold_the_samples(state: &StateDict) {
    let a = state.get("a.weight", &[2, 3]).expect("a.weight");
    assert_eq!(a, [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]);
    let b = state.get("b.weight", &[3, 2]).expect("b.weight");
    assert_eq!(b, [1.5, 4.5, 2.5, 5.5, 3.5, 6.5]);
    assert_eq!(state.get("scale", &[]).expect("scale"), [2.5]);
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

fn int(out: &mut Vec<u8>, value: usize) {
    out.push(b'J');
    out.extend((value as i32).to_le_bytes());
}

fn tuple(out: &mut Vec<u8>, values: &[usize]) {
    out.push(b'(');
    for &value in values {
        int(out, value);
    }
    out.push(b't');
}

/// (storage, offset, shape, stride, ...
fn view(out: &mut Vec<u8>, class: &str, key: &str, length: usize, offset: usize, sides: [&[usize]; 2]) {
    out.extend(b"((");
    text(out, "storage");
    out.extend(format!("ctorch\n{class}\n").as_bytes());
    text(out, key);
    text(out, "cpu");
    int(out, length);
    out.extend(b"tQ");
    int(out, offset);
    tuple(out, sides[0]);
    tuple(out, sides[1]);
}

/// ..., `requires_grad`, hooks), called.
fn rebuilt(out: &mut Vec<u8>) {
    out.extend(b"\x89ccollections\nOrderedDict\n)RtR");
}

fn dict(samples: &[Sample]) -> Vec<u8> {
    let mut out = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for (key, sample) in samples.iter().enumerate() {
        text(&mut out, sample.name);
        out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n");
        let sides = [sample.shape, sample.stride];
        view(&mut out, "FloatStorage", &key.to_string(), sample.storage.len(), sample.offset, sides);
        rebuilt(&mut out);
    }
    out.extend(b"u.");
    out
}

fn zipped(pickle: &[u8], storages: &[Vec<u8>]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("model/data.pkl", options).expect("a file in the archive");
    zip.write_all(pickle).expect("written to memory");
    for (key, storage) in storages.iter().enumerate() {
        zip.start_file(format!("model/data/{key}"), options).expect("a file in the archive");
        zip.write_all(storage).expect("written to memory");
    }
    zip.finish().expect("an archive").into_inner()
}

fn raw(storage: &[f32]) -> Vec<u8> {
    storage.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn new_form() -> Vec<u8> {
    let samples = samples();
    let storages: Vec<Vec<u8>> = samples.iter().map(|sample| raw(&sample.storage)).collect();
    zipped(&dict(&samples), &storages)
}

fn old_form() -> Vec<u8> {
    let samples = samples();
    let mut out =
        b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.".to_vec();
    out.extend(dict(&samples));
    out.extend(b"\x80\x02](");
    (0..samples.len()).for_each(|key| text(&mut out, &key.to_string()));
    out.extend(b"e.");
    for sample in samples {
        out.extend((sample.storage.len() as u64).to_le_bytes());
        out.extend(raw(&sample.storage));
    }
    out
}

#[test]
fn both_forms_of_file_give_the_same_dense_tensors() {
    hold_the_samples(&StateDict::read(&new_form()).expect("the zip form"));
    hold_the_samples(&StateDict::read(&old_form()).expect("the older form"));
}

#[test]
fn a_tensor_of_another_shape_or_name_is_named_in_the_error() {
    let state = StateDict::read(&old_form()).expect("the older form");
    let missing = state.get("c.weight", &[1]).expect_err("there is no c");
    assert!(missing.to_string().contains("c.weight"), "{missing}");
    let shape = state.get("a.weight", &[3, 2]).expect_err("a is 2x3");
    assert!(matches!(shape, ConvertError::Shape { ref found, .. } if found == &[2, 3]), "{shape}");
}

#[test]
fn quantised_linear_layers_become_floats() {
    let mut pickle = b"\x80\x02}(".to_vec();
    text(&mut pickle, "fc._packed_params._packed_params");
    pickle.extend(b"(ctorch._utils\n_rebuild_qtensor\n");
    view(&mut pickle, "QInt8Storage", "0", 4, 0, [&[2, 2], &[2, 1]]);
    pickle.extend(b"(ctorch\nper_tensor_affine\nG");
    pickle.extend(0.25_f64.to_be_bytes());
    int(&mut pickle, 3);
    pickle.push(b't');
    rebuilt(&mut pickle);
    pickle.extend(b"ctorch._utils\n_rebuild_parameter\n(ctorch._utils\n_rebuild_tensor_v2\n");
    view(&mut pickle, "FloatStorage", "1", 2, 0, [&[2], &[1]]);
    rebuilt(&mut pickle);
    pickle.extend(b"\x88ccollections\nOrderedDict\n)RtRt");
    text(&mut pickle, "fc._packed_params.dtype");
    pickle.extend(b"ctorch\nqint8\n");
    text(&mut pickle, "steps");
    pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n");
    view(&mut pickle, "LongStorage", "2", 1, 0, [&[], &[]]);
    rebuilt(&mut pickle);
    pickle.extend(b"u.");
    let file = zipped(&pickle, &[vec![3, 7, 0xff, 0x80], raw(&[1.0, -2.0])]);
    let state = StateDict::read(&file).expect("a quantised layer");
    assert_eq!(state.get("fc.weight", &[2, 2]).expect("weight"), [0.0, 1.0, -1.0, -32.75]);
    assert_eq!(state.get("fc.bias", &[2]).expect("bias"), [1.0, -2.0]);
    assert!(state.get("steps", &[]).is_err(), "a counter is no weight");
}

#[test]
fn a_cut_file_is_refused_wherever_it_is_cut() {
    for file in [new_form(), old_form()] {
        for length in 0..file.len() {
            assert!(StateDict::read(&file[..length]).is_err(), "cut to {length} of {}", file.len());
        }
    }
}

#[test]
fn a_damaged_file_never_brings_the_reader_down() {
    for file in [new_form(), old_form()] {
        for at in 0..file.len() {
            for flip in [0xff, 0x01, 0x80, 0x7f] {
                let mut damaged = file.clone();
                damaged[at] ^= flip;
                // Either answer is right (a weight's own bits may have changed); a panic is not.
                let _ = StateDict::read(&damaged).is_ok();
            }
        }
    }
}

#[test]
fn a_pickle_that_doubles_itself_is_stopped() {
    let mut pickle = b"\x80\x02K\x01q\x00".to_vec();
    for _ in 0..60 {
        pickle.extend(b"h\x00h\x00\x86q\x00");
    }
    pickle.push(b'.');
    let error = StateDict::read(&zipped(&pickle, &[])).expect_err("2^60 objects");
    assert!(
        error.to_string().contains("nested") || matches!(error, ConvertError::TooLarge { .. }),
        "{error}"
    );

    // Wide instead of deep.
    let mut pickle = b"\x80\x02K\x01q\x00".to_vec();
    for _ in 0..8 {
        pickle.push(b'(');
        pickle.extend(b"h\x00".repeat(100));
        pickle.extend(b"tq\x00");
    }
    pickle.push(b'.');
    let error = StateDict::read(&zipped(&pickle, &[])).expect_err("100^8 objects");
    assert!(matches!(error, ConvertError::TooLarge { .. }), "{error}");
}

#[test]
fn a_pickle_nested_without_end_is_stopped() {
    let pickle = [b"\x80\x02N".to_vec(), b"Q".repeat(100_000), b".".to_vec()].concat();
    let error = StateDict::read(&zipped(&pickle, &[])).expect_err("a tower of brackets");
    assert!(error.to_string().contains("nested"), "{error}");
}

#[test]
fn lengths_in_the_pickle_are_not_believed() {
    let long = b"\x80\x02X\xff\xff\xff\xff.".to_vec();
    let wide = b"\x80\x02\x8a\xff.".to_vec();
    for pickle in [long, wide] {
        assert!(StateDict::read(&zipped(&pickle, &[])).is_err());
    }
    // A shape that repeats one stored number a billion times.
    for (shape, stride, offset) in [(&[1 << 30], &[0], 0), (&[4], &[1 << 30], 0), (&[4], &[1], 1 << 30)] {
        let sample = Sample { name: "a", shape, stride, offset, storage: vec![1.0; 4] };
        let file = zipped(&dict(&[sample]), &[raw(&[1.0; 4])]);
        assert!(StateDict::read(&file).is_err(), "{shape:?} {stride:?} {offset}");
    }
}

#[test]
fn a_file_of_another_kind_is_named_as_such() {
    let error = StateDict::read(b"<html>not found</html>").expect_err("a web page");
    assert!(error.to_string().contains("torch.save"), "{error}");
}

/// Makes up the weights of a network: what `convert` asks for, in the shapes it asks for.
pub(crate) fn made_up(convert: impl Fn(&StateDict) -> Result<Vec<u8>, ConvertError>) -> (StateDict, Vec<u8>) {
    let mut state = StateDict { tensors: BTreeMap::new() };
    loop {
        let (name, shape) = match convert(&state) {
            Ok(file) => return (state, file),
            Err(ConvertError::MissingTensor { name }) => (name, vec![0]),
            Err(ConvertError::Shape { name, expected, .. }) => (name, expected),
            Err(other) => panic!("{other}"),
        };
        let data = (0..shape.iter().product()).map(|at: usize| (at % 7) as f32 - 3.0).collect();
        state.tensors.insert(name, Tensor { shape, data });
    }
}

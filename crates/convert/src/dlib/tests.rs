//! Tests on streams that are written here as dlib writes them.

use super::*;
use crate::ConvertError;
use crate::onnx::tests::whole;

fn int(out: &mut Vec<u8>, value: i64) {
    let raw = value.unsigned_abs().to_le_bytes();
    let count = (8 - value.unsigned_abs().leading_zeros() as usize / 8).max(1);
    out.push(count as u8 | if value < 0 { 0x80 } else { 0 });
    out.extend(&raw[..count]);
}

fn ints(out: &mut Vec<u8>, values: &[i64]) {
    for &value in values {
        int(out, value);
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    int(out, text.len() as i64);
    out.extend(text.as_bytes());
}

/// `value` in 2^-24ths.
fn float(out: &mut Vec<u8>, value: f64) {
    ints(out, &[(value * f64::from(1 << 24)) as i64, -24]);
}

fn column(out: &mut Vec<u8>, values: &[f64]) {
    ints(out, &[-(values.len() as i64), -1]);
    for &value in values {
        float(out, value);
    }
}

/// Two points at rest on (0, 0) and (1, 1); one step: one pixel on each point, one tree with one split that
/// moves the first point to the right when its pixel is brighter by more than 10, else the second down.
fn small_predictor() -> Vec<u8> {
    let mut out = Vec::new();
    int(&mut out, 1);
    column(&mut out, &[0.0, 0.0, 1.0, 1.0]);
    ints(&mut out, &[1, 1, 1, 0, 1]);
    float(&mut out, 10.0);
    int(&mut out, 2);
    column(&mut out, &[0.25, 0.0, 0.0, 0.0]);
    column(&mut out, &[0.0, 0.0, 0.0, 0.5]);
    ints(&mut out, &[1, 2, 0, 1]);
    ints(&mut out, &[1, 2]);
    for offset in [0.0, 0.0, -0.1, 0.0] {
        float(&mut out, offset);
    }
    out
}

#[test]
fn packed_numbers_read_back() {
    let mut out = Vec::new();
    let numbers = [0, 1, -1, 255, 256, -65_537, i64::MAX, -i64::MAX];
    ints(&mut out, &numbers);
    text(&mut out, "con_4");
    out.extend(b"10");
    float(&mut out, -1.75);
    ints(&mut out, &[3, 32000, 1, 32001, 5, 32002, 1, -400]);
    out.extend(2.5_f32.to_le_bytes());
    let mut reader = Reader::new(&out);
    assert_eq!(numbers.map(|_| reader.int().expect("an integer")), numbers);
    assert_eq!(reader.string().expect("a string"), "con_4");
    assert_eq!([reader.bool().expect("true"), reader.bool().expect("false")], [true, false]);
    let floats: Vec<f32> = (0..5).map(|_| reader.float().expect("a float")).collect();
    assert_eq!(floats[..3], [-1.75, f32::INFINITY, f32::NEG_INFINITY]);
    assert!(floats[3].is_nan() && floats[4] == 0.0);
    assert_eq!(reader.floats(1).expect("raw"), [2.5]);
    assert_eq!((reader.left(), reader.position()), (0, out.len()));
}

#[test]
fn a_stream_is_not_believed_about_lengths() {
    for stream in [
        b"\x00".as_slice(),                          // an integer of no bytes
        b"\x09\x01\x01\x01\x01\x01\x01\x01\x01\x01", // of nine bytes
        b"\x11\x01",                                 // with unknown flags
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff",     // above 64 bits
    ] {
        assert!(Reader::new(stream).int().is_err(), "{stream:?}");
    }
    let mut huge = Vec::new();
    ints(&mut huge, &[1 << 60]);
    assert!(Reader::new(&huge).list(2).is_err());
    assert!(Reader::new(&huge).string().is_err());
    let mut tensor = Vec::new();
    ints(&mut tensor, &[2, 1 << 31, 1 << 31, 1 << 31, 1]);
    assert!(Reader::new(&tensor).tensor().is_err());
    assert!(Reader::new(b"abc").floats(usize::MAX).is_err());
}

#[test]
fn the_tree_moves_the_point_it_should() {
    let predictor = ShapePredictor::read(&small_predictor()).expect("a predictor");
    assert_eq!(predictor.initial_shape(), [(0.0, 0.0), (1.0, 1.0)]);
    let rect = PixelRect { left: 10, top: 20, right: 50, bottom: 60 };
    let bright_at = |x0: usize, y0: usize| {
        predictor.predict(move |x, y| if (x, y) == (x0, y0) { 200 } else { 0 }, 100, 100, rect)
    };
    // The first pixel lies on the first point, the second four columns left of the second point.
    assert_eq!(bright_at(10, 20), [(20.0, 20.0), (50.0, 60.0)]);
    assert_eq!(bright_at(46, 60), [(10.0, 20.0), (50.0, 80.0)]);
}

#[test]
fn a_box_outside_the_picture_asks_for_no_pixel() {
    let predictor = ShapePredictor::read(&small_predictor()).expect("a predictor");
    for rect in [
        PixelRect { left: -90, top: -90, right: -10, bottom: -10 },
        PixelRect { left: 500, top: 500, right: 400, bottom: 400 },
        PixelRect { left: i64::MIN, top: i64::MIN, right: i64::MAX, bottom: i64::MAX },
    ] {
        let inside = |x: usize, y: usize| {
            assert!(x < 100 && y < 80, "asked for ({x}, {y})");
            0
        };
        assert_eq!(predictor.predict(inside, 100, 80, rect).len(), 2);
    }
}

#[test]
fn a_cut_predictor_is_refused_wherever_it_is_cut() {
    let stream = small_predictor();
    for length in 0..stream.len() {
        assert!(ShapePredictor::read(&stream[..length]).is_err(), "cut to {length}");
    }
    assert!(ShapePredictor::read(&[stream, vec![1, 0]].concat()).is_err(), "bytes behind the end");
}

#[test]
fn a_damaged_predictor_never_brings_the_reader_down() {
    let stream = small_predictor();
    for at in 0..stream.len() {
        for value in 0..=u8::MAX {
            let mut damaged = stream.clone();
            damaged[at] = value;
            if let Ok(predictor) = ShapePredictor::read(&damaged) {
                let rect = PixelRect { left: 0, top: 0, right: 9, bottom: 9 };
                assert!(!predictor.predict(|_, _| 1, 10, 10, rect).is_empty());
            }
        }
    }
}

fn tail(out: &mut Vec<u8>) {
    out.extend(b"110");
    ints(out, &[2, 0, 0, 0, 0].repeat(3));
}

fn tensor(out: &mut Vec<u8>, sides: [i64; 4]) {
    int(out, 2);
    ints(out, &sides);
    let count = sides.iter().product::<i64>();
    (0..count).for_each(|at| out.extend(((at % 5) as f32 / 8.0).to_le_bytes()));
}

fn convolution(out: &mut Vec<u8>, from: i64, to: i64, kernel: i64, stride: i64) {
    text(out, "con_4");
    tensor(out, [to * from * kernel * kernel + to, 1, 1, 1]);
    let pad = if stride == 1 { kernel / 2 } else { 0 };
    ints(out, &[to, kernel, kernel, stride, stride, pad, pad]);
    ints(out, &[1, to, from, kernel, kernel, 1, 1, to, 1, 1]);
    (0..4).for_each(|_| float(out, 1.0));
    tail(out);
    if from == 3 {
        int(out, 1);
    }
    text(out, "affine_");
    tensor(out, [2 * to, 1, 1, 1]);
    ints(out, &[1, 1, to, 1, 1, 1, 1, to, 1, 1, 0]);
    tail(out);
}

fn plain(out: &mut Vec<u8>, name: &str, numbers: &[i64]) {
    text(out, name);
    ints(out, numbers);
    tail(out);
}

/// A stream of the network's form with made-up weights.
fn network() -> Vec<u8> {
    let mut out = Vec::new();
    ints(&mut out, &[1, 1]);
    text(&mut out, "loss_metric_2");
    float(&mut out, 0.04);
    float(&mut out, 0.6);
    ints(&mut out, &[1, 2, 2, 1, 2, 3]);
    text(&mut out, "input_rgb_image_sized");
    for mean in [122.782, 117.001, 104.298] {
        float(&mut out, mean);
    }
    ints(&mut out, &[150, 150]);
    convolution(&mut out, 3, 32, 7, 2);
    plain(&mut out, "relu_", &[]);
    plain(&mut out, "max_pool_2", &[3, 3, 2, 2, 0, 0]);
    let mut width = 32;
    for (to, blocks, halved) in
        [(32, 3, false), (64, 4, true), (128, 3, true), (256, 3, true), (256, 1, true)]
    {
        for block in 0..blocks {
            let down = halved && block == 0;
            convolution(&mut out, width, to, 3, if down { 2 } else { 1 });
            plain(&mut out, "relu_", &[]);
            convolution(&mut out, to, to, 3, 1);
            if down {
                plain(&mut out, "avg_pool_2", &[2, 2, 2, 2, 0, 0]);
            }
            plain(&mut out, "add_prev_", &[]);
            plain(&mut out, "relu_", &[]);
            width = to;
        }
    }
    plain(&mut out, "avg_pool_2", &[0, 0, 1, 1, 0, 0]);
    text(&mut out, "fc_2");
    ints(&mut out, &[128, 256]);
    tensor(&mut out, [256, 128, 1, 1]);
    ints(&mut out, &[1, 256, 128, 1, 1, 1, 0, 0, 0, 0, 1]);
    (0..4).for_each(|_| float(&mut out, 1.0));
    tail(&mut out);
    out
}

#[test]
fn the_network_becomes_one_whole_graph() {
    let stream = network();
    let file = resnet::convert(&stream).expect("the network");
    let (operators, outputs) = whole(&file);
    let known =
        ["Add", "AveragePool", "Conv", "Flatten", "GlobalAveragePool", "MatMul", "MaxPool", "Pad", "Relu"];
    assert_eq!(operators.into_iter().collect::<Vec<_>>(), known);
    assert_eq!(outputs, ["embedding"]);

    assert!(resnet::convert(&[stream.clone(), vec![1, 0]].concat()).is_err(), "bytes behind the end");
    for cut in [0, 1, 2, 30, 60, 100, 19_000, 19_500, stream.len() / 2, stream.len() - 1] {
        assert!(resnet::convert(&stream[..cut]).is_err(), "cut to {cut}");
    }
}

#[test]
fn a_network_of_other_layers_is_refused_by_name() {
    let stream = network();
    let at = stream.windows(5).position(|window| window == b"relu_").expect("a relu");
    let mut other = stream.clone();
    other[at..at + 5].copy_from_slice(b"sigm_");
    let error = resnet::convert(&other).expect_err("another layer");
    assert!(error.to_string().contains("`sigm_` where `relu_` belongs"), "{error}");
    assert!(matches!(
        resnet::convert(&small_predictor()),
        Err(ConvertError::Malformed { .. } | ConvertError::Truncated { .. })
    ));
}

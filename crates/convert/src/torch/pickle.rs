//! From the pickle of a state dict to the place and layout of each tensor.
//!
//! candle's reader turns opcodes into plain data and runs nothing. It trusts the lengths in the file and
//! copies what is remembered, so each opcode is looked at before it is handed over: strings are no longer
//! than the file, integers fit, and neither size nor depth of what is built can explode.

use candle_core::pickle::{Object, Stack};

use super::FORMAT;
use crate::ConvertError;

/// Names (by 32 bytes), numbers and brackets that may be built while reading one pickle; EdgeFace's file needs 60,000.
const OBJECT_LIMIT: usize = 1_000_000;
/// Brackets inside brackets; a state dict needs about ten.
const DEPTH_LIMIT: usize = 32;
/// Bytes of one name.
const STRING_LIMIT: usize = 4096;

/// A tensor's name and where it lies.
pub(super) type Record = (String, TensorRecord);

/// How the bytes of a storage become floats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Float,
    Quantised {
        scale: f32,
        zero_point: i32,
    },
    /// Numbers of another kind, such as counters: no network here uses them, but in the older form of file
    /// their storages stand between the others and have to be stepped over.
    Skipped,
}

/// A strided view of a storage; offset and strides count elements.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TensorRecord {
    pub storage: String,
    pub storage_width: usize,
    pub kind: Kind,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub stride: Vec<usize>,
}

fn bad(detail: impl Into<String>) -> ConvertError {
    ConvertError::malformed(FORMAT, detail)
}

/// Reads the pickle at the start of `bytes`; answers with its length too.
pub(super) fn load(bytes: &[u8]) -> Result<(Object, usize), ConvertError> {
    let mut stack = Stack::empty();
    let mut rest = bytes;
    let mut built = 0_usize;
    loop {
        let grows = inspect(rest)?;
        let done = stack.read(&mut rest).map_err(|error| bad(error.to_string()))?;
        if done {
            break;
        }
        if grows && let Some(top) = stack.stack().last() {
            built = built.saturating_add(weigh(top, 0)?);
            if built > OBJECT_LIMIT {
                return Err(ConvertError::TooLarge {
                    what: "the number of objects in the pickle",
                    found: built as u64,
                    limit: OBJECT_LIMIT as u64,
                });
            }
        }
    }
    let object = stack.finalize().map_err(|error| bad(error.to_string()))?;
    Ok((object, bytes.len() - rest.len()))
}

/// Refuses an opcode whose argument would make candle's reader allocate or overflow; says whether the
/// opcode copies or nests, so that the result has to be weighed.
fn inspect(rest: &[u8]) -> Result<bool, ConvertError> {
    let length = |count: usize| -> usize {
        rest.get(1..=count).map_or(0, |raw| raw.iter().rev().fold(0, |n, &byte| n << 8 | usize::from(byte)))
    };
    match rest.first() {
        Some(b'X') if length(4) > STRING_LIMIT || length(4) > rest.len() => Err(bad("an endless name")),
        Some(0x8a) if length(1) > 8 => Err(bad("an integer of more than 64 bits")),
        Some(
            b'h'
            | b'j'
            | b'q'
            | b'r'
            | b't'
            | 0x81
            | 0x85..=0x87
            | b'R'
            | b'b'
            | b'Q'
            | b'a'
            | b'e'
            | b's'
            | b'u'
            | b'd',
        ) => Ok(true),
        _ => Ok(false),
    }
}

/// Counts the objects inside an object, a long text as several.
fn weigh(object: &Object, depth: usize) -> Result<usize, ConvertError> {
    if depth > DEPTH_LIMIT {
        return Err(bad("objects nested too deeply"));
    }
    let children: usize = match object {
        Object::Tuple(list) | Object::List(list) => {
            list.iter().map(|child| weigh(child, depth + 1)).sum::<Result<_, _>>()?
        }
        Object::Dict(pairs) => pairs
            .iter()
            .map(|(key, value)| Ok(weigh(key, depth + 1)? + weigh(value, depth + 1)?))
            .sum::<Result<_, ConvertError>>()?,
        Object::Reduce { callable, args } | Object::Build { callable, args } => {
            weigh(callable, depth + 1)? + weigh(args, depth + 1)?
        }
        Object::PersistentLoad(id) => weigh(id, depth + 1)?,
        Object::Unicode(text) => text.len() / 32,
        Object::Class { module_name, class_name } => (module_name.len() + class_name.len()) / 32,
        _ => 0,
    };
    Ok(children + 1)
}

/// The texts of a list of texts.
pub(super) fn strings(object: Object) -> Result<Vec<String>, ConvertError> {
    let Object::List(list) = object else { return Err(bad("the storage keys are not a list")) };
    list.into_iter().map(|key| key.unicode().map_err(|_| bad("a storage key is not a text"))).collect()
}

/// The tensors of a state dict. Tensors of other numbers (counters) come as [`Kind::Skipped`]; what is no
/// tensor (types) is left out. The linear
/// layers of a quantised module keep weight and bias as one pair under `X._packed_params._packed_params`;
/// they are named `X.weight` and `X.bias` here, as in the module they were made from.
pub(super) fn records(object: Object) -> Result<Vec<Record>, ConvertError> {
    let object = match object {
        // An ordered dict with attributes that are not a dict.
        Object::Build { callable, .. } => *callable,
        other => other,
    };
    let Object::Dict(entries) = object else { return Err(bad("the file is not a state dict")) };
    let mut found = Vec::new();
    for (key, value) in entries {
        let Object::Unicode(name) = key else { continue };
        match value {
            Object::Tuple(pair) => {
                let Some(module) = name.strip_suffix("._packed_params._packed_params") else { continue };
                for (part, value) in ["weight", "bias"].into_iter().zip(pair) {
                    if let Some(record) = tensor(value)? {
                        found.push((format!("{module}.{part}"), record));
                    }
                }
            }
            other => found.extend(tensor(other)?.map(|record| (name, record))),
        }
    }
    Ok(found)
}

/// Reads a call of one of torch's rebuild functions.
fn tensor(object: Object) -> Result<Option<TensorRecord>, ConvertError> {
    let Object::Reduce { callable, args } = object else { return Ok(None) };
    let (Object::Class { class_name, .. }, Object::Tuple(args)) = (*callable, *args) else { return Ok(None) };
    let mut args = args.into_iter();
    match class_name.as_str() {
        "_rebuild_parameter" => args.next().map_or(Ok(None), tensor),
        "_rebuild_tensor_v2" => view(&mut args, "FloatStorage", Kind::Float),
        "_rebuild_qtensor" => {
            // The quantiser stands behind the view's four arguments.
            let rest: Vec<Object> = args.collect();
            let kind = quantiser(rest.get(4))?;
            view(&mut rest.into_iter(), "QInt8Storage", kind)
        }
        _ => Ok(None),
    }
}

fn quantiser(object: Option<&Object>) -> Result<Kind, ConvertError> {
    let Some(Object::Tuple(parts)) = object else { return Err(bad("a quantised tensor without quantiser")) };
    match parts.as_slice() {
        [Object::Class { class_name, .. }, Object::Float(scale), Object::Int(zero_point)]
            if class_name == "per_tensor_affine" =>
        {
            Ok(Kind::Quantised { scale: *scale as f32, zero_point: *zero_point })
        }
        _ => Err(bad("only per-tensor affine quantisation is read")),
    }
}

/// Bytes of one number in a storage of this class; `None` for a class that is not known.
fn width(class: &str) -> Option<usize> {
    Some(match class {
        "ByteStorage" | "CharStorage" | "BoolStorage" | "QInt8Storage" | "QUInt8Storage" => 1,
        "ShortStorage" | "HalfStorage" | "BFloat16Storage" => 2,
        "IntStorage" | "FloatStorage" | "QInt32Storage" => 4,
        "LongStorage" | "DoubleStorage" | "ComplexFloatStorage" => 8,
        _ => return None,
    })
}

/// Reads (storage, offset, shape, stride); `None` when the storage is of a class that is not known.
fn view(
    args: &mut impl Iterator<Item = Object>,
    class: &str,
    kind: Kind,
) -> Result<Option<TensorRecord>, ConvertError> {
    let (Some(Object::PersistentLoad(id)), Some(offset), Some(shape), Some(stride)) =
        (args.next(), args.next(), args.next(), args.next())
    else {
        return Err(bad("a tensor without storage, offset, shape and stride"));
    };
    let Object::Tuple(id) = *id else { return Err(bad("a storage without a description")) };
    // ("storage", class, key, device, length) and, in the old form, a view that nothing uses any more.
    let [_, Object::Class { class_name, .. }, Object::Unicode(key), ..] = id.as_slice() else {
        return Err(bad("a storage without class and key"));
    };
    let Some(storage_width) = width(class_name) else { return Ok(None) };
    let kind = if class_name == class { kind } else { Kind::Skipped };
    if !matches!(id.get(5), None | Some(Object::None)) {
        return Err(bad("a storage that is a view of another"));
    }
    let (shape, stride) = (sizes(shape)?, sizes(stride)?);
    if shape.len() != stride.len() {
        return Err(bad("a tensor with as many strides as sides was expected"));
    }
    Ok(Some(TensorRecord { storage: key.clone(), storage_width, kind, offset: size(offset)?, shape, stride }))
}

fn sizes(object: Object) -> Result<Vec<usize>, ConvertError> {
    let Object::Tuple(list) = object else { return Err(bad("a shape that is not a tuple")) };
    list.into_iter().map(size).collect()
}

fn size(object: Object) -> Result<usize, ConvertError> {
    object
        .int_or_long()
        .ok()
        .and_then(|n| usize::try_from(n).ok())
        .ok_or_else(|| bad("a length that is not a natural number"))
}

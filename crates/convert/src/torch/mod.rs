//! Reading `PyTorch` state dicts: named float tensors out of a `.pt` file.
//!
//! Both forms that `torch.save` has had are read: the zip archive (since 1.6) and the older stream of
//! pickles followed by raw storages. Per-tensor quantised weights are turned back into floats. Nothing
//! in the file is executed, and nothing is allocated that the file is not long enough to fill.

mod archive;
mod pickle;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use crate::ConvertError;
use archive::Storages;
use pickle::{Kind, TensorRecord};

const FORMAT: &str = "PyTorch";

/// A dense, row-major tensor of floats.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tensor {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

/// All float tensors of a file by name.
#[derive(Debug)]
pub(crate) struct StateDict {
    tensors: BTreeMap<String, Tensor>,
}

impl StateDict {
    /// Reads a file's bytes. Tensors of integers are left out: no network here uses them.
    pub fn read(bytes: &[u8]) -> Result<Self, ConvertError> {
        let (records, storages) = archive::open(bytes)?;
        let mut tensors = BTreeMap::new();
        // A state dict cannot hold more numbers than its file has bytes, unless it repeats itself.
        let mut budget = bytes.len();
        for (name, record) in records.into_iter().filter(|(_, record)| record.kind != Kind::Skipped) {
            let tensor = materialise(&name, &record, &storages, &mut budget)?;
            if tensors.insert(name.clone(), tensor).is_some() {
                return Err(ConvertError::malformed(FORMAT, format!("tensor `{name}` appears twice")));
            }
        }
        Ok(Self { tensors })
    }

    /// The numbers of a tensor that must have exactly this shape.
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<&[f32], ConvertError> {
        let tensor =
            self.tensors.get(name).ok_or_else(|| ConvertError::MissingTensor { name: name.to_owned() })?;
        if tensor.shape != shape {
            return Err(ConvertError::Shape {
                name: name.to_owned(),
                expected: shape.to_vec(),
                found: tensor.shape.clone(),
            });
        }
        Ok(&tensor.data)
    }
}

/// Gathers a strided view of a storage into a dense tensor.
fn materialise(
    name: &str,
    record: &TensorRecord,
    storages: &Storages<'_>,
    budget: &mut usize,
) -> Result<Tensor, ConvertError> {
    let storage = storages.get(&record.storage)?;
    let width = record.storage_width;
    let available = storage.len() / width;
    let outside = || ConvertError::malformed(FORMAT, format!("tensor `{name}` reaches outside its storage"));
    let count = record.shape.iter().try_fold(1_usize, |n, &side| n.checked_mul(side)).ok_or_else(outside)?;
    if count > available || count > *budget {
        return Err(outside());
    }
    *budget -= count;
    let mut data = Vec::with_capacity(count);
    if count > 0 {
        let mut last = record.offset;
        for (&side, &stride) in record.shape.iter().zip(&record.stride) {
            let reach = (side - 1).checked_mul(stride).ok_or_else(outside)?;
            last = last.checked_add(reach).ok_or_else(outside)?;
        }
        if last >= available {
            return Err(outside());
        }
        let mut index = vec![0_usize; record.shape.len()];
        for _ in 0..count {
            let at = index.iter().zip(&record.stride).fold(record.offset, |at, (i, stride)| at + i * stride);
            let raw = storage.get(at * width..(at + 1) * width).ok_or_else(outside)?;
            data.push(record.kind.decode(raw));
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                if index[axis] < record.shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
    }
    Ok(Tensor { shape: record.shape.clone(), data })
}

impl Kind {
    fn decode(self, raw: &[u8]) -> f32 {
        match (self, raw) {
            (Self::Float, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (Self::Quantised { scale, zero_point }, &[byte]) => {
                (i32::from(byte.cast_signed()).wrapping_sub(zero_point)) as f32 * scale
            }
            // `raw` is as wide as the storage's class says; tensors of other classes are not decoded.
            _ => f32::NAN,
        }
    }
}

use std::path::Path;

use candle_core::{D, DType, Device, Tensor as Matrix};
use safetensors::SafeTensors;

use crate::session::check_inputs;
use crate::{Port, RuntimeError, Session, Tensor};

/// A small head of dense layers, as we train them on frozen embeddings, run by candle.
///
/// The safetensors file holds layer 0 as `0.weight` (outputs x inputs) and `0.bias` (outputs), then layer
/// 1 and so on; its metadata entry `activations` names what follows each layer: `relu`, `sigmoid`,
/// `softmax` or `none`, separated by commas. One input `input` of rows x inputs, one output `output`.
#[derive(Debug)]
pub struct DenseHead {
    layers: Vec<Layer>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

#[derive(Debug)]
struct Layer {
    /// Inputs x outputs.
    weight: Matrix,
    bias: Matrix,
    activation: Activation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activation {
    None,
    Relu,
    Sigmoid,
    Softmax,
}

impl DenseHead {
    /// Reads a head.
    ///
    /// # Errors
    /// [`RuntimeError::ModelLoad`] when the file cannot be read, has no layer 0, names an unknown
    /// activation or another count of them than of layers, or a layer does not take what the one before
    /// gives.
    pub fn load(path: &Path) -> Result<Self, RuntimeError> {
        let failed = |detail: String| RuntimeError::ModelLoad { path: path.to_owned(), detail };
        let bytes = std::fs::read(path).map_err(|cause| failed(cause.to_string()))?;
        Self::parse(&bytes).map_err(failed)
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|cause| cause.to_string())?;
        let named = header.metadata().as_ref().and_then(|entries| entries.get("activations"));
        let named = named.ok_or("the metadata entry `activations` is missing")?;
        let activations = named.split(',').map(Activation::parse).collect::<Result<Vec<_>, _>>()?;
        let file = candle_core::safetensors::load_buffer(bytes, &Device::Cpu).map_err(|e| e.to_string())?;
        if file.len() != 2 * activations.len() {
            let (activations, tensors) = (activations.len(), file.len());
            return Err(format!("{activations} activations need twice as many tensors, not {tensors}"));
        }
        let mut width = None;
        let mut first = None;
        let mut layers = Vec::with_capacity(activations.len());
        for (i, activation) in activations.into_iter().enumerate() {
            let tensor = |kind| {
                let name = format!("{i}.{kind}");
                let tensor = file.get(&name).ok_or_else(|| format!("the tensor {name} is missing"))?;
                tensor.to_dtype(DType::F32).map_err(|cause| cause.to_string())
            };
            let (weight, bias) = (tensor("weight")?, tensor("bias")?);
            let (outputs, inputs) = weight.dims2().map_err(|_| format!("{i}.weight is not a matrix"))?;
            if bias.dims() != [outputs] {
                return Err(format!("{i}.bias is {:?}, not [{outputs}]", bias.dims()));
            }
            if width.is_some_and(|width| width != inputs) {
                return Err(format!("layer {i} takes {inputs} numbers, the one before gives another count"));
            }
            first = first.or(Some(inputs));
            width = Some(outputs);
            let weight = weight.t().and_then(|w| w.contiguous()).map_err(|cause| cause.to_string())?;
            layers.push(Layer { weight, bias, activation });
        }
        let port = |name: &str, width| vec![Port { name: name.to_owned(), shape: vec![None, width] }];
        Ok(Self { layers, inputs: port("input", first), outputs: port("output", width) })
    }
}

impl Session for DenseHead {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RuntimeError> {
        check_inputs(&self.inputs, inputs)?;
        let Some(input) = inputs.first() else { return Err(RuntimeError::shape("no input")) };
        let forward = || {
            let mut x = Matrix::from_slice(input.data(), input.shape(), &Device::Cpu)?;
            for layer in &self.layers {
                x = layer.activation.apply(&x.matmul(&layer.weight)?.broadcast_add(&layer.bias)?)?;
            }
            Ok((x.dims().to_vec(), x.flatten_all()?.to_vec1::<f32>()?))
        };
        let (shape, data) = forward().map_err(|cause: candle_core::Error| RuntimeError::inference(cause))?;
        Ok(vec![Tensor::new(shape, data)?])
    }
}

impl Activation {
    fn parse(name: &str) -> Result<Self, String> {
        match name.trim() {
            "none" => Ok(Self::None),
            "relu" => Ok(Self::Relu),
            "sigmoid" => Ok(Self::Sigmoid),
            "softmax" => Ok(Self::Softmax),
            other => Err(format!("{other:?} is not an activation (relu, sigmoid, softmax, none)")),
        }
    }

    fn apply(self, x: &Matrix) -> candle_core::Result<Matrix> {
        match self {
            Self::None => Ok(x.clone()),
            Self::Relu => x.relu(),
            Self::Sigmoid => (x.neg()?.exp()? + 1.0)?.recip(),
            Self::Softmax => {
                // Less the row's maximum, so that no exponential overflows.
                let e = x.broadcast_sub(&x.max_keepdim(D::Minus1)?)?.exp()?;
                e.broadcast_div(&e.sum_keepdim(D::Minus1)?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn write(activations: Option<&str>, tensors: &[(&str, &[usize], &[f32])]) -> tempfile::NamedTempFile {
        let tensors: Vec<(String, Matrix)> = tensors
            .iter()
            .map(|(name, shape, data)| {
                ((*name).to_owned(), Matrix::from_slice(data, *shape, &Device::Cpu).expect("fits"))
            })
            .collect();
        let metadata = activations.map(|a| HashMap::from([("activations".to_owned(), a.to_owned())]));
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        safetensors::serialize_to_file(tensors, metadata, file.path()).expect("written");
        file
    }

    const WEIGHT_0: (&str, &[usize], &[f32]) = ("0.weight", &[2, 3], &[1.0, 0.0, -1.0, 0.5, 0.5, 0.5]);
    const BIAS_0: (&str, &[usize], &[f32]) = ("0.bias", &[2], &[0.0, -1.0]);
    const WEIGHT_1: (&str, &[usize], &[f32]) = ("1.weight", &[2, 2], &[1.0, 2.0, -1.0, 0.0]);
    const BIAS_1: (&str, &[usize], &[f32]) = ("1.bias", &[2], &[0.25, 0.0]);

    fn output(activations: &str, input: &[f32]) -> Vec<f32> {
        let file = write(Some(activations), &[WEIGHT_0, BIAS_0, WEIGHT_1, BIAS_1]);
        let mut head = DenseHead::load(file.path()).expect("loads");
        assert_eq!(head.inputs()[0].shape, [None, Some(3)]);
        assert_eq!(head.outputs()[0].shape, [None, Some(2)]);
        let input = Tensor::new(vec![input.len() / 3, 3], input.to_vec()).expect("fits");
        head.run(&[input]).expect("runs").remove(0).into_parts().1
    }

    fn assert_close(left: &[f32], right: &[f32]) {
        assert_eq!(left.len(), right.len());
        assert!(left.iter().zip(right).all(|(l, r)| (l - r).abs() < 1e-6), "{left:?} {right:?}");
    }

    #[test]
    fn a_head_computes_its_layers_and_activations() {
        // Layer 0 of [1, 2, 3] is [-2, 2], of [4, 0, 0] is [4, 1]; relu makes the -2 a 0.
        let input = [1.0, 2.0, 3.0, 4.0, 0.0, 0.0];
        assert_close(&output("none,none", &input), &[2.25, 2.0, 6.25, -4.0]);
        assert_close(&output("relu,none", &input), &[4.25, 0.0, 6.25, -4.0]);
        let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
        assert_close(&output("relu, sigmoid", &input), &[4.25, 0.0, 6.25, -4.0].map(sigmoid));
        let (a, b) = (sigmoid(4.25), sigmoid(10.25));
        assert_close(&output("relu,softmax", &input), &[a, 1.0 - a, b, 1.0 - b]);
    }

    #[test]
    fn softmax_and_sigmoid_stay_finite_far_out() {
        assert_close(&output("none,softmax", &[400.0, 0.0, 0.0]), &[1.0, 0.0]);
        assert_close(&output("none,sigmoid", &[400.0, 0.0, 0.0]), &[1.0, 0.0]);
    }

    #[test]
    fn a_file_that_is_not_a_head_is_refused_with_the_reason() {
        let reason = |file: &tempfile::NamedTempFile| match DenseHead::load(file.path()) {
            Err(RuntimeError::ModelLoad { detail, .. }) => detail,
            other => panic!("{other:?}"),
        };
        assert!(reason(&write(None, &[WEIGHT_0, BIAS_0])).contains("activations"));
        assert!(reason(&write(Some("tanh"), &[WEIGHT_0, BIAS_0])).contains("tanh"));
        assert!(reason(&write(Some("relu,none"), &[WEIGHT_0, BIAS_0])).contains("tensors"));
        assert!(reason(&write(Some("relu"), &[WEIGHT_0, BIAS_1, WEIGHT_1])).contains("tensors"));
        assert!(reason(&write(Some("relu"), &[WEIGHT_0, WEIGHT_1])).contains("0.bias"));
        let narrow: (&str, &[usize], &[f32]) = ("1.weight", &[2, 1], &[1.0, 1.0]);
        assert!(reason(&write(Some("relu,none"), &[WEIGHT_0, BIAS_0, narrow, BIAS_1])).contains("layer 1"));
        let junk = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(junk.path(), b"not safetensors at all").expect("written");
        assert!(!reason(&junk).is_empty());
        let nowhere = Path::new("/nowhere/head.safetensors");
        assert!(matches!(DenseHead::load(nowhere), Err(RuntimeError::ModelLoad { .. })));
    }
}

use crate::{RuntimeError, Tensor};

/// An input or output of a model: its name and the length of each axis, `None` where any length goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The name in the model file.
    pub name: String,
    /// Axis lengths, the first axis counting rows.
    pub shape: Vec<Option<usize>>,
}

/// A loaded model that one thread at a time may run.
pub trait Session: Send {
    /// What goes in, in the order of [`Session::run`].
    fn inputs(&self) -> &[Port];
    /// What comes out, in the order of [`Session::run`].
    fn outputs(&self) -> &[Port];
    /// Computes the outputs of `inputs`.
    ///
    /// # Errors
    /// [`RuntimeError::Shape`] when the inputs do not fit, [`RuntimeError::Inference`] when the backend
    /// fails.
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RuntimeError>;
}

/// Loads one more session of a model; each worker calls it once at the start and again after a panic.
pub type SessionFactory = Box<dyn Fn() -> Result<Box<dyn Session>, RuntimeError> + Send + Sync>;

impl Port {
    /// Whether a tensor of this shape may go through.
    pub(crate) fn fits(&self, shape: &[usize]) -> bool {
        shape.len() == self.shape.len()
            && self.shape.iter().zip(shape).all(|(want, &have)| want.is_none_or(|n| n == have))
    }

    /// As [`Port::fits`], whatever the first axis says.
    pub(crate) fn fits_rows(&self, shape: &[usize]) -> bool {
        shape.len() == self.shape.len()
            && self.shape.iter().zip(shape).skip(1).all(|(want, &have)| want.is_none_or(|n| n == have))
    }

    /// The shape in words, such as `input [?, 3, 112, 112]`.
    pub(crate) fn describe(&self) -> String {
        let axes: Vec<String> =
            self.shape.iter().map(|n| n.map_or_else(|| "?".to_owned(), |n| n.to_string())).collect();
        format!("{} [{}]", self.name, axes.join(", "))
    }
}

/// Compares inputs with ports.
pub(crate) fn check_inputs(ports: &[Port], inputs: &[Tensor]) -> Result<(), RuntimeError> {
    check_with(ports, inputs, Port::fits)
}

pub(crate) fn check_with(
    ports: &[Port],
    inputs: &[Tensor],
    fits: fn(&Port, &[usize]) -> bool,
) -> Result<(), RuntimeError> {
    if ports.len() != inputs.len() {
        return Err(RuntimeError::shape(format!("{} inputs wanted, {} given", ports.len(), inputs.len())));
    }
    match ports.iter().zip(inputs).find(|(port, input)| !fits(port, input.shape())) {
        None => Ok(()),
        Some((port, input)) => {
            Err(RuntimeError::shape(format!("{} wanted, {:?} given", port.describe(), input.shape())))
        }
    }
}

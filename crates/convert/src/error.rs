//! What can go wrong between a weights file and an ONNX file.

/// Why a file could not be converted, or why a converted network is not the one it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// The file ends before the value that has to be there.
    #[error("the file ends early: {what} needs {needed} bytes at offset {offset}, {left} are left")]
    Truncated {
        /// The value that was being read.
        what: &'static str,
        /// Where it starts, in bytes from the start of the file.
        offset: usize,
        /// Bytes it needs.
        needed: usize,
        /// Bytes the file still has.
        left: usize,
    },
    /// The file is not in the format it should be in.
    #[error("not a readable {format} file: {detail}")]
    Malformed {
        /// The format the file should have.
        format: &'static str,
        /// What was seen.
        detail: String,
    },
    /// The file asks for more than any file of its size can hold.
    #[error("{what} is {found}, above the limit of {limit}")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// What the file asks for.
        found: u64,
        /// The most that is accepted.
        limit: u64,
    },
    /// The file holds weights, but not those of this network.
    #[error("the file has no tensor `{name}`: is it the file of another network?")]
    MissingTensor {
        /// The tensor's name in the file.
        name: String,
    },
    /// A tensor has another shape than the network's layer.
    #[error("tensor `{name}` has shape {found:?}, this network's layer has {expected:?}")]
    Shape {
        /// The tensor's name in the file.
        name: String,
        /// The shape of the layer.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// The name is not one of a network that can be converted.
    #[error("no network is called `{name}`; known are {known}")]
    UnknownNetwork {
        /// The name that was asked for.
        name: String,
        /// All names, separated by commas.
        known: String,
    },
    /// A network that was run did not answer with an output the reference has.
    #[error("the network gave no output `{output}` of shape {shape:?}")]
    MissingOutput {
        /// The output's name.
        output: String,
        /// The shape it should have.
        shape: Vec<usize>,
    },
    /// A network that was run answers with other numbers than the original.
    #[error(
        "output `{output}` differs from the original at index {index}: {found} instead of {expected} \
         (tolerance {tolerance})"
    )]
    Differs {
        /// The output's name.
        output: String,
        /// Index of the largest difference, in the flattened output.
        index: usize,
        /// The original's number.
        expected: f32,
        /// The converted network's number.
        found: f32,
        /// The largest difference accepted.
        tolerance: f32,
    },
}

impl ConvertError {
    pub(crate) fn malformed(format: &'static str, detail: impl Into<String>) -> Self {
        Self::Malformed { format, detail: detail.into() }
    }
}

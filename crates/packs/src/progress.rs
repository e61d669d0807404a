//! How a pull tells its caller what it is doing.

/// Receives the steps of a pull, in order, on the thread that pulls.
pub trait Progress {
    /// A file begins; `total` is its length in bytes, 0 when it is not known beforehand.
    fn begin(&self, file: &str, total: u64);
    /// `bytes` more of the file that began last have arrived.
    fn advance(&self, bytes: u64);
    /// The file that began last is done; `outcome` is a short phrase such as `from the mirror`.
    fn end(&self, file: &str, outcome: &str);
    /// A line for the user: a licence, a wait, a retry.
    fn message(&self, text: &str);
}

/// Reports nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64) {}
    fn end(&self, _: &str, _: &str) {}
    fn message(&self, _: &str) {}
}

use std::path::PathBuf;
use std::time::Duration;

/// Why an index does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// Another process, or another part of this one, holds the directory.
    #[error("{dir} is in use by another process")]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// The name, the model's name or the dimension cannot name a collection.
    #[error("{0}")]
    InvalidCollection(String),
    /// The collection was never created.
    #[error("there is no collection {collection}")]
    UnknownCollection {
        /// Its key, `name--model@version`.
        collection: String,
    },
    /// The collection was created for vectors of another length.
    #[error("collection {collection} holds vectors of {stored} numbers, not {wanted}")]
    StoredDimension {
        /// Its key, `name--model@version`.
        collection: String,
        /// Numbers a vector, as stored.
        stored: usize,
        /// Numbers a vector, as asked for.
        wanted: usize,
    },
    /// A vector has the wrong length.
    #[error("the vector has {found} numbers, the collection wants {expected}")]
    Dimension {
        /// Numbers a vector in this collection.
        expected: usize,
        /// Numbers in the vector that was given.
        found: usize,
    },
    /// A component is NaN or infinite, or all are zero: there is no cosine with such a vector.
    #[error("the vector has no direction: a component is not finite, or all are zero")]
    NoDirection,
    /// The payload of a point does not name its hotel and its owner.
    #[error("the payload must hold the text {key:?}")]
    Payload {
        /// The key that is missing, or is no text.
        key: &'static str,
    },
    /// A filter names a key that cannot be a key.
    #[error("{0:?} is not a payload key")]
    FilterKey(String),
    /// A setting of a server is out of its range.
    #[error("the vector server is configured wrongly: {0}")]
    InvalidServer(&'static str),
    /// There is no server, or it is not fit to answer. Asked for again later, it may be.
    #[error("the vector server at {url} cannot be reached: {reason}")]
    Unreachable {
        /// Its address.
        url: String,
        /// What the connection or the server said.
        reason: String,
    },
    /// The server wants a key, or another one.
    #[error("the vector server at {url} refuses the key: {reason}")]
    Denied {
        /// Its address.
        url: String,
        /// What the server said.
        reason: String,
    },
    /// The server did not answer in time. Whether a write took place is unknown; it may be repeated.
    #[error("the vector server at {url} did not answer within {after:?}")]
    Timeout {
        /// Its address.
        url: String,
        /// The time a call has.
        after: Duration,
    },
    /// The index was closed.
    #[error("the vector index is closed")]
    Closed,
    /// A file or folder cannot be read or written.
    #[error("cannot {doing} {path}: {source}")]
    File {
        /// What was tried.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The engine failed. After a failed write it is unknown whether the write took place.
    #[error("the vector engine failed: {0}")]
    Engine(String),
}

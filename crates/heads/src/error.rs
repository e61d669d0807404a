/// Why a head could not be made, read or asked.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// The embedding has another length than the head, or than the other examples.
    #[error("an embedding of {found} numbers where {wanted} are needed")]
    Dimension {
        /// Length that was needed.
        wanted: usize,
        /// Length that came.
        found: usize,
    },
    /// The embedding is not of unit length, or holds NaN.
    #[error("an embedding without unit length: its length is {length}")]
    NotNormalised {
        /// Euclidean length found; NaN when a component is NaN.
        length: f32,
    },
    /// The feature map is not `rows * columns * channels` finite numbers, or all of them are zero.
    #[error("a feature map of {rows} x {columns} cells that cannot be read: {reason}")]
    FeatureMap {
        /// Rows that were named.
        rows: usize,
        /// Columns that were named.
        columns: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The head has no such label.
    #[error("the head has no label {0:?}")]
    UnknownLabel(String),
    /// A name of a label, group or source that is empty, too long or holds other characters than the head allows.
    #[error("{0:?} is no name of a label: 1 to 64 of a-z 0-9 _ -")]
    LabelName(String),
    /// No label has enough examples of both kinds.
    #[error(
        "no label has enough examples: {label:?} has {present} with it and {absent} without, in {groups} groups; \
         {needed} of each in at least {folds} groups are needed"
    )]
    TooFew {
        /// The label with most examples; empty when no label is known of any example.
        label: String,
        /// Examples that have it.
        present: usize,
        /// Examples that are known not to have it.
        absent: usize,
        /// Groups among them.
        groups: usize,
        /// Examples of each kind a label needs.
        needed: usize,
        /// Groups a label needs.
        folds: usize,
    },
    /// A setting outside its range.
    #[error("the setting {name} is {value}: {allowed}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// What it was.
        value: f64,
        /// What it may be.
        allowed: &'static str,
    },
    /// The examples of one call name no source of that name.
    #[error("no example comes from the source {0:?}, or all of them do")]
    Source(String),
    /// The heads belong to different embedders.
    #[error("the head was made for embeddings of {head}, not of {given}")]
    Embedder {
        /// The head's embedder.
        head: String,
        /// The embedder of the settings.
        given: String,
    },
    /// Not the JSON of a head.
    #[error("not a head: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON of a head whose content cannot be right.
    #[error("a head that cannot be right: {0}")]
    Invalid(String),
}

use std::sync::Arc;
use std::time::Duration;

use metrics::{SharedString, Unit, counter, describe_counter, describe_histogram, histogram};

use crate::RuntimeError;

const STAGE_SECONDS: &str = "innkeeper_stage_seconds";
const DROPPED: &str = "innkeeper_requests_dropped_total";
const BATCH_ROWS: &str = "innkeeper_batch_rows";

/// A part of a request's time. Queue and inference are recorded by this room, the others by the pipelines.
/// Decode and align belong to no model: they are recorded once a frame, under [`Stage::FRAME`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// From the moment a request is accepted until a session takes it.
    Queue,
    /// From pixels to the tensor of one model: crop, resize, align for it, normalise.
    Preprocess,
    /// Inside the session, the whole batch's time for each request in it.
    Inference,
    /// From tensors to an answer.
    Postprocess,
    /// From bytes to the pixels of a frame.
    Decode,
    /// Cutting upright chips out of a frame and measuring their quality.
    Align,
}

impl Stage {
    /// The `model` label of the stages that belong to a whole frame.
    pub const FRAME: &str = "frame";

    /// The value of the `stage` label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Preprocess => "preprocess",
            Self::Inference => "inference",
            Self::Postprocess => "postprocess",
            Self::Decode => "decode",
            Self::Align => "align",
        }
    }
}

/// Records time spent in a stage: histogram `innkeeper_stage_seconds`, labels `model` and `stage`.
pub fn stage(model: &str, stage: Stage, elapsed: Duration) {
    record_stage(model.to_owned().into(), stage, elapsed);
}

/// Gives the recorder the help text and unit of every metric of this room; call it once an exporter is
/// installed.
pub fn describe_metrics() {
    describe_histogram!(STAGE_SECONDS, Unit::Seconds, "Time a request spent in a stage of a model's work");
    describe_counter!(DROPPED, Unit::Count, "Requests that got no answer, by reason");
    describe_histogram!(BATCH_ROWS, Unit::Count, "Rows computed by one call of a session");
}

pub(crate) fn record_stage(model: SharedString, stage: Stage, elapsed: Duration) {
    histogram!(STAGE_SECONDS, "model" => model, "stage" => stage.label()).record(elapsed);
}

pub(crate) fn record_batch(model: &Arc<str>, rows: usize) {
    histogram!(BATCH_ROWS, "model" => SharedString::from(Arc::clone(model))).record(rows as f64);
}

/// Counts a request that ends without an answer, unless it failed for another reason than these three.
pub(crate) fn record_dropped(model: &Arc<str>, error: &RuntimeError) {
    let reason = match error {
        RuntimeError::Cancelled => "cancelled",
        RuntimeError::DeadlineExceeded => "deadline",
        RuntimeError::Overloaded { .. } => "overloaded",
        _ => return,
    };
    counter!(DROPPED, "model" => SharedString::from(Arc::clone(model)), "reason" => reason).increment(1);
}

//! Answers as JSON values.

use serde::Serialize;
use serde_json::Value;

use crate::problem::Problem;

/// A thing as the server writes it. Not straight to a value: numbers of single precision would show digits that were
/// never computed.
pub(crate) fn value(thing: &impl Serialize) -> Result<Value, Problem> {
    let text = serde_json::to_string(thing).map_err(|e| Problem::internal(&e))?;
    serde_json::from_str(&text).map_err(|e| Problem::internal(&e))
}

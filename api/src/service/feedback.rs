//! What people say an answer should have been. It needs no model, only the tables.

use chrono::{DateTime, SecondsFormat, Utc};
use innkeeper_core::{ErrorCode, HotelId};
use innkeeper_ocr::invoice::Labels;
use innkeeper_store::{AuditSubject, NewLabel, Store};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::heads::ROOM_TAGS;
use crate::problem::Problem;

/// What learns from corrected invoices, by its name in the model registry.
pub(crate) const OCR_FIELDS: &str = "ocr-fields";
/// Identity documents that the settings ask to keep. Nothing learns from them.
pub(crate) const OCR_ID: &str = "ocr-id";
/// Longest correction, in bytes of JSON.
const LONGEST: usize = 256 * 1024;

/// A correction that became a label.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FeedbackAnswer {
    /// The answer that was corrected.
    pub answer_id: Uuid,
    /// What learns from it, by its name in the model registry.
    #[schema(example = "ocr-fields")]
    pub model: String,
    /// The label. Of one answer it is always the same.
    pub label_id: Uuid,
    /// Whether it was joined with an earlier correction of the answer; where both name a field, the later holds.
    pub replaced: bool,
    /// The corrected fields.
    pub fields: Vec<String>,
    /// Labels for this model in this hotel so far.
    pub labels: u64,
    /// Of a room: the verdict that the correction became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict_id: Option<Uuid>,
    /// Of a room: why the correction became no verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_verdict: Option<String>,
    /// Of a room: its status now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "clean")]
    pub status: Option<String>,
    /// Of a room: whether a guest may come in now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_for_guest: Option<bool>,
}

/// What an answer said, as long as it is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeptAnswerReport {
    pub answer_id: Uuid,
    /// What learns from a correction of it; `ocr-id` for an identity document, from which nothing learns.
    pub model: String,
    /// When it was given, RFC 3339.
    pub created_at: String,
    /// What it said.
    #[schema(value_type = Object)]
    pub answer: Value,
}

/// What was removed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ForgottenAnswer {
    pub answer_id: Uuid,
    /// Whether the answer was still kept.
    pub answer: bool,
    /// Whether there was a correction of it.
    pub label: bool,
}

pub(super) fn not_found() -> Problem {
    Problem::new(
        ErrorCode::AnswerNotFound,
        "there is no such answer; it may have been kept no longer, or not at all",
    )
}

/// The corrected fields by their names in alphabetical order, those of objects with a dot, less those without a
/// value.
fn names(correction: &Value, before: &str) -> Vec<String> {
    let Some(members) = correction.as_object() else { return Vec::new() };
    let mut all = Vec::new();
    for (name, value) in members {
        match value {
            Value::Null => {}
            Value::Object(_) => all.extend(names(value, &format!("{before}{name}."))),
            _ => all.push(format!("{before}{name}")),
        }
    }
    all.sort();
    all
}

/// Checks a correction of an invoice: only fields that can be learnt, each with a value it can have. Nothing of a
/// value comes back in a problem.
fn check_invoice(correction: &Value) -> Result<(), Problem> {
    serde_json::from_value::<Labels>(correction.clone()).map(drop).map_err(|error| {
        let mut problem = crate::extract::broken(&error);
        if error.to_string().starts_with("unknown field") {
            problem.code = ErrorCode::UnknownField;
        }
        problem
    })
}

/// Makes a label of a correction.
pub(crate) async fn correct(
    store: &Store,
    hotel: &HotelId,
    actor: &str,
    answer_id: Uuid,
    correction: Value,
) -> Result<FeedbackAnswer, Problem> {
    if correction.to_string().len() > LONGEST {
        let detail = format!("the correction is longer than {LONGEST} bytes");
        return Err(Problem::new(ErrorCode::PayloadTooLarge, detail).with("limit_bytes", LONGEST.into()));
    }
    let (rows, at) = (store.hotel(hotel), Utc::now());
    let answer = rows.kept_answer(answer_id, at).await?.ok_or_else(not_found)?;
    if answer.model == ROOM_TAGS {
        return super::room::correct(store, hotel, actor, answer, correction).await;
    }
    if answer.model != OCR_FIELDS {
        let detail = "answers of this kind take no corrections";
        return Err(Problem::new(ErrorCode::UnknownField, detail));
    }
    check_invoice(&correction)?;
    let fields = names(&correction, "");
    if fields.is_empty() {
        return Err(Problem::new(ErrorCode::BadRequest, "the correction names no field with a value"));
    }
    let new = NewLabel { answer_id, correction, fields: fields.clone(), actor: actor.to_owned(), at };
    // It may have expired in between.
    let made = rows.label(new).await?.ok_or_else(not_found)?;
    metrics::counter!("innkeeper_feedback_total", "model" => OCR_FIELDS).increment(1);
    Ok(FeedbackAnswer {
        answer_id,
        model: answer.model,
        label_id: made.label_id,
        replaced: made.replaced,
        fields,
        labels: made.labels,
        verdict_id: None,
        no_verdict: None,
        status: None,
        ready_for_guest: None,
    })
}

/// A moment as answers write it: RFC 3339, to the second.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// What a kept answer said.
pub(crate) async fn show(
    store: &Store,
    hotel: &HotelId,
    actor: &str,
    id: Uuid,
) -> Result<KeptAnswerReport, Problem> {
    let rows = store.hotel(hotel);
    let mut kept = rows.kept_answer(id, Utc::now()).await?.ok_or_else(not_found)?;
    if kept.model == OCR_ID {
        // Written first, as when it was read.
        rows.audit(actor, "document.viewed", AuditSubject::Thing(format!("answer:{id}")), json!({})).await?;
    }
    Ok(KeptAnswerReport {
        answer_id: id,
        model: kept.model,
        created_at: instant(kept.created_at),
        answer: kept.content["answer"].take(),
    })
}

/// Removes a kept answer and what was said of it.
pub(crate) async fn forget(
    store: &Store,
    hotel: &HotelId,
    actor: &str,
    id: Uuid,
) -> Result<ForgottenAnswer, Problem> {
    let gone = store.hotel(hotel).forget_answer(id, actor, Utc::now()).await?.ok_or_else(not_found)?;
    Ok(ForgottenAnswer { answer_id: id, answer: gone.answer, label: gone.label })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_is_told_by_the_names_of_its_fields() {
        let correction = json!({
            "total_amount": 12.5, "date": null, "vendor": {"name": "x", "address": null},
            "items": [{"description": "y"}]
        });
        assert_eq!(names(&correction, ""), ["items", "total_amount", "vendor.name"]);
    }

    #[test]
    fn a_field_that_does_not_exist_is_named_and_no_value_is() {
        let told = check_invoice(&json!({"totl": "secret"})).unwrap_err();
        assert_eq!(told.code, ErrorCode::UnknownField);
        assert!(told.detail.contains("totl") && !told.detail.contains("secret"), "{}", told.detail);
        let told = check_invoice(&json!({"date": "secret"})).unwrap_err();
        assert_eq!(told.code, ErrorCode::BadRequest);
        assert!(!told.detail.contains("secret"), "{}", told.detail);
        assert!(check_invoice(&json!({"total_amount": 12.5, "vendor": {"name": "x"}})).is_ok());
    }
}

//! `/api/v1/feedback`: what an answer should have been.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::corrections::uuid;
use crate::app::App;
use crate::extract::{Allowed, GiveFeedback, JsonBody};
use crate::problem::{Problem, ProblemDocument};
use crate::service::{FeedbackAnswer, feedback as desk};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(feedback))
}

/// What an answer should have been.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FeedbackBody {
    /// As the answer told it.
    #[schema(format = Uuid)]
    answer_id: String,
    /// The fields that were wrong, with their right values, named as in the answer. Of an invoice: `total_amount`,
    /// `date`, `vendor` with `name` and `address`, `currency`, `invoice_number`, `items`. Of a room: `tags` with true
    /// or false for each label, `status`, and `photo` where the tags are about one of several photos.
    #[schema(value_type = Object, example = json!({"total_amount": 12.5, "date": "2025-01-17"}))]
    correction: Map<String, Value>,
}

/// Put an answer right.
///
/// The correction becomes a label from which the model named in the answer learns. A second correction of an answer
/// adds to the first and holds where both name a field; both are in the audit log, by the names of the fields. An answer that is not kept any more, or
/// is another hotel's, is 404 `answer_not_found`; a field that cannot be corrected is 422 `unknown_field`. Of a room the
/// correction holds at once: it becomes a verdict with the source `correction` and an event `room.verdict`, unless the
/// room's last verdict is of another answer, which `no_verdict` says then. Only `tags` are learnt; a `status` says how
/// the room is now, not what the photo showed. A label that no model knows is a new tag, which the hotel teaches; `clean` is read as the opposite of `messy`, `bed_made` of
/// `bed_unmade`.
#[utoipa::path(
    post, path = "/api/v1/feedback", tag = "feedback",
    security(
        ("bearer" = ["cv:index"]), ("bearer" = ["cv:documents"]),
        ("api_key" = ["cv:index"]), ("api_key" = ["cv:documents"])
    ),
    request_body = FeedbackBody,
    responses(
        (status = 200, body = FeedbackAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn feedback(
    allowed: Allowed<GiveFeedback>,
    State(app): State<App>,
    JsonBody(body): JsonBody<FeedbackBody>,
) -> Result<Json<FeedbackAnswer>, Problem> {
    let id = uuid(&body.answer_id)?;
    let caller = &allowed.caller;
    let store = &app.engines.store;
    Ok(Json(desk::correct(store, &caller.hotel, &caller.subject, id, Value::Object(body.correction)).await?))
}

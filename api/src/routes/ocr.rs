//! `/api/v1/cv/ocr`: invoices, receipts and identity documents.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use innkeeper_core::ErrorCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::corrections::uuid_in_path;
use crate::app::App;
use crate::config::is_country;
use crate::extract::{Allowed, Form, FormFields, ReadDocuments};
use crate::problem::{Problem, ProblemDocument};
use crate::service::{
    ForgottenAnswer, IdentityAnswer, InvoiceAnswer, KeptAnswerReport, Reader, document_type, feedback,
};

const TAG: &str = "documents";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(invoice)).routes(routes!(identity)).routes(routes!(kept, forget))
}

/// An invoice or a receipt.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct InvoiceBody {
    /// The document: base64, or a data URI. JPEG, PNG, WebP, BMP, GIF or PDF.
    image: String,
    /// ISO 3166 code of the country it is from, when that is known: decides what 01/02/2025 and a bare $ mean.
    #[schema(example = "VN", pattern = "^[A-Z]{2}$")]
    country: Option<String>,
}

impl FormFields for InvoiceBody {
    const IMAGES: &'static str = "image";
    const MANY: bool = false;
    const PDF: bool = true;
    fn take_images(&mut self) -> Vec<String> {
        vec![std::mem::take(&mut self.image)]
    }
}

/// The same as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the form; the fields are read by name")]
struct InvoiceForm {
    /// The file.
    #[schema(value_type = String, format = Binary)]
    image: Vec<u8>,
    country: Option<String>,
}

/// An identity document.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct IdentityBody {
    /// The document: base64, or a data URI. JPEG, PNG, WebP, BMP, GIF or PDF.
    image: String,
    /// What it is said to be; without it the document says.
    #[schema(example = "passport", pattern = "^(id_card|passport|driver_license|visa|residence_permit)$")]
    document_type: Option<String>,
}

impl FormFields for IdentityBody {
    const IMAGES: &'static str = "image";
    const MANY: bool = false;
    const PDF: bool = true;
    fn take_images(&mut self) -> Vec<String> {
        vec![std::mem::take(&mut self.image)]
    }
}

/// The same as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the form; the fields are read by name")]
struct IdentityForm {
    /// The file.
    #[schema(value_type = String, format = Binary)]
    image: Vec<u8>,
    document_type: Option<String>,
}

/// Read an invoice or a receipt.
///
/// Fields with the text they come from, where it stands, how sure each is, and whether the amounts add up. A field
/// that was not found is null with a reason. A picture without readable text is 422 `document_not_found`. What was
/// read is kept, sealed, for `ocr.keep_answers_days`, so that `POST /api/v1/feedback` can put it right.
#[utoipa::path(
    post, path = "/api/v1/cv/ocr/invoice", tag = TAG,
    security(("bearer" = ["cv:documents"]), ("api_key" = ["cv:documents"])),
    params(("country" = Option<String>, Query, description = "With a raw file: the country it is from.")),
    request_body(content(
        (InvoiceBody = "application/json"), (InvoiceForm = "multipart/form-data"), (Vec<u8> = "image/jpeg"),
        (Vec<u8> = "application/pdf")
    )),
    responses(
        (status = 200, body = InvoiceAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn invoice(
    allowed: Allowed<ReadDocuments>,
    State(app): State<App>,
    Form { fields, images, room: _room }: Form<InvoiceBody>,
) -> Result<Json<InvoiceAnswer>, Problem> {
    if !fields.country.as_deref().is_none_or(is_country) {
        let detail = "country is two capital letters, as in ISO 3166";
        return Err(Problem::new(ErrorCode::BadRequest, detail));
    }
    let service = app.document_service()?;
    let reader = Reader { hotel: &allowed.caller.hotel, subject: &allowed.caller.subject };
    let bytes = images.into_iter().next().unwrap_or_default();
    Ok(Json(service.invoice(&app.document_admission, reader, bytes, fields.country).await?))
}

/// Read an identity document.
///
/// Machine-readable zone, barcode and print, each with its checks, and where they disagree. Nothing of it is kept
/// or logged unless `ocr.keep_identity_documents` says so; the audit log learns who read a document of which kind.
/// A picture without one is 422 `document_not_found`.
#[utoipa::path(
    post, path = "/api/v1/cv/ocr/id", tag = TAG,
    security(("bearer" = ["cv:documents"]), ("api_key" = ["cv:documents"])),
    params(("document_type" = Option<String>, Query, description = "With a raw file: what it is said to be.")),
    request_body(content(
        (IdentityBody = "application/json"), (IdentityForm = "multipart/form-data"), (Vec<u8> = "image/jpeg"),
        (Vec<u8> = "application/pdf")
    )),
    responses(
        (status = 200, body = IdentityAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn identity(
    allowed: Allowed<ReadDocuments>,
    State(app): State<App>,
    Form { fields, images, room: _room }: Form<IdentityBody>,
) -> Result<Json<IdentityAnswer>, Problem> {
    let asked = fields.document_type.as_deref().map(document_type).transpose()?;
    let service = app.document_service()?;
    let reader = Reader { hotel: &allowed.caller.hotel, subject: &allowed.caller.subject };
    let bytes = images.into_iter().next().unwrap_or_default();
    Ok(Json(service.identity(&app.document_admission, reader, bytes, asked, app.face_service()).await?))
}

/// What a kept answer said.
#[utoipa::path(
    get, path = "/api/v1/cv/ocr/answers/{answer_id}", tag = TAG,
    security(("bearer" = ["cv:documents"]), ("api_key" = ["cv:documents"])),
    params(("answer_id" = String, Path, description = "As the answer told it.")),
    responses(
        (status = 200, body = KeptAnswerReport),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn kept(
    allowed: Allowed<ReadDocuments>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<KeptAnswerReport>, Problem> {
    let id = uuid_in_path(path)?;
    let caller = &allowed.caller;
    Ok(Json(feedback::show(&app.engines.store, &caller.hotel, &caller.subject, id).await?))
}

/// Forget a kept answer, and what was said of it.
#[utoipa::path(
    delete, path = "/api/v1/cv/ocr/answers/{answer_id}", tag = TAG,
    security(("bearer" = ["cv:documents"]), ("api_key" = ["cv:documents"])),
    params(("answer_id" = String, Path, description = "As the answer told it.")),
    responses(
        (status = 200, body = ForgottenAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn forget(
    allowed: Allowed<ReadDocuments>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<ForgottenAnswer>, Problem> {
    let id = uuid_in_path(path)?;
    let caller = &allowed.caller;
    Ok(Json(feedback::forget(&app.engines.store, &caller.hotel, &caller.subject, id).await?))
}

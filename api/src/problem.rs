//! Errors as clients see them: RFC 9457 problem documents with a stable `code`.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use innkeeper_core::{ErrorCode, PictureError};
use innkeeper_face::FaceError;
use innkeeper_identity::{Limited, Throttled};
use innkeeper_image_embedding::EmbeddingError;
use innkeeper_objects::ObjectError;
use innkeeper_ocr::{OcrError, PdfError};
use innkeeper_room::RoomError;
use innkeeper_runtime::RuntimeError;
use innkeeper_store::StoreError;
use innkeeper_vectors::VectorError;
use innkeeper_visual_search::SearchError;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Longest detail, in characters.
const LONGEST_DETAIL: usize = 500;

/// What went wrong, in the words of the API. Internal causes are logged, never shown.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub code: ErrorCode,
    pub detail: String,
    pub retry_after: Option<Duration>,
    /// Further members of the document, such as the verdict on each photo.
    pub more: Map<String, Value>,
}

/// The document itself (`application/problem+json`, RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemDocument {
    /// Where the code is documented.
    #[serde(rename = "type")]
    #[schema(example = "/problems#no_face")]
    kind: String,
    /// The status in words.
    title: String,
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// What happened, for a person.
    detail: String,
    /// What happened, for a program. Never changes its meaning.
    #[schema(example = "no_face")]
    code: String,
    /// The id of the request, as in the `x-request-id` header and the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// Seconds until another attempt is sensible, as in `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(flatten)]
    #[schema(ignore)]
    more: Map<String, Value>,
}

/// The HTTP status of a code.
pub(crate) fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadRequest
        | ErrorCode::InvalidBase64
        | ErrorCode::InvalidId
        | ErrorCode::BrokenDocument
        | ErrorCode::InvalidTimestamp => StatusCode::BAD_REQUEST,
        ErrorCode::Unauthenticated | ErrorCode::InvalidToken => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden | ErrorCode::AddressExpired | ErrorCode::AddressInvalid => StatusCode::FORBIDDEN,
        ErrorCode::NotFound
        | ErrorCode::EmployeeNotEnrolled
        | ErrorCode::AnswerNotFound
        | ErrorCode::UnknownFaceNotFound
        | ErrorCode::NegativeNotFound
        | ErrorCode::AttendanceNotFound
        | ErrorCode::ImageNotFound
        | ErrorCode::MatchNotFound
        | ErrorCode::ScheduleNotFound
        | ErrorCode::CellNotFound
        | ErrorCode::RuleNotFound
        | ErrorCode::ApiKeyNotFound
        | ErrorCode::ReferenceNotFound
        | ErrorCode::ModelNotFound => StatusCode::NOT_FOUND,
        ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::FaceAlreadyEnrolled
        | ErrorCode::ModelChanged
        | ErrorCode::DuplicateImage
        | ErrorCode::TooManyReferences
        | ErrorCode::RuleExists
        | ErrorCode::RulesClash
        | ErrorCode::ScheduleState
        | ErrorCode::PublishTargetMissing
        | ErrorCode::NothingToRollBack => StatusCode::CONFLICT,
        ErrorCode::PayloadTooLarge | ErrorCode::ImageTooLarge | ErrorCode::DocumentTooLarge => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        ErrorCode::UnsupportedImage | ErrorCode::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorCode::BrokenImage
        | ErrorCode::DocumentLocked
        | ErrorCode::DocumentNotFound
        | ErrorCode::UnknownField
        | ErrorCode::NoFace
        | ErrorCode::MultipleFaces
        | ErrorCode::FaceTooSmall
        | ErrorCode::FaceQuality
        | ErrorCode::DifferentPeople
        | ErrorCode::NoUsablePhoto
        | ErrorCode::PhotoQuality
        | ErrorCode::UnknownRoomType
        | ErrorCode::InvalidRule
        | ErrorCode::InvalidPrice
        | ErrorCode::RuleBroken
        | ErrorCode::PricesUnknown
        | ErrorCode::HistoryTooShort
        | ErrorCode::RoomsUnknown
        | ErrorCode::ConsentRequired => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::RateLimited | ErrorCode::TooManyFailedMatches => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::PublishFailed => StatusCode::BAD_GATEWAY,
        ErrorCode::Overloaded
        | ErrorCode::EngineUnavailable
        | ErrorCode::DeadlineExceeded
        | ErrorCode::ModelNotInstalled
        | ErrorCode::ServiceDisabled
        | ErrorCode::NotReady => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl Problem {
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        // Whatever a library put into its message, an answer does not repeat a request.
        if let Some((end, _)) = detail.char_indices().nth(LONGEST_DETAIL) {
            detail.truncate(end);
            detail.push('…');
        }
        Self { code, detail, retry_after: None, more: Map::new() }
    }

    pub fn retry(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.more.insert(key.to_owned(), value);
        self
    }

    /// Logs `cause` and answers with nothing of it.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "request failed");
        Self::new(ErrorCode::Internal, "the request failed inside the server; its log has the request id")
    }

    /// The document as JSON, for an answer, an element of one, or a line of `predict`.
    pub fn document(&self, request_id: Option<&str>) -> Value {
        let status = status(self.code);
        let document = ProblemDocument {
            kind: format!("/problems#{}", self.code.as_str()),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: self.detail.clone(),
            code: self.code.as_str().to_owned(),
            request_id: request_id.map(str::to_owned),
            retry_after: self.retry_seconds(),
            more: self.more.clone(),
        };
        serde_json::to_value(document).unwrap_or(Value::Null)
    }

    fn retry_seconds(&self) -> Option<u64> {
        self.retry_after.map(|d| d.as_secs_f64().ceil().max(1.0) as u64)
    }

    pub fn into_response_with(self, request_id: Option<&str>) -> Response {
        let body = self.document(request_id).to_string();
        let mut response = (status(self.code), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_seconds() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status(self.code) == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // The outermost layer knows the request id and writes the document again with it.
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.into_response_with(None)
    }
}

impl From<RuntimeError> for Problem {
    fn from(error: RuntimeError) -> Self {
        match error {
            RuntimeError::Overloaded { retry_after } => {
                Self::new(ErrorCode::Overloaded, error.to_string()).retry(retry_after)
            }
            RuntimeError::DeadlineExceeded => {
                Self::new(ErrorCode::DeadlineExceeded, error.to_string()).retry(Duration::from_secs(1))
            }
            RuntimeError::Cancelled | RuntimeError::Stopped => {
                Self::new(ErrorCode::NotReady, error.to_string()).retry(Duration::from_secs(1))
            }
            other => Self::internal(&other),
        }
    }
}

impl From<PictureError> for Problem {
    fn from(error: PictureError) -> Self {
        let code = match &error {
            PictureError::Empty | PictureError::UnknownFormat => ErrorCode::UnsupportedImage,
            PictureError::TooManyBytes { .. } => ErrorCode::PayloadTooLarge,
            PictureError::TooManyPixels { .. } | PictureError::TooMuchMemory { .. } => {
                ErrorCode::ImageTooLarge
            }
            PictureError::Broken { .. } => ErrorCode::BrokenImage,
            PictureError::Resize(_) => return Self::internal(&error),
        };
        Self::new(code, error.to_string())
    }
}

impl From<FaceError> for Problem {
    fn from(error: FaceError) -> Self {
        match error {
            FaceError::Runtime(e) => e.into(),
            FaceError::Picture(e) => e.into(),
            FaceError::NotInstalled { .. } => Self::new(ErrorCode::ModelNotInstalled, error.to_string()),
            other => Self::internal(&other),
        }
    }
}

impl From<PdfError> for Problem {
    fn from(error: PdfError) -> Self {
        let code = match &error {
            PdfError::NotInstalled => ErrorCode::ModelNotInstalled,
            PdfError::TooManyBytes { .. } => ErrorCode::PayloadTooLarge,
            PdfError::PageTooLarge { .. } => ErrorCode::DocumentTooLarge,
            PdfError::Broken { .. } => ErrorCode::BrokenDocument,
            PdfError::Encrypted => ErrorCode::DocumentLocked,
            PdfError::TooSlow { .. } => ErrorCode::DeadlineExceeded,
            PdfError::Busy => {
                return Self::new(ErrorCode::Overloaded, error.to_string()).retry(Duration::from_secs(2));
            }
            // Where the library lies is for the log.
            PdfError::Unloadable { .. } => return Self::internal(&error),
        };
        Self::new(code, error.to_string())
    }
}

impl From<OcrError> for Problem {
    fn from(error: OcrError) -> Self {
        match error {
            OcrError::Runtime(e) => e.into(),
            OcrError::Picture(e) => e.into(),
            OcrError::DocumentNotFound => Self::new(ErrorCode::DocumentNotFound, error.to_string()),
            OcrError::Pdf(e) => e.into(),
            other => Self::internal(&other),
        }
    }
}

impl From<EmbeddingError> for Problem {
    fn from(error: EmbeddingError) -> Self {
        match error {
            EmbeddingError::Runtime(e) => e.into(),
            EmbeddingError::Picture(e) => e.into(),
            other => Self::internal(&other),
        }
    }
}

impl From<RoomError> for Problem {
    fn from(error: RoomError) -> Self {
        match error {
            RoomError::Runtime(e) | RoomError::Objects(ObjectError::Runtime(e)) => e.into(),
            RoomError::Picture(e) | RoomError::Objects(ObjectError::Picture(e)) => e.into(),
            RoomError::Embedding(e) => e.into(),
            RoomError::NotInstalled { .. } => Self::new(ErrorCode::ModelNotInstalled, error.to_string()),
            other => Self::internal(&other),
        }
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Features(e) => e.into(),
            SearchError::Picture(e) => e.into(),
            other => Self::internal(&other),
        }
    }
}

impl From<Limited> for Problem {
    fn from(limited: Limited) -> Self {
        Self::new(ErrorCode::RateLimited, format!("at most {} calls a minute", limited.limit))
            .retry(limited.retry_after)
    }
}

impl From<Throttled> for Problem {
    fn from(throttled: Throttled) -> Self {
        Self::new(ErrorCode::TooManyFailedMatches, "too many failed matches in a row; wait before the next")
            .retry(throttled.retry_after)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            error if error.is_transient() => {
                Self::new(ErrorCode::Overloaded, error.to_string()).retry(Duration::from_secs(1))
            }
            StoreError::UnknownEmployee | StoreError::NoConsent => {
                Self::new(ErrorCode::EmployeeNotEnrolled, error.to_string())
            }
            StoreError::Closed => Self::new(ErrorCode::NotReady, "the server shuts down"),
            other => Self::internal(&other),
        }
    }
}

impl From<VectorError> for Problem {
    fn from(error: VectorError) -> Self {
        match error {
            VectorError::Unreachable { .. } | VectorError::Timeout { .. } => {
                // Where the server stands is for the log, not for every client.
                tracing::error!(%error, "the vector index does not answer");
                Self::new(ErrorCode::EngineUnavailable, "the vector index does not answer")
                    .retry(Duration::from_secs(2))
            }
            other => Self::internal(&other),
        }
    }
}

macro_rules! internal {
    ($($error:ty),*) => {
        $(impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                Self::internal(&error)
            }
        })*
    };
}
internal!(innkeeper_media::MediaError, innkeeper_core::EmbeddingError, tokio::task::JoinError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_status_and_only_internal_is_a_500() {
        for code in ErrorCode::ALL {
            let status = status(*code);
            assert!(status.is_client_error() || status.is_server_error());
            assert_eq!(status == StatusCode::INTERNAL_SERVER_ERROR, *code == ErrorCode::Internal, "{code:?}");
        }
    }

    #[test]
    fn the_document_says_when_to_come_back() {
        let problem = Problem::new(ErrorCode::Overloaded, "busy").retry(Duration::from_millis(1200));
        let response = problem.clone().into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let document = problem.document(Some("r-1"));
        assert_eq!(document["code"], "overloaded");
        assert_eq!(document["retry_after"], 2);
        assert_eq!(document["request_id"], "r-1");
    }

    #[test]
    fn a_busy_or_closed_database_is_no_bug() {
        let busy = Problem::from(StoreError::Busy);
        assert_eq!((busy.code, busy.retry_after.is_some()), (ErrorCode::Overloaded, true));
        assert_eq!(Problem::from(StoreError::Closed).code, ErrorCode::NotReady);
        assert_eq!(Problem::from(StoreError::Corrupt { column: "x" }).code, ErrorCode::Internal);
    }

    #[test]
    fn a_detail_has_an_end() {
        let problem = Problem::new(ErrorCode::BadRequest, "é".repeat(100_000));
        assert_eq!(problem.detail.chars().count(), LONGEST_DETAIL + 1);
    }

    #[test]
    fn internal_causes_are_not_shown() {
        let problem = Problem::internal(&"/secret/path: no such table");
        assert!(!problem.document(None).to_string().contains("secret"));
    }
}

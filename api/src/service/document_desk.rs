//! Documents joined with the tables: what is kept of an answer, what the audit log learns, and corrections.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use chrono::Utc;
use innkeeper_core::{ErrorCode, HotelId};
use innkeeper_ocr::identity::DocumentType;
use innkeeper_store::{AuditSubject, NewKeptAnswer, Store};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::FaceService;
use super::documents::{Documents, IdentityAnswer, InvoiceAnswer};
use super::feedback::{OCR_FIELDS, OCR_ID, instant};
use crate::admission::Admission;
use crate::config::Ocr;
use crate::problem::Problem;

/// Most bytes of JSON that are kept of an answer; a page of print has some fifty thousand.
const MOST_KEPT: usize = 4 << 20;

/// Reading for every hotel of this process.
pub(crate) struct DocumentService {
    documents: Arc<Documents>,
    settings: Ocr,
    store: Store,
}

/// Who asks, and where.
pub(crate) struct Reader<'a> {
    pub hotel: &'a HotelId,
    pub subject: &'a str,
}

/// Counts and times one reading, however it ends.
fn measured<T>(kind: &'static str, started: Instant, result: Result<T, Problem>) -> Result<T, Problem> {
    let status = if result.is_ok() { "success" } else { "failure" };
    metrics::counter!("ocr_processing_total", "kind" => kind, "status" => status).increment(1);
    metrics::histogram!("ocr_processing_duration_seconds", "kind" => kind).record(started.elapsed());
    result
}

/// The names of the fields that an answer has a value for, and of nothing else.
fn names(value: &Value) -> Vec<String> {
    let Some(members) = value["fields"].as_object() else { return Vec::new() };
    members.keys().cloned().collect()
}

impl DocumentService {
    pub fn new(documents: Documents, settings: Ocr, store: Store) -> Self {
        Self { documents: Arc::new(documents), settings, store }
    }

    /// Name and version of every running model.
    pub fn models(&self) -> Vec<String> {
        self.documents.models()
    }

    /// `installed`, or why Vietnamese is read once only.
    pub fn vietnamese_note(&self) -> String {
        self.documents.vietnamese_note()
    }

    /// `installed`, or why PDF files are not read.
    pub fn pdf_note(&self) -> String {
        self.documents.pdf_note()
    }

    /// Reads an invoice or a receipt, and keeps what was read, sealed, as long as the settings say.
    pub async fn invoice(
        &self,
        admission: &Admission,
        reader: Reader<'_>,
        bytes: Bytes,
        country: Option<String>,
    ) -> Result<InvoiceAnswer, Problem> {
        let (started, documents) = (Instant::now(), Arc::clone(&self.documents));
        let keeps = self.settings.retention().is_some();
        let read = admission.run(move |ticket| {
            let (mut answer, pages) = documents.invoice(&bytes, country, ticket)?;
            // Whatever it was sent as: of an identity document nothing is kept without being asked for.
            if !keeps || answer.not_kept.is_some() {
                return Ok((answer, None));
            }
            let sha256 = hex::encode(Sha256::digest(&bytes));
            let content = json!({ "pages": pages, "answer": &answer.invoice, "sha256": sha256 });
            if content.to_string().len() > MOST_KEPT {
                answer.not_kept = Some("too_large");
                return Ok((answer, None));
            }
            Ok((answer, Some(content)))
        });
        let (mut answer, content) = measured("invoice", started, read.await)?;
        if let Some(content) = content {
            answer.kept_until = self.keep(&reader, answer.answer_id, OCR_FIELDS, content).await?;
        }
        tracing::info!(
            answer_id = %answer.answer_id, pages = answer.pages.len(), fields = answer.invoice.fields.len(),
            ms = answer.time_ms, "an invoice was read"
        );
        Ok(answer)
    }

    /// Reads an identity document. An audit row says that it was read, by whom and of which kind; nothing of its
    /// content is written anywhere unless the settings ask for it.
    pub async fn identity(
        &self,
        admission: &Admission,
        reader: Reader<'_>,
        bytes: Bytes,
        asked: Option<DocumentType>,
        faces: Result<Arc<FaceService>, Problem>,
    ) -> Result<IdentityAnswer, Problem> {
        let (started, documents) = (Instant::now(), Arc::clone(&self.documents));
        let read = admission.run(move |ticket| {
            let faces = faces.as_ref().map(|f| f.pipeline()).map_err(|problem| problem.code.as_str());
            documents.identity(&bytes, asked, faces, ticket)
        });
        let mut answer = measured("id", started, read.await)?;
        let content = serde_json::to_value(&answer.document).map_err(|e| Problem::internal(&e))?;
        let fields = names(&content);
        // Written first: an answer that nobody can account for is not given.
        let details = json!({
            "document_type": answer.document.document_type, "fields": fields,
            "kept": self.settings.keep_identity_documents && self.settings.retention().is_some(),
        });
        let subject = AuditSubject::Thing(format!("answer:{}", answer.answer_id));
        self.store.hotel(reader.hotel).audit(reader.subject, "document.read", subject, details).await?;
        if self.settings.keep_identity_documents {
            let content = json!({ "answer": content });
            answer.kept_until = self.keep(&reader, answer.answer_id, OCR_ID, content).await?;
        }
        tracing::info!(
            answer_id = %answer.answer_id, fields = fields.len(), ms = answer.time_ms,
            "an identity document was read"
        );
        Ok(answer)
    }

    /// Until when it is kept.
    async fn keep(
        &self,
        reader: &Reader<'_>,
        id: Uuid,
        model: &str,
        content: Value,
    ) -> Result<Option<String>, Problem> {
        let created_at = Utc::now();
        let Some(expires_at) = self.settings.retention().and_then(|time| created_at.checked_add_signed(time))
        else {
            return Ok(None);
        };
        let new = NewKeptAnswer {
            id,
            model: model.to_owned(),
            content,
            created_by: reader.subject.to_owned(),
            created_at,
            expires_at,
        };
        self.store.hotel(reader.hotel).keep_answer(new).await?;
        Ok(Some(instant(expires_at)))
    }
}

/// A document type by its name in requests.
pub(crate) fn document_type(text: &str) -> Result<DocumentType, Problem> {
    text.parse().map_err(|_| {
        let detail = "document_type is id_card, passport, driver_license, visa or residence_permit";
        Problem::new(ErrorCode::BadRequest, detail)
    })
}

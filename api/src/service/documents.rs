//! The reading of documents: what the models say of bytes, without tables. The server and the command line share it.

use std::time::Instant;

use chrono::Utc;
use innkeeper_core::{DecodeLimits, ErrorCode, Picture, Rect};
use innkeeper_face::{FacePipeline, Want};
use innkeeper_ocr::identity::{DocumentType, IdentityDocument, IdentityReader, may_be_identity};
use innkeeper_ocr::invoice::{Hints, Invoice, InvoiceReader};
use innkeeper_ocr::{Document, Page, PageText, PdfLimits, Pdfium, Tesseract, TextReader, is_pdf};
use innkeeper_runtime::Ticket;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::recognise::ms;
use crate::problem::Problem;

/// Why there is no PDFium although its file is there.
pub(crate) const CANNOT_BE_LOADED: &str = "cannot_be_loaded";

/// Everything that reads documents, warm.
pub(crate) struct Documents {
    pub text: TextReader,
    pub invoices: InvoiceReader,
    pub limits: DecodeLimits,
    pub timezone: chrono_tz::Tz,
    /// The library that opens PDF files, or why there is none.
    pub pdfium: Result<Pdfium, String>,
    /// What reads Vietnamese lines a second time, or why nothing does.
    pub vietnamese: Result<Tesseract, String>,
    pub pdf_limits: PdfLimits,
    /// Where the hotel is, when the settings say so.
    pub country: Option<String>,
}

/// One page of what was read.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PageReport {
    /// Width in pixels of the page as sent, EXIF rotation applied: boxes are in these.
    pub width: u32,
    /// Height in pixels of the page as sent.
    pub height: u32,
    /// Degrees by which the page as sent was turned clockwise to be upright.
    pub turned: f32,
    /// Lines of text on it.
    pub lines: usize,
    /// `read` by the models, or `file` where a PDF file says itself what is on it.
    pub source: &'static str,
}

impl PageReport {
    fn of((page, text): (&Page, &PageText)) -> Self {
        Self {
            width: text.sent_width,
            height: text.sent_height,
            turned: text.turned,
            lines: text.lines.len(),
            source: if page.text().is_some() { "file" } else { "read" },
        }
    }
}

/// What was read of an invoice or a receipt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvoiceAnswer {
    /// Id of this answer, for `POST /api/v1/feedback`.
    pub answer_id: Uuid,
    #[serde(flatten)]
    pub invoice: Invoice,
    /// The pages, in order; `box` of a field names one by its number, from 1.
    pub pages: Vec<PageReport>,
    /// How many pages the file has; more than `pages` where not all are read.
    pub pages_in_file: usize,
    /// Until when the answer can be corrected; null where nothing is kept.
    pub kept_until: Option<String>,
    /// Why nothing is kept although the settings ask for it: `identity_document` where the text may be one,
    /// `too_large`.
    pub not_kept: Option<&'static str>,
    /// Name and version of what read it.
    pub models: Vec<String>,
    /// Milliseconds from the decoded body to the answer.
    pub time_ms: f64,
}

/// What was read of an identity document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IdentityAnswer {
    /// Id of this answer, as in the audit log.
    pub answer_id: Uuid,
    #[serde(flatten)]
    pub document: IdentityDocument,
    /// The page on which the document was found, from 1, and how many there are.
    pub page: usize,
    pub pages: usize,
    /// Until when the answer is kept; null, which is the default, where nothing is.
    pub kept_until: Option<String>,
    /// Name and version of what read it.
    pub models: Vec<String>,
    /// Milliseconds from the decoded body to the answer.
    pub time_ms: f64,
}

impl Documents {
    /// Name and version of every running model.
    pub fn models(&self) -> Vec<String> {
        self.text.models().iter().map(|model| model.model().to_string()).collect()
    }

    fn hints(&self, country: Option<String>) -> Hints {
        let today = Utc::now().with_timezone(&self.timezone).date_naive();
        Hints { country, default_country: self.country.clone(), today: Some(today) }
    }

    fn open(&self, bytes: &[u8], ticket: &Ticket) -> Result<Document, Problem> {
        if is_pdf(bytes) && self.pdfium.as_ref().is_err_and(|reason| reason == CANNOT_BE_LOADED) {
            let detail = "PDFium is installed but cannot be loaded; the log says why, `innkeeper models verify` \
                          whether its file is whole";
            return Err(Problem::new(ErrorCode::ModelNotInstalled, detail));
        }
        Ok(Document::open(bytes, &self.limits, self.pdfium.as_ref().ok(), &self.pdf_limits, ticket)?)
    }

    /// The text of every page: what the file says where it is a PDF file with text, else what the models read.
    fn texts(&self, document: &Document, ticket: &Ticket) -> Result<Vec<PageText>, Problem> {
        let read = |page: &Page| match page {
            Page::Text { text, .. } => Ok(text.clone()),
            Page::Picture(picture) => {
                let mut page = self.text.read(picture, ticket)?;
                if let Ok(second) = &self.vietnamese
                    && let Err(error) = second.improve(&mut page, ticket)
                {
                    ticket.check()?;
                    // The first reading stands.
                    tracing::warn!(%error, "Vietnamese lines were read once only");
                }
                Ok(page.text)
            }
        };
        document.pages().iter().map(read).collect()
    }

    /// Reads an invoice or a receipt, with the text it was read from.
    pub fn invoice(
        &self,
        bytes: &[u8],
        country: Option<String>,
        ticket: &Ticket,
    ) -> Result<(InvoiceAnswer, Vec<PageText>), Problem> {
        let started = Instant::now();
        let document = self.open(bytes, ticket)?;
        let pages = self.texts(&document, ticket)?;
        if pages.iter().all(|page| page.lines.is_empty()) {
            return Err(Problem::new(ErrorCode::DocumentNotFound, "there is no text on it that can be read"));
        }
        let invoice = self.invoices.extract(&pages, &self.hints(country));
        if invoice.fields.is_empty() && invoice.items.is_empty() {
            let detail = "there is text on it, but no field of an invoice or a receipt";
            return Err(Problem::new(ErrorCode::DocumentNotFound, detail));
        }
        let reports = document.pages().iter().zip(&pages).map(PageReport::of).collect();
        let answer = InvoiceAnswer {
            answer_id: Uuid::now_v7(),
            invoice,
            pages: reports,
            pages_in_file: document.pages_in_file(),
            kept_until: None,
            not_kept: pages.iter().any(may_be_identity).then_some("identity_document"),
            models: self.models(),
            time_ms: ms(started.elapsed()),
        };
        Ok((answer, pages))
    }

    /// Reads an identity document. `faces` looks for the holder's portrait, or says why nobody looks.
    pub fn identity(
        &self,
        bytes: &[u8],
        asked: Option<DocumentType>,
        faces: Result<&FacePipeline, &str>,
        ticket: &Ticket,
    ) -> Result<IdentityAnswer, Problem> {
        let started = Instant::now();
        let file = self.open(bytes, ticket)?;
        let today = Utc::now().with_timezone(&self.timezone).date_naive();
        let reader = IdentityReader::new(&self.text);
        let pictures: Vec<&Picture> = file.pages().iter().map(Page::picture).collect();
        let (page, mut document) = reader.read_pages(&pictures, asked, today, ticket)?;
        let found = match (faces, pictures.get(page.saturating_sub(1))) {
            (Ok(faces), Some(picture)) => portraits(faces, picture, ticket)?,
            (Err(reason), _) => Err(reason),
            (Ok(_), None) => Err("the page is not there"),
        };
        match found {
            Ok(boxes) => document = document.with_face(&boxes),
            Err(reason) => {
                document.reasons.insert("face_box", reason.to_owned());
            }
        }
        Ok(IdentityAnswer {
            answer_id: Uuid::now_v7(),
            document,
            page,
            pages: file.pages_in_file(),
            kept_until: None,
            models: self.models(),
            time_ms: ms(started.elapsed()),
        })
    }

    /// `installed`, or why Vietnamese is read once only.
    pub fn vietnamese_note(&self) -> String {
        self.vietnamese.as_ref().map_or_else(Clone::clone, |_| "installed".to_owned())
    }

    /// `installed`, or why PDF files are not read.
    pub fn pdf_note(&self) -> String {
        self.pdfium.as_ref().map_or_else(Clone::clone, |_| "installed".to_owned())
    }
}

/// Boxes of the faces of a picture, of whatever quality: a portrait on a card is small and printed. A model that fails
/// is a reason for no face, not a failure of the request; one that was given up is.
fn portraits(
    faces: &FacePipeline,
    picture: &Picture,
    ticket: &Ticket,
) -> Result<Result<Vec<Rect>, &'static str>, Problem> {
    let want = Want { liveness: false, embedding: false, despite_quality: true };
    match faces.analyse(picture, want, ticket) {
        Ok(analysis) => Ok(Ok(analysis.faces.iter().map(|face| face.rect).collect())),
        Err(error) => match ticket.check() {
            Ok(()) => Ok(Err("the search for a face failed")),
            Err(_) => Err(error.into()),
        },
    }
}

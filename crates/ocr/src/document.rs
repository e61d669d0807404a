use innkeeper_core::{DecodeLimits, Picture};
use innkeeper_runtime::Ticket;

use crate::pdf::{PdfError, PdfLimits, Pdfium};
use crate::{OcrError, PageText};

/// A header of a PDF file may stand anywhere in so many first bytes (ISO 32000-1, annex H, note 13).
const HEADER_WITHIN: usize = 1_024;

/// A page of a document.
#[derive(Debug, Clone)]
pub enum Page {
    /// Pixels that have to be read: a photograph, a scan, or a page of a PDF file without usable text.
    Picture(Picture),
    /// A page of a PDF file that says what is written on it.
    Text {
        /// Its words, in pixels of `picture`. Nothing was guessed, so each confidence is 1; whether the text is
        /// what a reader sees is the author's word, since PDF allows text in the colour of the paper.
        text: PageText,
        /// The page as it is shown, for what is no text: bar codes, machine-readable zones, faces.
        picture: Picture,
    },
}

impl Page {
    /// The page as it is shown.
    pub fn picture(&self) -> &Picture {
        match self {
            Self::Picture(picture) | Self::Text { picture, .. } => picture,
        }
    }

    /// The text that the file itself gives; `None` where the pixels have to be read.
    pub fn text(&self) -> Option<&PageText> {
        match self {
            Self::Picture(_) => None,
            Self::Text { text, .. } => Some(text),
        }
    }
}

/// A picture or a PDF file.
#[derive(Debug, Clone)]
pub struct Document {
    pages: Vec<Page>,
    pages_in_file: usize,
}

impl Document {
    /// Opens what was sent. The bytes decide what it is, never a name: a picture is known by its first bytes, a PDF
    /// file by its header in the first 1,024. A file that is both is a picture.
    ///
    /// # Errors
    /// [`OcrError::Picture`] for pictures, see [`Picture::decode`]; it is also what bytes of another kind get.
    /// [`OcrError::Pdf`] for PDF files, see [`PdfError`]; `pdfium` is `None` where the library is not installed.
    /// [`OcrError::Runtime`] when `ticket` is cancelled or its deadline passes; a PDF file is given up at once.
    pub fn open(
        bytes: &[u8],
        decode: &DecodeLimits,
        pdfium: Option<&Pdfium>,
        limits: &PdfLimits,
        ticket: &Ticket,
    ) -> Result<Self, OcrError> {
        ticket.check()?;
        if !is_pdf(bytes) {
            return Ok(Self {
                pages: vec![Page::Picture(Picture::decode(bytes, decode)?)],
                pages_in_file: 1,
            });
        }
        let read = pdfium.ok_or(PdfError::NotInstalled)?.read(bytes, limits, ticket)?;
        Ok(Self { pages: read.pages, pages_in_file: read.in_file })
    }

    /// The pages, in order; at least one.
    pub fn pages(&self) -> &[Page] {
        &self.pages
    }

    /// The pages, in order; at least one.
    pub fn into_pages(self) -> Vec<Page> {
        self.pages
    }

    /// How many pages the file says it has; more than [`Document::pages`] when the limit cut it.
    pub fn pages_in_file(&self) -> usize {
        self.pages_in_file
    }
}

/// Whether these bytes are opened as a PDF file.
pub fn is_pdf(bytes: &[u8]) -> bool {
    const HEADER: &[u8] = b"%PDF-";
    let head = bytes.get(..HEADER_WITHIN).unwrap_or(bytes);
    Picture::format_of(bytes).is_none() && head.windows(HEADER.len()).any(|at| at == HEADER)
}

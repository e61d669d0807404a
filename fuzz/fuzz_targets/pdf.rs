//! Files that may be pictures, PDF files or neither. `INNKEEPER_PDFIUM_LIBRARY` names PDFium,
//! `INNKEEPER_PDF_WORKER` the program that it runs in.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use innkeeper_core::DecodeLimits;
use innkeeper_ocr::{Document, OcrError, PdfError, PdfLimits, PdfWorker, Pdfium};
use innkeeper_runtime::Ticket;
use libfuzzer_sys::fuzz_target;

static PDFIUM: LazyLock<Pdfium> = LazyLock::new(|| {
    let named = |name: &str| PathBuf::from(std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set")));
    let worker = PdfWorker { program: named("INNKEEPER_PDF_WORKER"), arguments: Vec::new(), processes: 1 };
    Pdfium::load(&named("INNKEEPER_PDFIUM_LIBRARY"), worker).expect("PDFium")
});

fuzz_target!(|bytes: &[u8]| {
    // Small pages: what is sought is a crash, and a large picture only slows the search.
    let limits = PdfLimits { longest_side: 200, max_side: 400, ..PdfLimits::default() };
    let decode = DecodeLimits { max_pixels: 1_000_000, ..DecodeLimits::default() };
    let opened = Document::open(bytes, &decode, Some(&PDFIUM), &limits, &Ticket::unlimited());
    // The other process came to its end: that is what is sought.
    if let Err(OcrError::Pdf(error @ (PdfError::Broken { .. } | PdfError::TooSlow { .. }))) = opened {
        assert!(!error.to_string().contains("gave it up") && !matches!(error, PdfError::TooSlow { .. }), "{error}");
    }
});

//! Files that may be pictures, PDF files or neither. `INNKEEPER_PDFIUM_LIBRARY` names PDFium.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use innkeeper_core::DecodeLimits;
use innkeeper_ocr::{Document, PdfLimits, Pdfium};
use libfuzzer_sys::fuzz_target;

static PDFIUM: LazyLock<Pdfium> = LazyLock::new(|| {
    let path = std::env::var_os("INNKEEPER_PDFIUM_LIBRARY").expect("INNKEEPER_PDFIUM_LIBRARY names libpdfium.so");
    Pdfium::load(&PathBuf::from(path)).expect("PDFium")
});

fuzz_target!(|bytes: &[u8]| {
    // Small pages: what is sought is a crash, and a large picture only slows the search.
    let limits = PdfLimits { longest_side: 200, max_side: 400, ..PdfLimits::default() };
    let decode = DecodeLimits { max_pixels: 1_000_000, ..DecodeLimits::default() };
    let _ = Document::open(bytes, &decode, Some(&PDFIUM), &limits);
});

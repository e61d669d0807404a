//! A file that PDFium never finishes. A binary of its own: the library is lost to the process afterwards.

#[path = "installed/mod.rs"]
mod installed;
#[path = "rendered/mod.rs"]
mod rendered;

use std::time::Duration;

use innkeeper_core::DecodeLimits;
use innkeeper_ocr::{Document, OcrError, PdfError, PdfLimits};
use rendered::pdf::{self, Writer};
use rendered::{Bill, Camera, Kind, Language};

#[test]
fn who_sends_a_form_that_draws_itself_twice_is_answered_and_pictures_are_still_read() {
    let Some(pdfium) = installed::pdfium() else { return };
    let mut writer = Writer::default();
    let own = writer.next();
    let form = writer.stream(
        &format!(
            "/Type /XObject /Subtype /Form /BBox [0 0 200 200] /Resources << /XObject << /Fm {own} 0 R >> >>"
        ),
        b"/Fm Do /Fm Do",
    );
    let resources = format!("/XObject << /Fm {form} 0 R >>");
    let file = pdf::file_of(writer, &[(b"/Fm Do".to_vec(), 200.0, 200.0)], &resources, "");
    let limits = PdfLimits { max_time: Duration::from_secs(1), ..PdfLimits::default() };
    let open = |bytes: &[u8]| Document::open(bytes, &DecodeLimits::default(), Some(&pdfium), &limits);
    assert!(matches!(open(&file), Err(OcrError::Pdf(PdfError::TooSlow { .. }))));
    let bill = Bill::invented(Kind::Receipt, Language::English, 1).draw();
    assert_eq!(open(&Camera::default().shoot(&bill).jpeg).expect("a picture").pages().len(), 1);
}

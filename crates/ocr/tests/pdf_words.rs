//! A PDF file says the same whether its text layer is believed or its picture is read.

#[path = "installed/mod.rs"]
mod installed;
#[path = "../benches/installed/mod.rs"]
mod models;
#[path = "rendered/mod.rs"]
mod rendered;

use innkeeper_core::DecodeLimits;
use innkeeper_ocr::{Document, Page, PageText, PdfLimits, TextSettings};
use innkeeper_runtime::Ticket;
use rendered::error_rate::edits;
use rendered::pdf::{self, Written};

fn words(text: &PageText) -> Vec<&str> {
    text.lines.iter().flat_map(|line| line.text.split_whitespace()).collect()
}

#[test]
fn the_words_of_a_text_layer_are_those_that_are_read_from_the_page() {
    let Some(pdfium) = installed::pdfium() else { return };
    let reader = match models::reader("auto", TextSettings::default()) {
        Ok(reader) => reader,
        Err(error) if std::env::var_os("INNKEEPER_REQUIRE_EXTENDED").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("not run: {error}");
            return;
        }
    };
    let mut pieces = vec![Written { x: 50.0, top: 40.0, size: 18.0, text: "Harbor Linen Supply LLC" }];
    let rows = [
        ["Bath towel 70x140 white", "52.00"],
        ["Laundry detergent 5 kg", "118.25"],
        ["Subtotal", "170.25"],
        ["TOTAL", "184.30"],
    ];
    for (top, [left, right]) in (0_u8..).map(|row| 100.0 + 30.0 * f32::from(row)).zip(rows) {
        pieces.push(Written { x: 50.0, top, size: 12.0, text: left });
        pieces.push(Written { x: 420.0, top, size: 12.0, text: right });
    }
    let file = pdf::text_page(&pieces, 0);
    let document = Document::open(
        &file,
        &DecodeLimits::default(),
        Some(&pdfium),
        &PdfLimits::default(),
        &Ticket::unlimited(),
    );
    let pages = document.expect("opened").into_pages();
    let [Page::Text { text, picture }] = pages.as_slice() else { panic!("{pages:?}") };
    let read = reader.read(picture, &Ticket::unlimited()).expect("read").text;
    assert_eq!(words(text), words(&read));
    // The same words stand in the same places: each line that was read lies on one of the layer.
    for line in &read.lines {
        let area = line.quad.bounds();
        let below = text.lines.iter().find(|told| {
            let told = told.quad.bounds();
            let centre = area.centre();
            told.x < centre.x && centre.x < told.right() && told.y < centre.y && centre.y < told.bottom()
        });
        let below =
            below.unwrap_or_else(|| panic!("nothing is written at {area:?}, where {} was read", line.text));
        assert_eq!(edits(&below.text, &line.text), 0);
    }
}

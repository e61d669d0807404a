//! PDF files: those that say what is written on them, those that are pictures, and those that want to hurt.
#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "installed/mod.rs"]
mod installed;
#[path = "rendered/mod.rs"]
mod rendered;

use std::path::Path;
use std::time::Duration;

use innkeeper_core::{DecodeLimits, PictureError};
use innkeeper_ocr::{Document, OcrError, Page, PdfError, PdfLimits, Pdfium};
use innkeeper_runtime::Ticket;
use rendered::pdf::{self, Writer, Written};
use rendered::{Bill, Kind, Language};

fn open(pdfium: &Pdfium, bytes: &[u8]) -> Result<Document, OcrError> {
    Document::open(bytes, &DecodeLimits::default(), Some(pdfium), &PdfLimits::default(), &Ticket::unlimited())
}

fn opened(pdfium: &Pdfium, bytes: &[u8]) -> Vec<Page> {
    open(pdfium, bytes).expect("opened").into_pages()
}

fn refused(pdfium: &Pdfium, bytes: &[u8]) -> PdfError {
    match open(pdfium, bytes) {
        Err(OcrError::Pdf(error)) => error,
        other => panic!("not refused: {other:?}"),
    }
}

const INVOICE: [Written; 7] = [
    Written { x: 50.0, top: 40.0, size: 18.0, text: "Harbor Linen Supply LLC" },
    Written { x: 50.0, top: 80.0, size: 11.0, text: "Invoice (no. 2025-57893)" },
    Written { x: 50.0, top: 120.0, size: 11.0, text: "Bath towel 70x140 white" },
    Written { x: 400.0, top: 120.0, size: 11.0, text: "2" },
    Written { x: 480.0, top: 120.0, size: 11.0, text: "52.00" },
    Written { x: 50.0, top: 160.0, size: 11.0, text: "TOTAL" },
    Written { x: 480.0, top: 160.0, size: 11.0, text: "€ 813.23" },
];

fn texts(page: &Page) -> Vec<&str> {
    page.text().map(|text| text.lines.iter().map(|line| line.text.as_str()).collect()).unwrap_or_default()
}

#[test]
fn a_text_page_gives_its_words_where_they_are_drawn() {
    let Some(pdfium) = installed::pdfium() else { return };
    let pages = opened(&pdfium, &pdf::text_page(&INVOICE, 0));
    let [page @ Page::Text { text, picture }] = pages.as_slice() else { panic!("{pages:?}") };
    assert_eq!(texts(page), INVOICE.map(|piece| piece.text));
    assert_eq!((text.width, text.height), (picture.width(), picture.height()));
    assert_eq!((text.width, text.height), (1413, 2000));
    for line in &text.lines {
        assert!((line.confidence - 1.0).abs() < f32::EPSILON);
        let words: Vec<&str> = line.words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(words.join(" "), line.text);
        for word in &line.words {
            let area = word.quad.bounds();
            let dark = |grown: f32| {
                let part = picture.cropped(&area.grown(grown)).expect("inside");
                part.rgb().chunks_exact(3).filter(|pixel| pixel[0] < 128).count()
            };
            // All of the word's ink is in its box, and a little more room holds none of the neighbours'.
            assert!(dark(0.0) > 10, "{word:?} has no ink in its box");
            let lost = dark(0.04) - dark(0.0);
            assert!(lost * 20 < dark(0.0), "{word:?}: {lost} dark pixels lie just outside its box");
        }
    }
}

#[test]
fn text_is_found_where_it_is_seen_on_pages_that_are_turned_or_cropped() {
    let Some(pdfium) = installed::pdfium() else { return };
    let pieces = [Written { x: 150.0, top: 300.0, size: 30.0, text: "Underneath the mango trees" }];
    for page in ["", "/Rotate 180", "/CropBox [100 100 595 700]"] {
        let content = (pdf::written(&pieces, 842.0, 0), 595.0, 842.0);
        let file = pdf::file_of(Writer::default(), &[content], pdf::HELVETICA, page);
        for page_read in opened(&pdfium, &file) {
            let picture = page_read.picture();
            let Some(text) = page_read.text() else {
                // Text that stands on its head is read from the pixels.
                assert!(page.contains("Rotate"), "{page}");
                continue;
            };
            assert_eq!(texts(&page_read), ["Underneath the mango trees"], "{page}");
            let inside = picture.cropped(&text.lines[0].quad.bounds()).expect("inside");
            let dark = |picture: &innkeeper_core::Picture| {
                picture.rgb().chunks_exact(3).filter(|pixel| pixel[0] < 128).count() as f32
            };
            assert!(dark(&inside) > 0.97 * dark(picture), "{page}: the box misses the letters");
        }
    }
    // Written upwards on a page that is shown turned by a quarter: upright to the reader.
    let content = b"BT /F1 30 Tf 0 1 -1 0 300 100 Tm (Underneath the mango trees) Tj ET".to_vec();
    let file = pdf::file_of(Writer::default(), &[(content, 595.0, 842.0)], pdf::HELVETICA, "/Rotate 90");
    let pages = opened(&pdfium, &file);
    assert_eq!(texts(&pages[0]), ["Underneath the mango trees"]);
    assert!(pages[0].picture().width() > pages[0].picture().height());
}

#[test]
fn a_scan_is_given_as_a_picture_even_with_invisible_text_below_it() {
    let Some(pdfium) = installed::pdfium() else { return };
    let bill = Bill::invented(Kind::Invoice, Language::English, 1).draw();
    for below in [&[][..], &INVOICE[..]] {
        let pages = opened(&pdfium, &pdf::image_page(&bill.pixels, below));
        let [Page::Picture(picture)] = pages.as_slice() else { panic!("{pages:?}") };
        // What was drawn is what comes out, a little larger.
        let back = picture.resized(1240, 1754, innkeeper_core::Resampling::Area).expect("resized");
        let off: u64 =
            back.rgb().iter().zip(bill.pixels.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        assert!(off / (back.rgb().len() as u64) < 4, "{off}");
    }
}

#[test]
fn a_layer_that_cannot_be_trusted_leaves_the_page_to_the_recogniser() {
    let Some(pdfium) = installed::pdfium() else { return };
    let long = Written { x: 50.0, top: 50.0, size: 20.0, text: "Twenty letters are enough to be a page" };
    let as_picture = |name: &str, file: &[u8]| {
        let pages = opened(&pdfium, file);
        assert!(pages[0].text().is_none(), "{name}: {:?}", texts(&pages[0]));
    };
    assert!(opened(&pdfium, &pdf::text_page(&[long], 0))[0].text().is_some());
    as_picture("a page number", &pdf::text_page(&[Written { text: "Page 1 of 2", ..INVOICE[0] }], 0));
    as_picture("nothing", &pdf::text_page(&[], 0));
    as_picture("invisible", &pdf::text_page(&INVOICE, 3));
    // A font whose codes mean nothing in Unicode.
    let mut writer = Writer::default();
    let map = writer.stream(
        "",
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n\
          1 begincodespacerange <00> <FF> endcodespacerange\n1 beginbfrange <20> <7E> <E020> endbfrange\n\
          endcmap end end",
    );
    let font = format!(
        "/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode {map} 0 R >> >>"
    );
    let content = pdf::written(&INVOICE[..6], 842.0, 0);
    as_picture("private letters", &pdf::file_of(writer, &[(content, 595.0, 842.0)], &font, ""));
    // A form that was filled in: its values are no part of the layer.
    let field = "/Annots [<< /Type /Annot /Subtype /Widget /FT /Tx /T (total) /V (813.23) /Rect [400 600 500 620] \
                 >>]";
    let content = pdf::written(&INVOICE, 842.0, 0);
    let form = pdf::file_of(Writer::default(), &[(content, 595.0, 842.0)], pdf::HELVETICA, field);
    as_picture("a form", &form);
}

#[test]
fn more_pages_than_allowed_are_left_out_and_counted() {
    let Some(pdfium) = installed::pdfium() else { return };
    let pages: Vec<&[Written]> = vec![&INVOICE; 14];
    let document = open(&pdfium, &pdf::text_pages(&pages, 0)).expect("opened");
    assert_eq!((document.pages().len(), document.pages_in_file()), (10, 14));
}

#[test]
fn the_bytes_decide_what_a_file_is() {
    let Some(pdfium) = installed::pdfium() else { return };
    let text = pdf::text_page(&INVOICE, 0);
    let jpeg = Bill::invented(Kind::Receipt, Language::English, 1);
    let jpeg = rendered::Camera::default().shoot(&jpeg.draw()).jpeg;
    assert!(matches!(opened(&pdfium, &jpeg).as_slice(), [Page::Picture(_)]));
    // Both at once: a picture with a PDF file behind it is the picture that everybody else sees.
    let both = [jpeg.as_slice(), &text].concat();
    assert!(matches!(opened(&pdfium, &both).as_slice(), [Page::Picture(_)]));
    // A header that comes a little late is a header.
    let late = [b"\r\n\r\n".as_slice(), &text].concat();
    assert!(opened(&pdfium, &late)[0].text().is_some());
    assert!(matches!(
        open(&pdfium, &[vec![b' '; 2000], text.clone()].concat()),
        Err(OcrError::Picture(PictureError::UnknownFormat))
    ));
    assert!(matches!(open(&pdfium, b""), Err(OcrError::Picture(PictureError::Empty))));
    let missing =
        Document::open(&text, &DecodeLimits::default(), None, &PdfLimits::default(), &Ticket::unlimited());
    let said = missing.expect_err("PDFium is not given").to_string();
    assert!(said.contains("innkeeper models pull --model pdfium"), "{said}");
}

#[test]
fn a_library_that_is_missing_or_no_library_is_named() {
    let load = |library: &Path| Pdfium::load(library, installed::pdf_worker("wrong"));
    let folder = tempfile::tempdir().expect("a folder");
    let nothing = folder.path().join("libpdfium.so");
    let said = load(&nothing).expect_err("missing").to_string();
    assert!(said.contains("libpdfium.so") && said.contains("innkeeper models pull --model pdfium"), "{said}");
    // The same name would be another file for the loader, which the test must not load by accident.
    std::fs::write(&nothing, b"not a library").expect("written");
    assert!(matches!(load(&nothing), Err(OcrError::Pdf(PdfError::Unloadable { .. }))));
    assert!(matches!(load(Path::new("libpdfium.so")), Err(OcrError::Pdf(PdfError::Unloadable { .. }))));
}

#[test]
fn files_that_are_cut_off_or_made_up_are_broken_and_nothing_worse() {
    let Some(pdfium) = installed::pdfium() else { return };
    let whole = pdf::text_page(&INVOICE, 0);
    for cut in [8, 20, 200] {
        assert!(matches!(refused(&pdfium, &whole[..cut]), PdfError::Broken { .. }), "{cut}");
    }
    // Without its table a file is mended, or refused; it is never read as something else.
    for cut in (200..whole.len()).step_by(37) {
        match open(&pdfium, &whole[..cut]) {
            Ok(document) => assert_eq!(document.pages().len(), 1),
            Err(error) => assert!(matches!(error, OcrError::Pdf(PdfError::Broken { .. })), "{cut}: {error}"),
        }
    }
    for made_up in [
        b"%PDF-1.7".to_vec(),
        b"%PDF-1.7\n%%EOF".to_vec(),
        [b"%PDF-1.7\n".as_slice(), &[0; 10_000]].concat(),
        [b"%PDF-1.7\n".as_slice(), &[0xff; 10_000]].concat(),
    ] {
        assert!(matches!(refused(&pdfium, &made_up), PdfError::Broken { .. }));
    }
}

/// A file whose page tree is `tree`, with `pages` objects of pages.
fn with_tree(tree: &str, pages: usize) -> Vec<u8> {
    let mut writer = Writer::default();
    let first = writer.next();
    for _ in 0..pages {
        writer.add(format!("<< /Type /Page /Parent {} 0 R /MediaBox [0 0 200 200] >>", first + pages));
    }
    writer.add(tree.replace("FIRST", &first.to_string()));
    let root = writer.add(format!("<< /Type /Catalog /Pages {} 0 R >>", first + pages));
    writer.file(root)
}

#[test]
fn page_trees_that_lie_loop_or_go_deep_end() {
    let Some(pdfium) = installed::pdfium() else { return };
    // One page, fifty thousand claimed.
    let claim = with_tree("<< /Type /Pages /Count 50000 /Kids [FIRST 0 R] >>", 1);
    match open(&pdfium, &claim) {
        Ok(document) => assert!(document.pages().len() <= 10),
        Err(error) => assert!(matches!(error, OcrError::Pdf(PdfError::Broken { .. })), "{error}"),
    }
    // A tree that is its own child, and one without children.
    for tree in ["<< /Type /Pages /Count 3 /Kids [1 0 R 1 0 R] >>", "<< /Type /Pages /Count 0 /Kids [] >>"] {
        assert!(matches!(refused(&pdfium, &with_tree(tree, 0)), PdfError::Broken { .. }), "{tree}");
    }
    // A hundred thousand nodes, each with one child.
    let mut writer = Writer::default();
    let depth = 100_000;
    for child in 2..=depth {
        writer.add(format!("<< /Type /Pages /Count 1 /Kids [{child} 0 R] >>"));
    }
    writer.add("<< /Type /Page /MediaBox [0 0 200 200] >>");
    let root = writer.add("<< /Type /Catalog /Pages 1 0 R >>");
    assert!(matches!(refused(&pdfium, &writer.file(root)), PdfError::Broken { .. }));
    // Cross-reference tables that point at each other.
    let file = pdf::text_page(&INVOICE, 0);
    let text = String::from_utf8_lossy(&file).into_owned();
    let start = text.rfind("startxref").expect("a table");
    let table = text[..start].rfind("\nxref").expect("a table") + 1;
    let looped = text[..start].replacen("trailer\n<<", &format!("trailer\n<< /Prev {table}"), 1);
    let looped = format!("{looped}startxref\n{table}\n%%EOF\n").into_bytes();
    match open(&pdfium, &looped) {
        Ok(document) => assert_eq!(document.pages().len(), 1),
        Err(error) => assert!(matches!(error, OcrError::Pdf(PdfError::Broken { .. })), "{error}"),
    }
}

#[test]
fn pages_of_any_claimed_size_cost_no_more_than_an_honest_one() {
    let Some(pdfium) = installed::pdfium() else { return };
    let size =
        |width: f32, height: f32| pdf::file_of(Writer::default(), &[(Vec::new(), width, height)], "", "");
    assert!(matches!(refused(&pdfium, &size(14_401.0, 10.0)), PdfError::PageTooLarge { page: 1, .. }));
    // Sizes that make no sense are replaced by letter paper there, or refused.
    for (width, height) in [
        (1e9, 1e9),
        (1e38, 1.0),
        (0.0, 0.0),
        (-50.0, 50.0),
        (f32::NAN, 1.0),
        (0.001, 14_000.0),
        (14_400.0, 14_400.0),
    ] {
        if let Ok(document) = open(&pdfium, &size(width, height)) {
            let picture = document.pages()[0].picture();
            assert!(picture.width() <= 4_000 && picture.height() <= 4_000, "{width} x {height}: {picture:?}");
        }
    }
    // An image that claims to be a wall.
    let mut writer = Writer::default();
    let image = writer.stream(
        "/Type /XObject /Subtype /Image /Width 60000 /Height 60000 /ColorSpace /DeviceRGB /BitsPerComponent 8",
        b"abc",
    );
    let resources = format!("/XObject << /Im1 {image} 0 R >>");
    let content = b"q 200 0 0 200 0 0 cm /Im1 Do Q".to_vec();
    let file = pdf::file_of(writer, &[(content, 200.0, 200.0)], &resources, "");
    assert_eq!(opened(&pdfium, &file).len(), 1);
}

#[test]
fn an_encrypted_file_is_named_as_such() {
    let Some(pdfium) = installed::pdfium() else { return };
    let mut writer = Writer::default();
    let zeros = "00".repeat(32);
    let key =
        writer.add(format!("<< /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O <{zeros}> /U <{zeros}> >>"));
    writer.trailer = format!("/ID [<00> <00>] /Encrypt {key} 0 R");
    let content = pdf::written(&INVOICE, 842.0, 0);
    let file = pdf::file_of(writer, &[(content, 595.0, 842.0)], pdf::HELVETICA, "");
    assert!(matches!(refused(&pdfium, &file), PdfError::Encrypted));
}

#[test]
fn scripts_and_actions_in_a_file_do_nothing() {
    let Some(pdfium) = installed::pdfium() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let trap = folder.path().join("trap");
    let actions = format!(
        "/AA << /O << /S /JavaScript /JS (while(1){{}}) >> /C << /S /Launch /F ({}) >> >>",
        trap.display()
    );
    let content = pdf::written(&INVOICE, 842.0, 0);
    let mut writer = Writer::default();
    writer.catalogue = "/OpenAction << /S /JavaScript /JS (while(1){}) >>".to_owned();
    let file = pdf::file_of(writer, &[(content, 595.0, 842.0)], pdf::HELVETICA, &actions);
    assert_eq!(texts(&opened(&pdfium, &file)[0]).len(), INVOICE.len());
    assert!(!trap.exists());
}

#[test]
fn a_form_that_draws_itself_and_a_page_of_a_million_strokes_end() {
    let Some(pdfium) = installed::pdfium() else { return };
    let mut writer = Writer::default();
    let own = writer.next();
    let form = writer.stream(
        &format!(
            "/Type /XObject /Subtype /Form /BBox [0 0 200 200] /Resources << /XObject << /Fm {own} 0 R >> >>"
        ),
        b"/Fm Do",
    );
    let resources = format!("/XObject << /Fm {form} 0 R >>");
    let file = pdf::file_of(writer, &[(b"/Fm Do".to_vec(), 200.0, 200.0)], &resources, "");
    assert_eq!(opened(&pdfium, &file).len(), 1);

    let strokes = b"0 0 m 200 200 l S\n".repeat(1_000_000);
    let file = pdf::file_of(Writer::default(), &[(strokes, 200.0, 200.0)], "", "");
    let limits = PdfLimits { max_time: Duration::from_millis(1), ..PdfLimits::default() };
    let late = Document::open(&file, &DecodeLimits::default(), Some(&pdfium), &limits, &Ticket::unlimited());
    assert!(matches!(late, Err(OcrError::Pdf(PdfError::TooSlow { .. }))), "{late:?}");
    // Whoever comes next is served once that page is drawn.
    let patient = PdfLimits { max_time: Duration::from_mins(5), ..PdfLimits::default() };
    let next = Document::open(
        &pdf::text_page(&INVOICE, 0),
        &DecodeLimits::default(),
        Some(&pdfium),
        &patient,
        &Ticket::unlimited(),
    );
    assert_eq!(next.expect("opened").pages().len(), 1);
    let large = vec![b' '; PdfLimits::default().max_bytes];
    let large = [pdf::text_page(&INVOICE, 0), large].concat();
    assert!(matches!(refused(&pdfium, &large), PdfError::TooManyBytes { .. }));
}

#[test]
fn many_callers_at_once_get_each_their_own_file() {
    let Some(pdfium) = installed::pdfium() else { return };
    std::thread::scope(|scope| {
        for caller in 0..6 {
            let pdfium = pdfium.clone();
            scope.spawn(move || {
                for round in 0..4 {
                    let said = format!("Caller number {caller} in round {round} of four");
                    let piece = Written { x: 40.0, top: 40.0, size: 12.0, text: &said };
                    let patient = PdfLimits { max_time: Duration::from_mins(5), ..PdfLimits::default() };
                    let file = pdf::text_page(&[piece], 0);
                    let read = Document::open(
                        &file,
                        &DecodeLimits::default(),
                        Some(&pdfium),
                        &patient,
                        &Ticket::unlimited(),
                    );
                    assert_eq!(texts(&read.expect("opened").pages()[0]), [said.as_str()]);
                }
            });
        }
    });
}

#[test]
fn invoices_that_programs_wrote_are_read_from_their_text_layer() {
    let Some(pdfium) = installed::pdfium() else { return };
    let Some(mirror) = std::env::var_os("INNKEEPER_MIRROR") else { return };
    let Ok(folder) = std::fs::read_dir(Path::new(&mirror).join("ocr/invoices")) else { return };
    let files = folder.map(|entry| entry.expect("an entry").path());
    for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "pdf")) {
        let pages = opened(&pdfium, &std::fs::read(&path).expect("a file"));
        let said = texts(&pages[0]).join("\n").to_lowercase();
        let named = ["invoice", "rechnung", "faktura"].iter().any(|name| said.contains(name));
        assert!(named, "{}: {said:?}", path.display());
    }
}

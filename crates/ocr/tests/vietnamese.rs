//! Vietnamese bills read twice, and programs that stand in for Tesseract.
#![expect(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]

#[path = "../benches/installed/mod.rs"]
mod installed;
#[path = "rendered/mod.rs"]
mod rendered;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use innkeeper_core::{Picture, Rect};
use innkeeper_ocr::text::evaluation::{self, Counts, Told};
use innkeeper_ocr::{
    Line, OcrError, PageText, Quad, ReadPage, Tesseract, TesseractError, TextReader, TextSettings,
};
use innkeeper_runtime::{RuntimeError, Ticket};
use rendered::{Bill, Camera, Kind, Language, TrueLine};
use tempfile::TempDir;

/// Programs that stand in for Tesseract. All are written before any process is started: a file that is still open
/// for writing in some process cannot be run.
struct Actors {
    folder: TempDir,
}

static ACTORS: LazyLock<Actors> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let knows = "if [ \"$1\" = --list-langs ]; then echo eng; echo vie; exit; fi\n";
    for (name, body) in [
        ("english", "echo 'List of available languages (1):'; echo eng\n".to_owned()),
        ("never", format!("{knows}touch \"$0.was-started\"; exit 1\n")),
        ("fails", format!("{knows}cat > /dev/null; echo half; exit 3\n")),
        ("babbles", format!("{knows}cat > /dev/null; exec yes 'no table at all'\n")),
        ("sleeps", format!("{knows}echo $$ > \"$0.pid\"; exec sleep 600\n")),
        ("waits", format!("{knows}echo $$ > \"$0.pid\"; exec sleep 600\n")),
        (
            "numbers",
            format!(
                "{knows}cat > /dev/null\n\
                 printf '5\\t0\\t1\\t1\\t1\\t1\\t0\\t0\\t1\\t1\\t96\\tXẤU\\n'\n\
                 printf '5\\t99999999999\\t1\\t1\\t1\\t1\\t0\\t0\\t1\\t1\\t96\\tXẤU\\n'\n\
                 printf '5\\t2\\t1\\t1\\t1\\t1\\t0\\t0\\t1\\t1\\tnan\\tTổng\\n'\n\
                 printf '5\\t1\\t1\\t1\\t1\\t1\\t0\\t0\\t1\\t1\\t96.1\\tHÓA\\n'\n\
                 printf '5\\t1\\t1\\t1\\t1\\t2\\t0\\t0\\t1\\t1\\t96.1\\tĐƠN\\n'\n"
            ),
        ),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{body}")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("may be run");
    }
    Actors { folder }
});

fn actor(name: &str) -> PathBuf {
    ACTORS.folder.path().join(name)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}.{ending}", path.display()))
}

/// Tesseract with `vie`; `None` where it is not installed and need not be.
static TESSERACT: LazyLock<Option<Tesseract>> = LazyLock::new(|| {
    LazyLock::force(&ACTORS);
    match Tesseract::find(None) {
        Ok(tesseract) => Some(tesseract),
        Err(error) if std::env::var_os("INNKEEPER_REQUIRE_TESSERACT").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("not run: {error}");
            None
        }
    }
});

static READER: LazyLock<Option<TextReader>> =
    LazyLock::new(|| match installed::reader("auto", TextSettings::default()) {
        Ok(reader) => Some(reader),
        Err(error) if std::env::var_os("INNKEEPER_REQUIRE_EXTENDED").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("not run: {error}");
            None
        }
    });

/// A white page on which these lines were read.
fn page(lines: &[&str]) -> ReadPage {
    let line = |(i, text): (usize, &&str)| {
        let rect = Rect { x: 10.0, y: 10.0 + 40.0 * i as f32, w: 200.0, h: 30.0 };
        let quad = Quad::from_rect(&rect);
        let word = innkeeper_ocr::Word { quad, text: (*text).to_owned(), confidence: 0.9 };
        Line { quad, text: (*text).to_owned(), confidence: 0.9, words: vec![word] }
    };
    let picture = Picture::from_rgb(300, 200, vec![255; 300 * 200 * 3]).expect("a picture");
    ReadPage { text: PageText::upright(300, 200, lines.iter().enumerate().map(line).collect()), picture }
}

fn vietnamese() -> ReadPage {
    page(&["HOADON", "Tong", "Thanhtien"])
}

fn digits(page: &PageText) -> String {
    page.lines.iter().flat_map(|line| line.text.chars()).filter(char::is_ascii_digit).collect()
}

fn told(lines: &[TrueLine]) -> Vec<Told> {
    lines.iter().map(|line| Told { bounds: line.quad.bounds(), text: line.text.clone() }).collect()
}

/// Prints what models/cards/ppocr.md says: `cargo test -p innkeeper-ocr --test vietnamese -- --nocapture`.
#[test]
fn vietnamese_bills_are_read_with_less_than_half_the_wrong_words_and_the_same_digits() {
    let (Some(tesseract), Some(reader)) = (&*TESSERACT, &*READER) else { return };
    // Not the seeds by which the rule was chosen.
    let seeds = 104..108_u64;
    for name in ["drawn", "scanned", "photographed"] {
        let (mut once, mut twice) = (Counts::default(), Counts::default());
        let (mut lines, mut changed) = (0, 0);
        for seed in seeds.clone() {
            let bill = Bill::invented(Kind::Receipt, Language::Vietnamese, seed).draw();
            let (picture, truth) = match name {
                "drawn" => (bill.picture(), told(&bill.lines)),
                "scanned" => {
                    let photo = Camera::scanner(seed).shoot(&bill);
                    (photo.picture(), told(&photo.lines))
                }
                _ => {
                    let photo = Camera::by_hand(seed).shoot(&bill);
                    (photo.picture(), told(&photo.lines))
                }
            };
            let mut page = reader.read(&picture, &Ticket::unlimited()).expect("read");
            let before = digits(&page.text);
            once += evaluation::compare(&truth, &evaluation::told(&page.text));
            lines += page.text.lines.len();
            changed += tesseract.improve(&mut page, &Ticket::unlimited()).expect("read again");
            twice += evaluation::compare(&truth, &evaluation::told(&page.text));
            assert_eq!(digits(&page.text), before, "seed {seed}");
            for line in &page.text.lines {
                let words: Vec<&str> = line.words.iter().map(|word| word.text.as_str()).collect();
                assert_eq!(words, line.text.split_whitespace().collect::<Vec<_>>());
            }
        }
        let (once, twice) = (once.scores(), twice.scores());
        eprintln!(
            "{name}: character error rate {:.4} once, {:.4} twice; words F1 {:.4} once, {:.4} twice; \
             {changed} of {lines} lines changed",
            once.cer.expect("text"),
            twice.cer.expect("text"),
            once.word_f1.expect("words"),
            twice.word_f1.expect("words"),
        );
        // The order of lines counts as errors of characters too, and is not mended by reading them twice.
        assert!(twice.cer < once.cer, "{name}: {once:?} {twice:?}");
        let wrong = |score: Option<f64>| 1.0 - score.expect("words");
        assert!(wrong(twice.word_f1) < wrong(once.word_f1) / 2.0, "{name}: {once:?} {twice:?}");
    }
}

#[test]
fn pages_in_other_languages_start_no_process() {
    let program = actor("never");
    let never = Tesseract::find(Some(&program)).expect("found");
    for lines in [
        ["FACTURE", "Café crème", "TVA 20%"],
        ["RECHNUNG", "Straße", "Größe"],
        ["INVOICE", "Total", "Tax"],
        ["收据", "合计", "金额"],
        ["", "12.50", "-"],
    ] {
        let mut page = page(&lines);
        assert_eq!(never.improve(&mut page, &Ticket::unlimited()).expect("left alone"), 0);
    }
    if let Some(reader) = &*READER {
        for language in [Language::English, Language::German, Language::French, Language::Chinese] {
            let bill = Bill::invented(Kind::Receipt, language, 2).draw();
            let mut page = reader.read(&bill.picture(), &Ticket::unlimited()).expect("read");
            assert_eq!(never.improve(&mut page, &Ticket::unlimited()).expect("left alone"), 0);
        }
    }
    let marker = beside(&program, "was-started");
    assert!(!marker.exists());
    // The actor would have left its mark.
    never.improve(&mut vietnamese(), &Ticket::unlimited()).expect_err("it fails");
    assert!(marker.exists());
}

#[test]
fn what_is_missing_is_said_once_at_the_start() {
    LazyLock::force(&ACTORS);
    let nowhere = Tesseract::find(Some(&actor("nowhere"))).expect_err("none there");
    assert!(matches!(nowhere, TesseractError::NotFound), "{nowhere}");
    let english = Tesseract::find(Some(&actor("english"))).expect_err("no vie");
    assert!(english.to_string().contains("tesseract-ocr-vie"), "{english}");
}

#[test]
fn a_program_that_fails_or_babbles_leaves_the_page_as_it_was() {
    for name in ["fails", "babbles"] {
        let tesseract = Tesseract::find(Some(&actor(name))).expect("found");
        let mut page = vietnamese();
        let error = tesseract.improve(&mut page, &Ticket::unlimited()).expect_err("failed");
        assert!(matches!(error, OcrError::Tesseract(TesseractError::Failed { .. })), "{name}: {error}");
        assert_eq!(page.text, vietnamese().text);
    }
}

#[test]
fn words_for_pages_that_were_not_sent_are_ignored() {
    let tesseract = Tesseract::find(Some(&actor("numbers"))).expect("found");
    let mut page = vietnamese();
    assert_eq!(tesseract.improve(&mut page, &Ticket::unlimited()).expect("read"), 1);
    let lines: Vec<&str> = page.text.lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines, ["HÓA ĐƠN", "Tong", "Thanhtien"]);
    assert_eq!(page.text.lines[0].words.len(), 2);
}

/// Whether the process whose id the actor wrote down is gone.
fn gone(program: &Path) -> bool {
    let id = std::fs::read_to_string(beside(program, "pid")).expect("it was started");
    !Path::new("/proc").join(id.trim()).exists()
}

#[test]
fn a_request_that_nobody_waits_for_ends_its_process() {
    let program = actor("sleeps");
    let sleeps = Tesseract::find(Some(&program)).expect("found");
    let error = sleeps.improve(&mut vietnamese(), &Ticket::within(Duration::from_secs(1))).expect_err("late");
    assert!(matches!(error, OcrError::Runtime(RuntimeError::DeadlineExceeded)), "{error}");
    assert!(gone(&program));
}

#[test]
fn a_program_that_hangs_is_stopped_at_its_limit() {
    let program = actor("waits");
    let waits = Tesseract::find(Some(&program)).expect("found").with_limit(Duration::from_secs(1));
    let error = waits.improve(&mut vietnamese(), &Ticket::unlimited()).expect_err("too slow");
    assert!(matches!(error, OcrError::Tesseract(TesseractError::TooSlow { .. })), "{error}");
    assert!(gone(&program));
}

//! Drawn pages through the installed models.
#![expect(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]

#[path = "../benches/installed/mod.rs"]
mod installed;
#[path = "rendered/mod.rs"]
mod rendered;

use std::sync::LazyLock;

use innkeeper_core::Picture;
use innkeeper_ocr::text::evaluation::{self, Counts, Told};
use innkeeper_ocr::{Alphabet, Quad, TextReader, TextSettings};
use innkeeper_runtime::Ticket;
use rendered::{Bill, Camera, Form, Holder, Kind, Language, TrueLine};

/// The reader of the best models that are installed; `None` where there are none and need not be.
static READER: LazyLock<Option<TextReader>> =
    LazyLock::new(|| match installed::reader("auto", TextSettings::default()) {
        Ok(reader) => Some(reader),
        Err(error) if std::env::var_os("INNKEEPER_REQUIRE_EXTENDED").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("not run: {error}");
            None
        }
    });

fn told(lines: &[TrueLine]) -> Vec<Told> {
    lines.iter().map(|line| Told { bounds: line.quad.bounds(), text: line.text.clone() }).collect()
}

fn counts(reader: &TextReader, picture: &Picture, truth: &[TrueLine]) -> (Counts, f32) {
    let read = reader.read(picture, &Ticket::unlimited()).expect("read");
    assert_eq!((read.text.width, read.text.height), (read.picture.width(), read.picture.height()));
    (evaluation::compare(&told(truth), &evaluation::told(&read.text)), read.text.turned)
}

/// A straight camera turned by so many degrees.
fn turned(degrees: f32) -> Camera {
    Camera { turned: degrees, perspective: 0.0, ..Camera::scanner(7) }
}

#[test]
fn a_drawn_receipt_is_read() {
    let Some(reader) = &*READER else { return };
    let bill = Bill::invented(Kind::Receipt, Language::English, 3).draw();
    let scores = counts(reader, &bill.picture(), &bill.lines).0.scores();
    assert!(scores.cer.expect("text") < 0.05, "{scores:?}");
    assert!(scores.det_f1.expect("lines") > 0.8, "{scores:?}");
}

#[test]
fn a_page_that_lies_on_its_side_or_stands_on_its_head_is_read_as_well_as_an_upright_one() {
    let Some(reader) = &*READER else { return };
    let bill = Bill::invented(Kind::Receipt, Language::English, 5).draw();
    for degrees in [0.0, 90.0, 180.0, 270.0] {
        let photo = turned(degrees).shoot(&bill);
        let (counts, back) = counts(reader, &photo.picture(), &photo.lines);
        let found = counts.words_found as f32 / counts.words_true as f32;
        assert!(found > 0.8, "{degrees} degrees: {found} of the words, turned back by {back}");
        let rest = (degrees + back).rem_euclid(360.0);
        assert!(rest.min(360.0 - rest) < 2.0, "{degrees} degrees were turned back by {back}");
    }
}

#[test]
fn a_skewed_page_is_set_straight_and_its_lines_map_back_to_where_they_were() {
    let Some(reader) = &*READER else { return };
    let bill = Bill::invented(Kind::Receipt, Language::English, 5).draw();
    let photo = turned(6.0).shoot(&bill);
    let read = reader.read(&photo.picture(), &Ticket::unlimited()).expect("read").text;
    assert!((read.turned.abs() - 6.0).abs() < 1.0, "turned by {}", read.turned);
    let truth = told(&photo.lines);
    for line in read.lines.iter().filter(|line| line.text.len() > 12) {
        let there = read.on_sent(&line.quad).bounds();
        assert!(truth.iter().any(|t| t.bounds.iou(&there) > 0.3), "{} is nowhere near {there:?}", line.text);
        let [a, b, ..] = line.quad.0;
        assert!((b.y - a.y).abs() < 0.05 * (b.x - a.x), "{} is still skewed", line.text);
    }
}

#[test]
fn words_lie_in_their_line_from_left_to_right() {
    let Some(reader) = &*READER else { return };
    let bill = Bill::invented(Kind::Receipt, Language::English, 3).draw();
    let read = reader.read(&bill.picture(), &Ticket::unlimited()).expect("read");
    for line in &read.text.lines {
        let words: Vec<&str> = line.words.iter().map(|w| w.text.as_str()).collect();
        assert_eq!(words, line.text.split_whitespace().collect::<Vec<_>>());
        let around = line.quad.bounds().grown(0.01);
        let mut left = f32::NEG_INFINITY;
        for word in &line.words {
            let bounds = word.quad.bounds();
            assert!(bounds.x >= left && bounds.w > 0.0, "{words:?}");
            assert!(bounds.x >= around.x && bounds.right() <= around.right(), "{words:?}");
            left = bounds.centre().x;
        }
    }
}

#[test]
fn with_an_alphabet_nothing_else_is_read() {
    let Some(reader) = &*READER else { return };
    let allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<";
    let alphabet = Alphabet::new(reader.characters(), allowed);
    let passport = Holder::invented(4).draw(Form::Td3);
    let lines: Vec<&TrueLine> = passport.lines.iter().filter(|line| line.text.contains("<<")).collect();
    assert!(!lines.is_empty());
    let quads: Vec<Quad> = lines.iter().map(|line| line.quad).collect();
    let read =
        reader.read_quads(&passport.picture(), &quads, Some(&alphabet), &Ticket::unlimited()).expect("read");
    assert_eq!(read.len(), quads.len());
    for (line, reading) in lines.iter().zip(read) {
        assert!(reading.text.chars().all(|c| allowed.contains(c)), "{}", reading.text);
        let wrong = evaluation::distance(
            &line.text.chars().collect::<Vec<_>>(),
            &reading.text.chars().collect::<Vec<_>>(),
        );
        assert!(wrong <= 4, "{} was read as {}", line.text, reading.text);
        assert!(reading.characters.windows(2).all(|pair| pair[0].centre < pair[1].centre));
        let sorted = |c: &innkeeper_ocr::Character| c.alternatives.is_sorted_by(|a, b| a.1 >= b.1);
        assert!(reading.characters.iter().all(|c| c.alternatives.len() <= 3 && sorted(c)));
    }
}

#[test]
fn an_empty_page_and_quadrangles_without_area_give_empty_answers() {
    let Some(reader) = &*READER else { return };
    let blank = Picture::from_rgb(300, 200, vec![255; 300 * 200 * 3]).expect("a picture");
    let read = reader.read(&blank, &Ticket::unlimited()).expect("read");
    assert!(read.text.lines.is_empty() && read.text.turned == 0.0);
    let nowhere = Quad([innkeeper_core::Point { x: 5.0, y: 5.0 }; 4]);
    let readings = reader.read_quads(&blank, &[nowhere], None, &Ticket::unlimited()).expect("read");
    assert!(readings.len() == 1 && readings[0].text.is_empty() && readings[0].characters.is_empty());
    for (width, height) in [(1, 1), (2, 900), (900, 2)] {
        let tiny =
            Picture::from_rgb(width, height, vec![0; (width * height * 3) as usize]).expect("a picture");
        reader.read(&tiny, &Ticket::unlimited()).expect("read");
    }
}

#[test]
fn callers_at_once_read_what_one_alone_reads() {
    let Some(reader) = &*READER else { return };
    let pictures: Vec<Picture> =
        (0..3).map(|seed| Bill::invented(Kind::Receipt, Language::German, seed).draw().picture()).collect();
    let read = |picture: &Picture| reader.read(picture, &Ticket::unlimited()).expect("read").text;
    let alone: Vec<_> = pictures.iter().map(read).collect();
    std::thread::scope(|scope| {
        let pictures = &pictures;
        let callers: Vec<_> =
            (0..6).map(|i| i % 3).map(|i| (i, scope.spawn(move || read(&pictures[i])))).collect();
        for (i, caller) in callers {
            assert_eq!(caller.join().expect("a caller"), alone[i]);
        }
    });
}

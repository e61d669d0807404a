//! Pictures that no camera takes. Each has an answer: nothing was read, or whatever the models make of it; never a
//! panic, and never longer than its ticket lasts.
#![expect(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]

#[path = "../benches/installed/mod.rs"]
mod installed;

use std::sync::LazyLock;
use std::time::Duration;

use chrono::NaiveDate;
use innkeeper_core::{Picture, Point};
use innkeeper_ocr::identity::IdentityReader;
use innkeeper_ocr::invoice::{Hints, InvoiceReader};
use innkeeper_ocr::{OcrError, Quad, TextReader, TextSettings};
use innkeeper_runtime::{RuntimeError, Ticket};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

static READER: LazyLock<Option<TextReader>> =
    LazyLock::new(|| match installed::reader("auto", TextSettings::default()) {
        Ok(reader) => Some(reader),
        Err(error) if std::env::var_os("INNKEEPER_REQUIRE_EXTENDED").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("not run: {error}");
            None
        }
    });

/// A picture whose grey is a function of the place.
fn grey(width: u32, height: u32, of: impl Fn(u32, u32) -> u8) -> Picture {
    let pixel = |i: u32| [of(i % width, i / width); 3];
    Picture::from_rgb(width, height, (0..width * height).flat_map(pixel).collect()).expect("a picture")
}

fn noise(width: u32, height: u32) -> Picture {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let pixels = (0..width * height * 3).map(|_| rng.random()).collect();
    Picture::from_rgb(width, height, pixels).expect("a picture")
}

/// Reads as text, as an invoice and as an identity document; what no picture of the list holds is a document.
fn survives(name: &str, picture: &Picture) -> usize {
    let Some(reader) = &*READER else { return 0 };
    // Far longer than any of them takes, so that the test ends where something never does.
    let ticket = Ticket::within(Duration::from_mins(5));
    let read = reader.read(picture, &ticket).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!((read.text.width, read.text.height), (read.picture.width(), read.picture.height()), "{name}");
    for line in &read.text.lines {
        assert!((0.0..=1.0).contains(&line.confidence), "{name}: {line:?}");
        assert!(line.quad.0.iter().all(|p| p.x.is_finite() && p.y.is_finite()), "{name}: {line:?}");
    }
    let today = NaiveDate::from_ymd_opt(2026, 5, 1).expect("a day");
    let invoice = InvoiceReader::shipped()
        .expect("a ranker")
        .extract(std::slice::from_ref(&read.text), &Hints::default());
    assert!((0.0..=1.0).contains(&invoice.confidence), "{name}: {}", invoice.confidence);
    assert!(invoice.total_amount.is_none(), "{name} has a total: {:?}", invoice.total_amount);
    match IdentityReader::new(reader).read(picture, None, today, &[], &ticket) {
        Err(OcrError::DocumentNotFound) => {}
        Ok(_) => panic!("{name} is no document"),
        Err(error) => panic!("{name}: {error}"),
    }
    read.text.lines.len()
}

#[test]
fn slivers_of_a_pixel_are_read_as_nothing() {
    for (width, height) in [(1, 1), (1, 2), (2, 1), (1, 16_000), (16_000, 1), (3, 9_000), (9_000, 3)] {
        for value in [0, 255] {
            let name = format!("{width} x {height} of {value}");
            assert_eq!(survives(&name, &grey(width, height, |_, _| value)), 0, "{name}");
        }
        survives(
            &format!("{width} x {height} striped"),
            &grey(width, height, |x, y| ((x + y) / 3 % 2 * 255) as u8),
        );
    }
}

#[test]
fn even_pages_are_read_as_nothing() {
    for value in [0, 128, 255] {
        assert_eq!(survives(&format!("all {value}"), &grey(400, 300, |_, _| value)), 0);
    }
}

#[test]
fn noise_and_a_checkerboard_of_pixels_are_survived() {
    survives("noise", &noise(400, 300));
    survives("a checkerboard", &grey(400, 300, |x, y| ((x + y) % 2 * 255) as u8));
    survives("stripes", &grey(400, 300, |x, _| (x / 2 % 2 * 255) as u8));
}

#[test]
fn thousands_of_little_boxes_are_survived() {
    // 2,880 frames with something in them, in rows like text.
    let boxes = |x: u32, y: u32| {
        let (u, v) = (x % 20, y % 20);
        let inside = (3..17).contains(&u) && (3..17).contains(&v);
        let frame = inside && (u == 3 || u == 16 || v == 3 || v == 16 || u == 9);
        if frame { 0 } else { 255 }
    };
    survives("boxes", &grey(1200, 960, boxes));
}

#[test]
fn a_page_of_a_hundred_million_pixels_is_survived() {
    survives("a huge page", &grey(10_000, 10_000, |x, y| if (x / 40 + y / 60) % 5 == 0 { 20 } else { 240 }));
}

#[test]
fn quadrangles_far_beyond_the_picture_crossed_or_without_numbers_give_a_reading_each() {
    let Some(reader) = &*READER else { return };
    let picture = noise(200, 100);
    let quad = |corners: [(f32, f32); 4]| Quad(corners.map(|(x, y)| Point { x, y }));
    let quads = [
        quad([(-1e30, -1e30), (1e30, -1e30), (1e30, 1e30), (-1e30, 1e30)]),
        quad([(f32::NAN, 0.0), (10.0, f32::INFINITY), (10.0, 10.0), (0.0, 10.0)]),
        quad([(0.0, 0.0), (100.0, 50.0), (100.0, 0.0), (0.0, 50.0)]),
        quad([(100.0, 90.0), (0.0, 90.0), (0.0, 10.0), (100.0, 10.0)]),
        quad([(0.0, 0.0), (200.0, 0.0), (200.0, 0.2), (0.0, 0.2)]),
        quad([(0.0, 0.0), (1.0, 0.0), (1.0, 100.0), (0.0, 100.0)]),
    ];
    let readings = reader.read_quads(&picture, &quads, None, &Ticket::unlimited()).expect("read");
    assert_eq!(readings.len(), quads.len());
}

#[test]
fn a_ticket_that_ran_out_ends_the_reading_of_any_picture() {
    let Some(reader) = &*READER else { return };
    let error = reader.read(&noise(3000, 3000), &Ticket::within(Duration::from_millis(1))).expect_err("late");
    assert!(matches!(error, OcrError::Runtime(RuntimeError::DeadlineExceeded)), "{error}");
}

//! The first, quick look of the detector beside the full one, on photographs.
#![expect(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]

#[path = "../benches/installed/mod.rs"]
mod installed;

use innkeeper_core::{DecodeLimits, Picture, Rect, Resampling};
use innkeeper_face::{DetectorSettings, Face, FacePipeline, PipelineSettings, Want};
use innkeeper_runtime::Ticket;

const PHOTOGRAPHS: [&str; 10] = [
    "obama.jpg",
    "obama2.jpg",
    "obama3.jpg",
    "biden.jpg",
    "obama_partial_face.jpg",
    "obama_partial_face2.jpg",
    "astronaut.png",
    "coffee.png",
    "chelsea.png",
    "rocket.jpg",
];
/// Shorter side of the smallest face that is recognised.
const RECOGNISABLE: f32 = 40.0;

/// The pipeline of the extended pack; `None` where it is not installed and need not be.
fn pipeline(first_size: u32) -> Option<FacePipeline> {
    let detector = DetectorSettings { first_size, ..DetectorSettings::default() };
    match installed::pipeline("extended", PipelineSettings { detector, ..PipelineSettings::default() }) {
        Ok(pipeline) => Some(pipeline),
        Err(error) if std::env::var_os("INNKEEPER_REQUIRE_EXTENDED").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("not run: {error}");
            None
        }
    }
}

fn photograph(name: &str, side: u32) -> Picture {
    let bytes = installed::photograph(name, side).expect("installed: innkeeper datasets pull demo");
    Picture::decode(&bytes, &DecodeLimits::default()).expect("a JPEG")
}

fn faces(pipeline: &FacePipeline, picture: &Picture) -> Vec<Face> {
    let want = Want { liveness: false, embedding: true, despite_quality: true };
    let mut faces = pipeline.analyse(picture, want, &Ticket::unlimited()).expect("analysed").faces;
    faces.retain(|face| face.rect.w.min(face.rect.h) >= RECOGNISABLE);
    faces
}

/// `faces` side by side on a grey 640 x 480 frame, each brought to the given width of its face.
fn frame(pipeline: &FacePipeline, parts: &[(&str, f32)]) -> Picture {
    let (width, height) = (640_usize, 480_usize);
    let mut rgb = vec![96; width * height * 3];
    let mut left = 10;
    for (name, wanted) in parts {
        let whole = photograph(name, 640);
        let face = faces(pipeline, &whole).remove(0).rect;
        let around =
            Rect { x: face.x - 0.3 * face.w, y: face.y - 0.3 * face.h, w: 1.6 * face.w, h: 1.6 * face.h };
        let cut = whole.cropped(&around).expect("a face");
        let side = |s: u32| (s as f32 * wanted / face.w).round() as u32;
        let part = cut.resized(side(cut.width()), side(cut.height()), Resampling::Area).expect("resized");
        let row = part.width() as usize * 3;
        for (y, pixels) in part.rgb().chunks_exact(row).enumerate() {
            let at = ((100 + y) * width + left) * 3;
            rgb[at..at + row].copy_from_slice(pixels);
        }
        left += part.width() as usize + 10;
    }
    Picture::from_rgb(width as u32, height as u32, rgb).expect("a frame")
}

fn compare(name: &str, quick: &[Face], full: &[Face]) {
    assert_eq!(quick.len(), full.len(), "{name}");
    for face in full {
        let same = quick.iter().find(|q| q.rect.iou(&face.rect) > 0.7);
        let same = same.unwrap_or_else(|| panic!("{name}: no face at {:?} but {quick:?}", face.rect));
        let [a, b] = [face, same].map(|f| f.embedding.as_ref().expect("embedded").vector());
        let cosine: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        // Two photographs of one person have 0.3 to 0.9.
        assert!(cosine > 0.9, "{name}: the same face embeds to a cosine of {cosine}");
    }
}

#[test]
fn the_first_look_finds_the_faces_of_the_full_look_and_they_embed_alike() {
    let (Some(quick), Some(full)) = (pipeline(320), pipeline(0)) else { return };
    for name in PHOTOGRAPHS {
        let picture = photograph(name, 640);
        compare(name, &faces(&quick, &picture), &faces(&full, &picture));
    }
}

#[test]
fn small_faces_beside_a_large_one_are_not_lost() {
    let (Some(quick), Some(full)) = (pipeline(320), pipeline(0)) else { return };
    for small in [42.0, 55.0, 80.0] {
        let parts = [("obama.jpg", 150.0), ("biden.jpg", small), ("astronaut.png", small)];
        let picture = frame(&full, &parts);
        let found = faces(&quick, &picture);
        assert_eq!(found.len(), 3, "of faces 150, {small} and {small} pixels wide");
        compare(&format!("{small} pixels"), &found, &faces(&full, &picture));
    }
}

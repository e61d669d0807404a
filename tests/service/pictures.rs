//! The photographs of the set `demo`, and pictures made from them.

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::OnceLock;

use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat, RgbImage};

use crate::server::innkeeper;

/// One person, three times.
pub(crate) const OBAMA: [&str; 3] = ["obama.jpg", "obama2.jpg", "obama3.jpg"];
/// A second person.
pub(crate) const BIDEN: &str = "biden.jpg";
/// A third one, whom no test enrols.
pub(crate) const STRANGER: &str = "astronaut.png";
/// Nobody.
pub(crate) const NOBODY: &str = "coffee.png";

/// The folder of the set.
fn folder() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let output = innkeeper().args(["datasets", "path", "demo"]).output().expect("the binary runs");
        assert!(
            output.status.success(),
            "the test pictures are missing; fetch them with `innkeeper datasets pull demo` ({})",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        PathBuf::from(String::from_utf8(output.stdout).expect("a text path").trim_end())
    })
}

/// The path of a photograph.
pub(crate) fn path(name: &str) -> PathBuf {
    folder().join(name)
}

/// The bytes of a photograph.
pub(crate) fn photo(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

pub(crate) fn decoded(name: &str) -> DynamicImage {
    image::load_from_memory(&photo(name)).expect("a picture")
}

pub(crate) fn jpeg(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.to_rgb8().write_to(&mut bytes, ImageFormat::Jpeg).expect("it can be written");
    bytes.into_inner()
}

/// A photograph made smaller, its longest side `side` pixels.
pub(crate) fn shrunk(name: &str, side: u32) -> Vec<u8> {
    jpeg(&decoded(name).resize(side, side, FilterType::Triangle))
}

/// Photographs side by side, each scaled to its height in pixels.
pub(crate) fn side_by_side(parts: &[(&str, u32)]) -> Vec<u8> {
    let parts: Vec<DynamicImage> =
        parts.iter().map(|(name, h)| decoded(name).resize(u32::MAX, *h, FilterType::Triangle)).collect();
    let width = parts.iter().map(DynamicImage::width).sum();
    let height = parts.iter().map(DynamicImage::height).max().expect("a part");
    let mut all = RgbImage::new(width, height);
    let mut x = 0;
    for part in &parts {
        image::imageops::replace(&mut all, &part.to_rgb8(), x, 0);
        x += i64::from(part.width());
    }
    jpeg(&DynamicImage::ImageRgb8(all))
}

/// A JPEG whose header claims this size and whose pixels are those of a smaller one.
pub(crate) fn claiming(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = photo(OBAMA[0]);
    let frame = frame_header(&bytes);
    bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

/// Where the frame header (SOF0) of a baseline JPEG stands, by walking its segments.
fn frame_header(jpeg: &[u8]) -> usize {
    let mut at = 2;
    while jpeg[at + 1] != 0xC0 {
        assert_eq!(jpeg[at], 0xFF, "not a segment");
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    }
    at
}

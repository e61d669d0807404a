//! Pictures that are drawn: scenes of a few boxes on a ground, as unlike each other as rooms and things are.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

/// Numbers that a seed decides (`SplitMix64`, Steele, Lea and Flood 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ z >> 31) % u64::from(sides)) as u32
    }

    fn colour(&mut self) -> Rgb<u8> {
        Rgb([self.roll(256) as u8, self.roll(256) as u8, self.roll(256) as u8])
    }
}

/// A scene of its own for every seed.
pub(crate) fn scene(seed: u64, width: u32, height: u32) -> RgbImage {
    let mut dice = Dice(seed);
    let (ground, other) = (dice.colour(), dice.colour());
    let mut picture = RgbImage::from_fn(width, height, |x, y| {
        let share = (x + y) as f32 / (width + height) as f32;
        Rgb(std::array::from_fn(|i| {
            (f32::from(ground[i]) * (1.0 - share) + f32::from(other[i]) * share) as u8
        }))
    });
    for _ in 0..6 + dice.roll(6) {
        let (x0, y0) = (dice.roll(width), dice.roll(height));
        let (w, h) = (width / 12 + dice.roll(width / 3), height / 12 + dice.roll(height / 3));
        let colour = dice.colour();
        let round = dice.roll(2) == 0;
        for y in y0..(y0 + h).min(height) {
            for x in x0..(x0 + w).min(width) {
                let (dx, dy) =
                    ((x - x0) as f32 / w as f32 * 2.0 - 1.0, (y - y0) as f32 / h as f32 * 2.0 - 1.0);
                if !round || dx * dx + dy * dy <= 1.0 {
                    picture.put_pixel(x, y, colour);
                }
            }
        }
    }
    picture
}

fn encoded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture.clone()).write_to(&mut bytes, format).expect("it can be written");
    bytes.into_inner()
}

/// A scene as a JPEG file.
pub(crate) fn drawn(seed: u64) -> Vec<u8> {
    encoded(&scene(seed, 320, 240), ImageFormat::Jpeg)
}

/// The same scene as another file: a lossless one, a little smaller.
pub(crate) fn drawn_again(seed: u64) -> Vec<u8> {
    let picture = scene(seed, 320, 240);
    let smaller = image::imageops::resize(&picture, 300, 225, image::imageops::FilterType::Triangle);
    encoded(&smaller, ImageFormat::Png)
}

/// What a camera writes into its files, and nobody else.
pub(crate) const CAMERA: &str = "Spyglass Mark VII";

/// A scene as a phone sends it: lying on its side (EXIF orientation 6), with the name of the camera and where it was taken.
pub(crate) fn with_gps(seed: u64) -> Vec<u8> {
    let plain = drawn(seed);
    let mut tiff: Vec<u8> = b"II\x2a\x00\x08\x00\x00\x00".to_vec();
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        let mut bytes = Vec::new();
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(value.to_le_bytes());
        bytes
    };
    // The first directory ends at 8 + 2 + 3 * 12 + 4 = 50; the name of the camera follows, then the GPS directory.
    let name = format!("{CAMERA}\0");
    let gps_at = 50 + name.len() as u32;
    let numbers_at = gps_at + 2 + 4 * 12 + 4;
    tiff.extend(3u16.to_le_bytes());
    tiff.extend(entry(0x010f, 2, name.len() as u32, 50));
    tiff.extend(entry(0x0112, 3, 1, 6));
    tiff.extend(entry(0x8825, 4, 1, gps_at));
    tiff.extend(0u32.to_le_bytes());
    tiff.extend(name.as_bytes());
    tiff.extend(4u16.to_le_bytes());
    tiff.extend(entry(1, 2, 2, u32::from(b'N')));
    tiff.extend(entry(2, 5, 3, numbers_at));
    tiff.extend(entry(3, 2, 2, u32::from(b'E')));
    tiff.extend(entry(4, 5, 3, numbers_at + 24));
    tiff.extend(0u32.to_le_bytes());
    for degrees in [[21u32, 1], [1, 1], [42, 1], [105, 1], [51, 1], [15, 1]] {
        tiff.extend(degrees.iter().flat_map(|part| part.to_le_bytes()));
    }
    let mut bytes = plain[..2].to_vec();
    bytes.extend([0xff, 0xe1]);
    bytes.extend((tiff.len() as u16 + 8).to_be_bytes());
    bytes.extend(b"Exif\0\0");
    bytes.extend(tiff);
    bytes.extend(&plain[2..]);
    bytes
}

/// The kinds of segments before the scan of a JPEG file.
pub(crate) fn segments(jpeg: &[u8]) -> Vec<u8> {
    let (mut at, mut kinds) = (2, Vec::new());
    while at + 4 <= jpeg.len() && jpeg[at] == 0xff && jpeg[at + 1] != 0xda {
        kinds.push(jpeg[at + 1]);
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    }
    kinds
}

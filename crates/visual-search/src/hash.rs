//! A hash that survives what a picture goes through on its way.

use std::f32::consts::PI;
use std::fmt;
use std::str::FromStr;

use innkeeper_core::{Picture, Resampling};
use serde::{Deserialize, Serialize};

/// Side of the grey picture that is transformed.
const SIDE: usize = 32;
/// Waves kept in each direction.
const WAVES: usize = 8;
/// Fewest bits of a picture with structure. About half of the waves are above their median; a handful only where the
/// others are no wave at all.
const FEWEST: u32 = 12;

/// 64 bits of the coarse structure of a picture, written as 16 hexadecimal digits.
///
/// The picture is brought to 32 x 32 grey pixels and through a two-dimensional cosine transform; each of the 64
/// slowest waves gives a bit: stronger than the median of them or not (the DCT hash of Zauner, "Implementation
/// and Benchmarking of Perceptual Image Hash Functions", 2010). Encoding again, resizing and evenly changed
/// light flip few bits; pictures that show something else differ in about half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PerceptualHash(pub u64);

/// A text is no hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a perceptual hash is 16 hexadecimal digits, not {0:?}")]
pub struct HashError(String);

impl PerceptualHash {
    /// The hash of a picture of any size. A picture of one colour has no structure; all such have the hash 0.
    pub fn of(picture: &Picture) -> Self {
        // The only sizes that cannot be reached are zero.
        let Ok(small) = picture.resized(SIDE as u32, SIDE as u32, Resampling::Area) else { return Self(0) };
        let grey: Vec<f32> = small
            .rgb()
            .chunks_exact(3)
            .map(|p| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]))
            .collect();
        let waves = transformed(&grey);
        let mut sorted = waves;
        sorted.sort_by(f32::total_cmp);
        let median = f32::midpoint(sorted[WAVES * WAVES / 2 - 1], sorted[WAVES * WAVES / 2]);
        // Below a hundredth of a grey level a wave is rounding, not structure.
        let bits = waves.iter().enumerate().filter(|(_, wave)| **wave > median + 0.01);
        Self(bits.fold(0, |hash, (at, _)| hash | 1 << at))
    }

    /// Whether the picture has structure enough to be told by it. Pictures of one colour, and of stripes along one
    /// edge, have the hash 0 or hardly a bit: they are alike in that they show nothing, not copies of each other.
    pub fn has_structure(&self) -> bool {
        self.0.count_ones() >= FEWEST
    }

    /// How many of the 64 bits differ.
    pub fn distance(&self, other: &Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }
}

/// The cosine transform's waves 1 to 8 in both directions, row by row, in grey levels.
fn transformed(grey: &[f32]) -> [f32; WAVES * WAVES] {
    let basis: Vec<f32> = (1..=WAVES)
        .flat_map(|wave| (0..SIDE).map(move |at| (PI / SIDE as f32 * (at as f32 + 0.5) * wave as f32).cos()))
        .collect();
    let dot = |wave: &[f32], values: &mut dyn Iterator<Item = f32>| -> f32 {
        wave.iter().zip(values).map(|(w, v)| w * v).sum::<f32>() * (2.0 / SIDE as f32)
    };
    // Along the rows first: for each row, its eight waves.
    let rows: Vec<f32> = grey
        .chunks_exact(SIDE)
        .flat_map(|row| {
            basis.chunks_exact(SIDE).map(|wave| dot(wave, &mut row.iter().copied())).collect::<Vec<_>>()
        })
        .collect();
    let mut out = [0.0; WAVES * WAVES];
    for (down, wave) in basis.chunks_exact(SIDE).enumerate() {
        for across in 0..WAVES {
            let mut column = rows.iter().skip(across).step_by(WAVES).copied();
            out[down * WAVES + across] = dot(wave, &mut column);
        }
    }
    out
}

impl fmt::Display for PerceptualHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for PerceptualHash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bits = digits.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        bits.map(Self).ok_or_else(|| HashError(text.chars().take(40).collect()))
    }
}

impl TryFrom<String> for PerceptualHash {
    type Error = HashError;
    fn try_from(text: String) -> Result<Self, HashError> {
        text.parse()
    }
}

impl From<PerceptualHash> for String {
    fn from(hash: PerceptualHash) -> String {
        hash.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Soft spots whose places come from `kind`.
    fn drawn(kind: u32) -> Picture {
        let (width, height) = (320_u32, 240_u32);
        let spot = |at: u32| {
            let h = (kind * 7919 + at).wrapping_mul(2_654_435_761);
            ((h % width) as f32, (h / width % height) as f32, 20.0 + (h >> 20) as f32 % 50.0)
        };
        let rgb = (0..height).flat_map(|y| {
            (0..width).flat_map(move |x| {
                let light: f32 = (0..6)
                    .map(|at| {
                        let (cx, cy, size) = spot(at);
                        let far = (x as f32 - cx).powi(2) + (y as f32 - cy).powi(2);
                        (-far / (size * size)).exp()
                    })
                    .sum();
                let grey = 30.0 + 150.0 * light.min(1.3);
                [grey as u8, (grey * 0.9) as u8, (grey * 0.7) as u8]
            })
        });
        Picture::from_rgb(width, height, rgb.collect()).unwrap()
    }

    #[test]
    fn a_picture_keeps_its_hash_through_encoding_resizing_and_light() {
        for kind in 0..8 {
            let picture = drawn(kind);
            let hash = PerceptualHash::of(&picture);
            assert!(hash.has_structure(), "{hash}");
            let limits = innkeeper_core::DecodeLimits::default();
            let again = Picture::decode(&picture.to_jpeg(40).unwrap(), &limits).unwrap();
            let small = picture.resized(100, 75, Resampling::Triangle).unwrap();
            let darker = picture.rgb().iter().map(|&v| (f32::from(v) * 0.7) as u8).collect();
            let darker = Picture::from_rgb(picture.width(), picture.height(), darker).unwrap();
            for (how, changed) in [("encoded", again), ("small", small), ("dark", darker)] {
                let distance = PerceptualHash::of(&changed).distance(&hash);
                assert!(distance <= 4, "{how}: {distance} bits of {kind}");
            }
        }
    }

    #[test]
    fn pictures_of_different_things_differ_in_many_bits() {
        let hashes: Vec<PerceptualHash> = (0..8).map(|kind| PerceptualHash::of(&drawn(kind))).collect();
        for (at, a) in hashes.iter().enumerate() {
            for b in &hashes[..at] {
                assert!(a.distance(b) >= 14, "{a} and {b}");
            }
        }
    }

    #[test]
    fn a_picture_of_one_colour_has_no_structure() {
        for (width, height, value) in [(1, 1, 9), (4000, 1, 255), (1, 777, 0), (64, 64, 128)] {
            let picture =
                Picture::from_rgb(width, height, vec![value; (width * height * 3) as usize]).unwrap();
            assert_eq!(PerceptualHash::of(&picture), PerceptualHash(0), "{width} x {height}");
            assert!(!PerceptualHash::of(&picture).has_structure());
        }
    }

    #[test]
    fn a_text_that_is_no_hash_is_refused() {
        for text in
            ["", "12", "00000000000000zz", "+000000000000001", "00112233445566778", "é011223344556677"]
        {
            assert!(text.parse::<PerceptualHash>().is_err(), "{text}");
        }
        assert!(serde_json::from_str::<PerceptualHash>("\"12\"").is_err());
    }

    proptest! {
        #[test]
        fn every_hash_reads_back_as_it_was_written(bits: u64) {
            let hash = PerceptualHash(bits);
            prop_assert_eq!(hash.to_string().parse::<PerceptualHash>().unwrap(), hash);
            let json = serde_json::to_string(&hash).unwrap();
            prop_assert_eq!(serde_json::from_str::<PerceptualHash>(&json).unwrap(), hash);
        }
    }
}

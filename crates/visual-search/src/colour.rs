//! Colours: as a histogram that is part of the descriptor, and as a word.

use std::fmt;
use std::str::FromStr;

use innkeeper_core::{Picture, PictureError, Rect, Resampling};
use serde::{Deserialize, Serialize};

/// Steps of hue, saturation and value in the histogram.
const STEPS: [usize; 3] = [8, 4, 4];
/// Numbers of the histogram.
pub(crate) const BINS: usize = STEPS[0] * STEPS[1] * STEPS[2];
/// Side that a picture is brought to before its colours are counted.
const SIDE: u32 = 128;
/// A colour is the dominant one from this share of the looked-at pixels on.
const DOMINANT: f32 = 0.4;

/// How much of the picture each colour has: the square roots of the shares, so that the vector has unit length
/// and the scalar product of two is their Bhattacharyya coefficient.
pub(crate) fn histogram(picture: &Picture) -> Result<Vec<f32>, PictureError> {
    let small = picture.resized(SIDE, SIDE, Resampling::Area)?;
    let mut counts = vec![0_u32; BINS];
    for pixel in small.rgb().chunks_exact(3) {
        let at = hsv(pixel)
            .into_iter()
            .zip(STEPS)
            .fold(0, |at, (part, steps)| at * steps + ((part * steps as f32) as usize).min(steps - 1));
        if let Some(count) = counts.get_mut(at) {
            *count += 1;
        }
    }
    let pixels = (SIDE * SIDE) as f32;
    Ok(counts.into_iter().map(|count| (count as f32 / pixels).sqrt()).collect())
}

/// Hue, saturation and value, 0 to 1 each (Smith, "Color gamut transform pairs", 1978); grey has hue 0.
fn hsv(pixel: &[u8]) -> [f32; 3] {
    let [red, green, blue] = [0, 1, 2].map(|at| f32::from(pixel.get(at).copied().unwrap_or(0)) / 255.0);
    let most = red.max(green).max(blue);
    let chroma = most - red.min(green).min(blue);
    if chroma <= 0.0 {
        return [0.0, 0.0, most];
    }
    let sixth = if most <= red {
        ((green - blue) / chroma).rem_euclid(6.0)
    } else if most <= green {
        (blue - red) / chroma + 2.0
    } else {
        (red - green) / chroma + 4.0
    };
    [sixth / 6.0, chroma / most, most]
}

/// The eleven basic colour words (Berlin and Kay, "Basic Color Terms", 1969).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "a colour is its name")]
pub enum Colour {
    Black,
    White,
    Grey,
    Red,
    Orange,
    Brown,
    Yellow,
    Green,
    Blue,
    Purple,
    Pink,
}

impl Colour {
    /// Every colour word.
    pub const ALL: [Self; 11] = [
        Self::Black,
        Self::White,
        Self::Grey,
        Self::Red,
        Self::Orange,
        Self::Brown,
        Self::Yellow,
        Self::Green,
        Self::Blue,
        Self::Purple,
        Self::Pink,
    ];

    /// The word, in English and lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Black => "black",
            Self::White => "white",
            Self::Grey => "grey",
            Self::Red => "red",
            Self::Orange => "orange",
            Self::Brown => "brown",
            Self::Yellow => "yellow",
            Self::Green => "green",
            Self::Blue => "blue",
            Self::Purple => "purple",
            Self::Pink => "pink",
        }
    }

    /// The word for one pixel. The borders are ours: hue in degrees, with brown as dark orange and pink as pale
    /// red or purple.
    fn of(pixel: &[u8]) -> Self {
        let [hue, saturation, value] = hsv(pixel);
        let chroma = saturation * value;
        if value < 0.2 {
            return Self::Black;
        }
        if chroma < 0.1 || saturation < 0.15 {
            return if value > 0.8 {
                Self::White
            } else if value < 0.3 {
                Self::Black
            } else {
                Self::Grey
            };
        }
        match hue * 360.0 {
            h if !(15.0..345.0).contains(&h) => {
                if value > 0.75 && saturation < 0.55 {
                    Self::Pink
                } else {
                    Self::Red
                }
            }
            h if h < 45.0 => {
                if value < 0.7 || saturation < 0.4 {
                    Self::Brown
                } else {
                    Self::Orange
                }
            }
            h if h < 70.0 => {
                if value < 0.4 {
                    Self::Brown
                } else {
                    Self::Yellow
                }
            }
            h if h < 165.0 => Self::Green,
            h if h < 255.0 => Self::Blue,
            h if h < 300.0 => Self::Purple,
            _ => {
                if value > 0.6 {
                    Self::Pink
                } else {
                    Self::Purple
                }
            }
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text is no colour word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of black, white, grey, red, orange, brown, yellow, green, blue, purple, pink")]
pub struct ColourError(String);

impl FromStr for Colour {
    type Err = ColourError;

    fn from_str(word: &str) -> Result<Self, ColourError> {
        let known = Self::ALL.into_iter().find(|colour| colour.as_str() == word);
        known.ok_or_else(|| ColourError(word.chars().take(40).collect()))
    }
}

/// The colour most of a thing has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DominantColour {
    /// The word.
    pub colour: Colour,
    /// The share of the looked-at pixels that it names, .4 to 1.
    pub share: f32,
}

/// The colour of what stands in the middle of a picture: the word for at least two fifths of the pixels in the
/// middle half of its width and height. `None` when no word covers that much: the thing has many colours, or does
/// not fill the middle. The light of the place is not taken off: a white towel under a yellow lamp may be called
/// yellow.
pub fn dominant_colour(picture: &Picture) -> Option<DominantColour> {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let middle = Rect { x: width / 4.0, y: height / 4.0, w: width / 2.0, h: height / 2.0 };
    let small = picture.resized_part(&middle, 32, 32, Resampling::Area).ok()?;
    let words: Vec<Colour> = small.rgb().chunks_exact(3).map(Colour::of).collect();
    let count = |colour| words.iter().filter(|&&word| word == colour).count();
    let (most, colour) = Colour::ALL.into_iter().map(|colour| (count(colour), colour)).max_by_key(|c| c.0)?;
    let share = most as f32 / words.len().max(1) as f32;
    (share >= DOMINANT).then_some(DominantColour { colour, share })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thing of one colour on a ground of another, with noise as a camera adds it.
    fn thing(ground: [u8; 3], colour: [u8; 3]) -> Picture {
        let (width, height) = (200_u32, 160_u32);
        let rgb = (0..height).flat_map(|y| {
            (0..width).flat_map(move |x| {
                let inside = (45..155).contains(&x) && (35..125).contains(&y);
                let noise = (x * 31 + y * 17) % 13;
                let pixel = if inside { colour } else { ground };
                pixel.map(|v| v.saturating_add(noise as u8))
            })
        });
        Picture::from_rgb(width, height, rgb.collect()).unwrap()
    }

    #[test]
    fn a_thing_on_a_table_is_named_by_its_own_colour() {
        for (colour, word) in [
            ([20, 20, 22], Colour::Black),
            ([235, 233, 228], Colour::White),
            ([120, 122, 125], Colour::Grey),
            ([180, 20, 30], Colour::Red),
            ([240, 130, 20], Colour::Orange),
            ([110, 70, 35], Colour::Brown),
            ([235, 210, 40], Colour::Yellow),
            ([40, 120, 50], Colour::Green),
            ([30, 60, 150], Colour::Blue),
            ([100, 40, 130], Colour::Purple),
            ([240, 150, 170], Colour::Pink),
        ] {
            let ground = if word == Colour::Brown { [200, 200, 200] } else { [140, 95, 55] };
            let found = dominant_colour(&thing(ground, colour)).unwrap();
            assert_eq!(found.colour, word);
            assert!(found.share > 0.9);
        }
    }

    #[test]
    fn a_thing_of_many_colours_has_none() {
        let patches = [[200, 30, 30], [30, 160, 40], [40, 60, 190], [230, 220, 40]];
        let rgb = (0..100_usize).flat_map(|y| (0..100).flat_map(move |x| patches[(x / 10 + y / 10 * 3) % 4]));
        let picture = Picture::from_rgb(100, 100, rgb.collect()).unwrap();
        assert_eq!(dominant_colour(&picture), None);
    }

    #[test]
    fn a_hostile_picture_has_a_colour_or_none_and_a_whole_histogram() {
        for (width, height, value) in [(1, 1, 0), (1, 1, 255), (16_384, 1, 200), (1, 5000, 3), (3, 3, 0)] {
            let picture =
                Picture::from_rgb(width, height, vec![value; (width * height * 3) as usize]).unwrap();
            assert!(dominant_colour(&picture).unwrap().share > 0.999);
            let sum: f32 = histogram(&picture).unwrap().iter().map(|v| v * v).sum();
            assert!((sum - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn the_histogram_does_not_care_how_large_the_picture_is() {
        let picture = thing([140, 95, 55], [30, 60, 150]);
        let small = picture.resized(100, 80, Resampling::Area).unwrap();
        let (a, b) = (histogram(&picture).unwrap(), histogram(&small).unwrap());
        let other = histogram(&thing([140, 95, 55], [180, 20, 30])).unwrap();
        let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
        assert!(dot(&a, &b) > 0.95 && dot(&a, &b) > dot(&a, &other) + 0.2);
    }

    #[test]
    fn colour_words_read_back() {
        for colour in Colour::ALL {
            assert_eq!(colour.to_string().parse::<Colour>().unwrap(), colour);
            assert_eq!(serde_json::to_string(&colour).unwrap(), format!("\"{colour}\""));
        }
        assert!("Red".parse::<Colour>().is_err());
    }
}

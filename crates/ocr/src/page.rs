//! What was read, and where it stands.

use innkeeper_core::{Point, Rect};
use serde::{Deserialize, Serialize};

/// Four corners in pixels of the upright page: top left, top right, bottom right, bottom left as the text is
/// read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Quad(pub [Point; 4]);

impl Quad {
    /// The corners of an axis-parallel box.
    pub fn from_rect(rect: &Rect) -> Self {
        let (l, t, r, b) = (rect.x, rect.y, rect.right(), rect.bottom());
        Self([Point { x: l, y: t }, Point { x: r, y: t }, Point { x: r, y: b }, Point { x: l, y: b }])
    }

    /// The smallest axis-parallel box that holds the corners.
    pub fn bounds(&self) -> Rect {
        let fold =
            |f: fn(f32, f32) -> f32, of: fn(&Point) -> f32, start: f32| self.0.iter().map(of).fold(start, f);
        Rect::from_corners(
            fold(f32::min, |p| p.x, f32::INFINITY),
            fold(f32::min, |p| p.y, f32::INFINITY),
            fold(f32::max, |p| p.x, f32::NEG_INFINITY),
            fold(f32::max, |p| p.y, f32::NEG_INFINITY),
        )
    }
}

/// A word: characters without a space between them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// Where it stands.
    pub quad: Quad,
    /// Its characters.
    pub text: String,
    /// Mean probability of its characters, 0 to 1.
    pub confidence: f32,
}

/// A line of text as it was detected; one row of a table may be several lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Where it stands.
    pub quad: Quad,
    /// Its characters, with spaces.
    pub text: String,
    /// Mean probability of its characters, 0 to 1; 1 for the text of a PDF file, which was not guessed.
    pub confidence: f32,
    /// Its words, left to right.
    pub words: Vec<Word>,
}

/// The text of one page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageText {
    /// Width in pixels of the upright page.
    pub width: u32,
    /// Height in pixels of the upright page.
    pub height: u32,
    /// Degrees by which the page as sent was turned clockwise to be upright (deskew included).
    pub turned: f32,
    /// Lines, from top to bottom, those of one height from left to right.
    pub lines: Vec<Line>,
}

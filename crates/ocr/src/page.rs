//! What was read, and where it stands.

use innkeeper_core::{Point, Rect};
use serde::{Deserialize, Serialize};

use crate::text::turn::{Quarter, Tilt};

/// Four corners in pixels of the upright page: top left, top right, bottom right, bottom left as the text is
/// read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = Vec<Object>))]
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

/// A word: characters without a space between them. Its `Debug`, as that of lines and pages, tells sizes and no text:
/// documents must not end in a log.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// Where it stands.
    pub quad: Quad,
    /// Its characters.
    pub text: String,
    /// Mean probability of its characters, 0 to 1.
    pub confidence: f32,
}

/// A line of text as it was detected; one row of a table may be several lines.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct PageText {
    /// Width in pixels of the upright page.
    pub width: u32,
    /// Height in pixels of the upright page.
    pub height: u32,
    /// Degrees by which the page as sent was turned clockwise to be upright (deskew included).
    pub turned: f32,
    /// Width in pixels of the page as it was sent, EXIF rotation applied.
    pub sent_width: u32,
    /// Height in pixels of the page as it was sent.
    pub sent_height: u32,
    /// Lines, from top to bottom, those of one height from left to right.
    pub lines: Vec<Line>,
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Word")
            .field("quad", &self.quad)
            .field("characters", &self.text.chars().count())
            .field("confidence", &self.confidence)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line")
            .field("quad", &self.quad)
            .field("characters", &self.text.chars().count())
            .field("words", &self.words.len())
            .field("confidence", &self.confidence)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for PageText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PageText")
            .field("width", &self.width)
            .field("height", &self.height)
            .field("turned", &self.turned)
            .field("lines", &self.lines.len())
            .finish_non_exhaustive()
    }
}

impl PageText {
    /// A page that is upright as it was sent.
    pub fn upright(width: u32, height: u32, lines: Vec<Line>) -> Self {
        Self { width, height, turned: 0.0, sent_width: width, sent_height: height, lines }
    }

    /// Where a quadrangle of the upright page lies on the page as it was sent, in its pixels. Corners keep their
    /// order: the first is still the top left one as the text is read.
    pub fn on_sent(&self, quad: &Quad) -> Quad {
        let quarter = Quarter::nearest(self.turned);
        let sent = (self.sent_width as f32, self.sent_height as f32);
        let turned = if matches!(quarter, Quarter::Right | Quarter::Left) { (sent.1, sent.0) } else { sent };
        let skew = self.turned - 90.0 * (self.turned / 90.0).round();
        let tilt = Tilt::known(skew, turned, (self.width, self.height));
        Quad(quad.0.map(|p| quarter.undone(tilt.undone(p), sent)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corner(page: &PageText, x: f32, y: f32) -> (f32, f32) {
        let p = page.on_sent(&Quad([Point { x, y }; 4])).0[0];
        (p.x, p.y)
    }

    #[test]
    fn debug_output_holds_no_text_of_a_page() {
        let quad = Quad([Point { x: 0.0, y: 0.0 }; 4]);
        let word = Word { quad, text: "ERIKSSON".into(), confidence: 0.9 };
        let line = Line { quad, text: "ERIKSSON".into(), confidence: 0.9, words: vec![word] };
        let page = PageText::upright(30, 20, vec![line]);
        let shown = format!("{page:?} {:?} {:?}", page.lines[0], page.lines[0].words[0]);
        assert!(!shown.contains("ERIKSSON"), "{shown}");
    }

    #[test]
    fn an_upright_page_is_where_it_was_sent() {
        let page = PageText::upright(300, 200, Vec::new());
        assert_eq!(corner(&page, 17.0, 90.0), (17.0, 90.0));
    }

    #[test]
    fn the_top_of_a_page_that_was_turned_right_came_from_its_left_side() {
        let page = PageText {
            turned: 90.0,
            sent_width: 300,
            sent_height: 200,
            ..PageText::upright(200, 300, vec![])
        };
        assert_eq!(corner(&page, 0.0, 0.0), (0.0, 200.0));
        assert_eq!(corner(&page, 200.0, 0.0), (0.0, 0.0));
        let page = PageText { turned: 180.0, ..PageText::upright(300, 200, vec![]) };
        assert_eq!(corner(&page, 10.0, 20.0), (290.0, 180.0));
    }

    #[test]
    fn turning_and_skew_are_undone_together() {
        // 300 x 200 as sent, turned left, then 30 degrees on.
        let tilt = Tilt::known(30.0, (200.0, 300.0), (324, 360));
        let page = PageText {
            turned: 300.0,
            sent_width: 300,
            sent_height: 200,
            ..PageText::upright(324, 360, vec![])
        };
        let middle = corner(&page, 162.0, 180.0);
        assert!((middle.0 - 150.0).abs() < 1e-3 && (middle.1 - 100.0).abs() < 1e-3, "{middle:?}");
        let there = tilt.undone(Point { x: 200.0, y: 100.0 });
        let (x, y) = corner(&page, 200.0, 100.0);
        assert!((x - (300.0 - there.y)).abs() < 1e-3 && (y - there.x).abs() < 1e-3);
    }
}

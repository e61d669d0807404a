//! A sheet one writes on, which remembers what was written where.

use ab_glyph::{Font, Glyph, ScaleFont, point};
use image::{Rgb, RgbImage};
use innkeeper_core::{Picture, Point, Rect};
use innkeeper_ocr::Quad;

use super::fonts::Face;

/// A piece of text that was written in one go.
#[derive(Debug, Clone, PartialEq)]
pub struct TrueLine {
    /// As written.
    pub text: String,
    /// Where, in pixels; as high as the font's letters with their marks.
    pub quad: Quad,
    /// Pieces of one row of the document have the same number; rows count from the top.
    pub row: usize,
}

/// A drawn document and everything that is written on it.
#[derive(Debug, Clone)]
pub struct Drawn {
    pub pixels: RgbImage,
    pub lines: Vec<TrueLine>,
}

impl Drawn {
    /// The pixels as the crate reads them.
    pub fn picture(&self) -> Picture {
        let (width, height) = self.pixels.dimensions();
        Picture::from_rgb(width, height, self.pixels.as_raw().clone()).expect("a picture")
    }

    /// The text of each row from the top, its pieces joined by a space.
    pub fn rows(&self) -> Vec<String> {
        let mut rows: Vec<String> = Vec::new();
        for line in &self.lines {
            rows.resize(rows.len().max(line.row + 1), String::new());
            let row = &mut rows[line.row];
            if !row.is_empty() {
                row.push(' ');
            }
            row.push_str(&line.text);
        }
        rows.retain(|row| !row.is_empty());
        rows
    }

    /// The rows, one below the other.
    pub fn text(&self) -> String {
        self.rows().join("\n")
    }
}

/// Where a piece of text stands in relation to its x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Left,
    Centre,
    Right,
}

/// How something is written.
#[derive(Debug, Clone, Copy)]
pub struct Pen {
    pub face: Face,
    /// Height of the font in pixels, ascenders to descenders.
    pub size: f32,
    pub ink: [u8; 3],
    /// Additional pixels between letters.
    pub spacing: f32,
}

impl Pen {
    pub fn new(face: Face, size: f32) -> Self {
        Self { face, size, ink: [24, 24, 28], spacing: 0.0 }
    }

    /// Width in pixels of a text.
    pub fn width(&self, text: &str) -> f32 {
        let font = self.face.font().as_scaled(self.size);
        text.chars().map(|c| font.h_advance(font.glyph_id(c)) + self.spacing).sum()
    }
}

/// A sheet of paper.
pub struct Sheet {
    pixels: RgbImage,
    lines: Vec<TrueLine>,
    row: usize,
}

impl Sheet {
    pub fn new(width: u32, height: u32, paper: [u8; 3]) -> Self {
        Self { pixels: RgbImage::from_pixel(width, height, Rgb(paper)), lines: Vec::new(), row: 0 }
    }

    /// What is written from here on belongs to the next row.
    pub fn next_row(&mut self) {
        self.row += 1;
    }

    /// Writes a text whose letters begin `top` pixels below the sheet's top edge.
    pub fn write(&mut self, x: f32, top: f32, anchor: Anchor, pen: Pen, text: &str) {
        if let Some(quad) = self.paint(x, top, anchor, pen, text) {
            self.lines.push(TrueLine { text: text.to_owned(), quad, row: self.row });
        }
    }

    /// Writes what is no part of the document's text, as a watermark is.
    pub fn paint(&mut self, x: f32, top: f32, anchor: Anchor, pen: Pen, text: &str) -> Option<Quad> {
        let width = pen.width(text);
        let left = match anchor {
            Anchor::Left => x,
            Anchor::Centre => x - width / 2.0,
            Anchor::Right => x - width,
        };
        let font = pen.face.font().as_scaled(pen.size);
        let (mut at, mut ink) = (left, None::<Rect>);
        for letter in text.chars() {
            let id = font.glyph_id(letter);
            assert!(id.0 != 0, "{:?} has no {letter:?}", pen.face);
            let glyph: Glyph = id.with_scale_and_position(pen.size, point(at, top + font.ascent()));
            at += font.h_advance(id) + pen.spacing;
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let bounds = outline.px_bounds();
            outline.draw(|dx, dy, cover| {
                self.blend(bounds.min.x + dx as f32, bounds.min.y + dy as f32, pen.ink, cover);
            });
            let drawn = Rect::from_corners(bounds.min.x, bounds.min.y, bounds.max.x, bounds.max.y);
            ink = Some(ink.map_or(drawn, |ink| {
                Rect::from_corners(
                    ink.x.min(drawn.x),
                    ink.y.min(drawn.y),
                    ink.right().max(drawn.right()),
                    ink.bottom().max(drawn.bottom()),
                )
            }));
        }
        ink.map(|ink| Quad::from_rect(&ink))
    }

    fn blend(&mut self, x: f32, y: f32, ink: [u8; 3], cover: f32) {
        if x < 0.0 || y < 0.0 || x >= self.pixels.width() as f32 || y >= self.pixels.height() as f32 {
            return;
        }
        let pixel = self.pixels.get_pixel_mut(x as u32, y as u32);
        for (channel, ink) in pixel.0.iter_mut().zip(ink) {
            let paper = f32::from(*channel);
            *channel = (paper + (f32::from(ink) - paper) * cover.clamp(0.0, 1.0)).round() as u8;
        }
    }

    /// Fills a box, `cover` of 1 hides what is below.
    pub fn fill(&mut self, area: Rect, ink: [u8; 3], cover: f32) {
        let area = area.clipped(self.pixels.width(), self.pixels.height());
        for y in area.y.round() as u32..area.bottom().round() as u32 {
            for x in area.x.round() as u32..area.right().round() as u32 {
                self.blend(x as f32, y as f32, ink, cover);
            }
        }
    }

    /// Fills an ellipse inside a box.
    pub fn ellipse(&mut self, area: Rect, ink: [u8; 3]) {
        let centre = area.centre();
        let inside = |x: f32, y: f32| {
            let (dx, dy) = ((x - centre.x) / (area.w / 2.0), (y - centre.y) / (area.h / 2.0));
            dx * dx + dy * dy <= 1.0
        };
        for y in area.y as u32..area.bottom() as u32 {
            for x in area.x as u32..area.right() as u32 {
                if inside(x as f32, y as f32) {
                    self.blend(x as f32, y as f32, ink, 1.0);
                }
            }
        }
    }

    /// A fine wave from edge to edge, as security printing has them.
    pub fn wave(&mut self, middle: f32, height: f32, length: f32, phase: f32, ink: [u8; 3]) {
        for x in 0..self.pixels.width() {
            let y = middle + height * (x as f32 / length * std::f32::consts::TAU + phase).sin();
            let below = y.fract();
            self.blend(x as f32, y.floor(), ink, 0.5 * (1.0 - below));
            self.blend(x as f32, y.floor() + 1.0, ink, 0.5 * below);
        }
    }

    /// Black and white modules of a code, each `module` pixels wide and `tall` high.
    pub fn modules(&mut self, origin: Point, module: f32, tall: f32, dark: &[Vec<bool>]) {
        for (row, cells) in dark.iter().enumerate() {
            for (column, _) in cells.iter().enumerate().filter(|(_, dark)| **dark) {
                let (x, y) = (origin.x + column as f32 * module, origin.y + row as f32 * tall);
                self.fill(Rect { x, y, w: module, h: tall }, [0; 3], 1.0);
            }
        }
    }

    /// The sheet as far down as `height`.
    pub fn done(self, height: u32) -> Drawn {
        let (width, full) = self.pixels.dimensions();
        let pixels = image::imageops::crop_imm(&self.pixels, 0, 0, width, height.min(full)).to_image();
        Drawn { pixels, lines: self.lines }
    }
}

//! A surface of pixels whose letters come from the program itself.

use embedded_graphics::geometry::{OriginDimensions, Point};
use embedded_graphics::image::GetPixel;
use embedded_graphics::mono_font::MonoFont;
use embedded_graphics::mono_font::iso_8859_1::{FONT_7X13, FONT_9X18_BOLD};
use embedded_graphics::pixelcolor::BinaryColor;
use plotters::prelude::BitMapBackend;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

use super::PlotError;

/// From this size on, in pixels, text is a heading.
const HEADING: f64 = 18.0;

/// Pixels, red, green and blue.
pub(super) struct Canvas<'a>(BitMapBackend<'a>);

impl<'a> Canvas<'a> {
    pub fn new(pixels: &'a mut [u8], size: (u32, u32)) -> Result<Self, PlotError> {
        let inner = BitMapBackend::with_buffer_and_format(pixels, size);
        inner.map(Self).map_err(|error| PlotError::Drawing(error.to_string()))
    }
}

fn font(size: f64) -> &'static MonoFont<'static> {
    if size >= HEADING { &FONT_9X18_BOLD } else { &FONT_7X13 }
}

fn extent(text: &str, font: &MonoFont) -> (i32, i32) {
    let count = i32::try_from(text.chars().count()).unwrap_or(i32::MAX);
    let wide = font.character_size.width as i32;
    (count.saturating_mul(wide), font.character_size.height as i32)
}

/// Where ink is, from the upper left corner of the text.
fn ink(text: &str, font: &MonoFont, mut at: impl FnMut(i32, i32)) {
    let (wide, high) = (font.character_size.width as i32, font.character_size.height as i32);
    let columns = (font.image.size().width as i32 / wide.max(1)).max(1);
    for (left, letter) in (0..).step_by(wide.max(1) as usize).zip(text.chars()) {
        let glyph = i32::try_from(font.glyph_mapping.index(letter)).unwrap_or(0);
        let corner = Point::new(glyph % columns * wide, glyph / columns * high);
        for (y, x) in (0..high).flat_map(|y| (0..wide).map(move |x| (y, x))) {
            if font.image.pixel(corner + Point::new(x, y)) == Some(BinaryColor::On) {
                at(left + x, y);
            }
        }
    }
}

type Answer<'a> = Result<(), DrawingErrorKind<<BitMapBackend<'a> as DrawingBackend>::ErrorType>>;

impl<'a> DrawingBackend for Canvas<'a> {
    type ErrorType = <BitMapBackend<'a> as DrawingBackend>::ErrorType;

    fn get_size(&self) -> (u32, u32) {
        self.0.get_size()
    }

    fn ensure_prepared(&mut self) -> Answer<'a> {
        self.0.ensure_prepared()
    }

    fn present(&mut self) -> Answer<'a> {
        self.0.present()
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Answer<'a> {
        self.0.draw_pixel(point, color)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Answer<'a> {
        self.0.draw_line(from, to, style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Answer<'a> {
        self.0.draw_rect(upper_left, bottom_right, style, fill)
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, at: BackendCoord) -> Answer<'a> {
        let font = font(style.size());
        let (wide, high) = extent(text, font);
        let anchor = style.anchor();
        let left = match anchor.h_pos {
            HPos::Left => 0,
            HPos::Center => -wide / 2,
            HPos::Right => -wide,
        };
        let top = match anchor.v_pos {
            VPos::Top => 0,
            VPos::Center => -high / 2,
            VPos::Bottom => -high,
        };
        let (turn, color, (width, height)) = (style.transform(), style.color(), self.get_size());
        let mut answer = Ok(());
        ink(text, font, |x, y| {
            let (x, y) = turn.transform(x + left, y + top);
            let (x, y) = (at.0.saturating_add(x), at.1.saturating_add(y));
            let inside = 0 <= x && x < width as i32 && 0 <= y && y < height as i32;
            if inside && answer.is_ok() {
                answer = self.0.draw_pixel((x, y), color);
            }
        });
        answer
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        text: &str,
        style: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<Self::ErrorType>> {
        let (wide, high) = extent(text, font(style.size()));
        Ok((wide.unsigned_abs(), high.unsigned_abs()))
    }
}

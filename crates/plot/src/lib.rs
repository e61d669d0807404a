//! Pictures of numbers, SVG and PNG.
//!
//! In comes something that draws itself with lines, areas and words; out goes the picture in either form. The same numbers give
//! the same bytes on every machine: letters of the PNG come from a font inside the program, not from the system. Colours are
//! those of Wong, *Points of view: Color blindness*, 2011. A picture carries its title, and says in words what it shows
//! ([`Picture::description`], the `<desc>` of the SVG). This room touches nothing: no files, no network, no clock.

mod canvas;

use chrono::{Days, NaiveDate};
use plotters::coord::Shift;
use plotters::prelude::{
    DrawingArea, DrawingAreaErrorKind, DrawingBackend, IntoDrawingArea, RGBColor, SVGBackend,
};

use canvas::Canvas;

/// Width and height, in pixels.
pub const SIZE: (u32, u32) = (960, 540);
/// Letters of the axes: plotters takes a size for 1.24 times the height, and a letter for .46 of it, which at this size is
/// the width of the built-in font, so that boxes around text fit in both forms.
pub const LABEL: (&str, f64) = ("sans-serif", 15.5);
/// Letters of a title.
pub const HEADING: (&str, f64) = ("sans-serif", 20.0);
/// Blue: what a model says.
pub const BLUE: RGBColor = RGBColor(0, 114, 178);
/// Nearly black: what was observed.
pub const INK: RGBColor = RGBColor(40, 40, 40);
/// Vermilion.
pub const VERMILION: RGBColor = RGBColor(213, 94, 0);
/// Green.
pub const GREEN: RGBColor = RGBColor(0, 158, 115);
/// One colour a line, where there are several.
pub const LINES: [RGBColor; 4] = [BLUE, VERMILION, GREEN, RGBColor(204, 121, 167)];

/// Why a picture was not drawn.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlotError {
    /// There is nothing to show.
    #[error("there is nothing to draw")]
    Empty,
    /// NaN, infinity, or a number beyond what can be drawn.
    #[error("{0} cannot be drawn")]
    Value(f64),
    /// The days span more than a century.
    #[error("the days are too far apart to be drawn together")]
    Days,
    /// The drawing failed.
    #[error("the picture could not be drawn: {0}")]
    Drawing(String),
}

/// Something that can be drawn.
pub trait Picture {
    /// The title above the picture.
    fn title(&self) -> &str;

    /// What the picture shows, in words, for those who do not see it.
    fn description(&self) -> String;

    /// Checks that all of it can be drawn.
    ///
    /// # Errors
    /// [`PlotError`] when there is nothing, or a value is no number that can be drawn.
    fn check(&self) -> Result<(), PlotError>;

    /// Draws on `area`.
    ///
    /// # Errors
    /// The error of the drawing surface.
    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>>;

    /// The picture as SVG, with title and description.
    ///
    /// # Errors
    /// [`PlotError`].
    fn svg(&self) -> Result<String, PlotError> {
        self.check()?;
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            self.draw(&area).and_then(|()| area.present()).map_err(|error| drawing(&error))?;
        }
        let words = format!(
            ">\n<title>{}</title>\n<desc>{}</desc>",
            escaped(self.title()),
            escaped(&self.description())
        );
        Ok(svg.replacen("<svg ", "<svg role=\"img\" ", 1).replacen('>', &words, 1))
    }

    /// The picture as PNG, 960 x 540. Letters that the built-in font lacks (it has those of Western Europe) become `?`.
    ///
    /// # Errors
    /// [`PlotError`].
    fn png(&self) -> Result<Vec<u8>, PlotError> {
        self.check()?;
        let (width, height) = SIZE;
        let mut pixels = vec![255; width as usize * height as usize * 3];
        {
            let area = Canvas::new(&mut pixels, SIZE)?.into_drawing_area();
            self.draw(&area).and_then(|()| area.present()).map_err(|error| drawing(&error))?;
        }
        let picture = image::RgbImage::from_raw(width, height, pixels);
        let picture = picture.ok_or_else(|| PlotError::Drawing("too few pixels".to_owned()))?;
        let mut png = std::io::Cursor::new(Vec::new());
        picture
            .write_to(&mut png, image::ImageFormat::Png)
            .map_err(|error| PlotError::Drawing(error.to_string()))?;
        Ok(png.into_inner())
    }
}

fn drawing<E: std::error::Error + Send + Sync>(error: &DrawingAreaErrorKind<E>) -> PlotError {
    PlotError::Drawing(error.to_string())
}

/// Text as it stands in XML, without control characters.
pub fn escaped(text: &str) -> String {
    let kept = text.chars().filter(|c| !c.is_control());
    kept.fold(String::new(), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
        out
    })
}

/// Refuses what cannot be drawn: beyond this, the arithmetic of the axes overflows.
///
/// # Errors
/// [`PlotError::Value`] with the number.
pub fn drawable(value: f64) -> Result<f64, PlotError> {
    if value.abs() <= 1e15 { Ok(value) } else { Err(PlotError::Value(value)) }
}

/// Days since the first of January 1970.
pub fn place(day: NaiveDate) -> i32 {
    i32::try_from((day - NaiveDate::default()).num_days()).unwrap_or(i32::MAX)
}

/// A day in words, from its place.
pub fn date(place: i32) -> String {
    let epoch = NaiveDate::default();
    let days = Days::new(u64::from(place.unsigned_abs()));
    let day = if place < 0 { epoch.checked_sub_days(days) } else { epoch.checked_add_days(days) };
    day.map_or_else(String::new, |day| day.format("%-d %b %Y").to_string())
}

/// A label of the vertical axis, as short as its size allows.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1e9 => format!("{:.1}G", value / 1e9),
        size if size >= 1e6 => format!("{:.1}M", value / 1e6),
        size if size >= 1e4 => format!("{:.0}k", value / 1e3),
        size if size >= 10.0 || size == 0.0 => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    }
}

/// Lowest and highest with a little air, never the same; 0 is in it when it is near.
pub fn range(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let low = if low > 0.0 && low < 0.6 * high { 0.0 } else { low };
    let air = ((high - low) * 0.06).max(high.abs().max(1e-3) * 0.02);
    (if low == 0.0 { 0.0 } else { low - air })..(high + air)
}

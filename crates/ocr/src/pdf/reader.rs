use std::path::Path;

use innkeeper_core::Picture;
use pdfium_render::prelude::{
    PdfBitmapFormat, PdfDocument, PdfPage, PdfRenderConfig, Pdfium as Binding, PdfiumError,
    PdfiumInternalError,
};

use super::frame::Refusal;
use super::{PdfLimits, layer};
use crate::document::Page;

/// Pixels a point that long pages keep: 150 an inch, below which small print is lost.
const LEAST_SCALE: f32 = 150.0 / 72.0;
/// Pixels a point of the smallest pages; more shows nothing that the file holds.
const MOST_SCALE: f32 = 4.0;

/// The loaded library: one a process, on one thread.
pub(super) struct Library(Binding);

impl Library {
    pub(super) fn load(path: &Path) -> Result<Self, String> {
        let bindings = Binding::bind_to_library(path).map_err(|e| match e {
            PdfiumError::LoadLibraryError(e) => e.to_string(),
            other => format!("{other:?}"),
        })?;
        Ok(Self(Binding::new(bindings)))
    }

    pub(super) fn open<'a>(&'a self, bytes: &'a [u8]) -> Result<File<'a>, Refusal> {
        let document = self.0.load_pdf_from_byte_slice(bytes, None).map_err(|e| match e {
            PdfiumError::PdfiumLibraryInternalError(
                PdfiumInternalError::PasswordError | PdfiumInternalError::SecurityError,
            ) => Refusal::Encrypted,
            other => broken("the file", &other),
        })?;
        let pages = usize::try_from(document.pages().len()).unwrap_or(0);
        if pages == 0 {
            return Err(Refusal::Broken { detail: "it has no pages".to_owned() });
        }
        Ok(File { document, pages })
    }
}

/// An open file.
pub(super) struct File<'a> {
    document: PdfDocument<'a>,
    /// How many pages it says it has; at least one.
    pub(super) pages: usize,
}

impl File<'_> {
    /// A page, from 0.
    pub(super) fn page(&self, index: usize, limits: &PdfLimits) -> Result<Page, Refusal> {
        let name = format!("page {}", index + 1);
        let page = self.document.pages().get(index as i32).map_err(|e| broken(&name, &e))?;
        let (width, height) = (page.width().value, page.height().value);
        if !width.is_finite() || !height.is_finite() {
            return Err(Refusal::Broken { detail: format!("{name} has no size") });
        }
        let sensible = |side: f32| side > 0.0 && side <= limits.max_points;
        if !sensible(width) || !sensible(height) {
            return Err(Refusal::PageTooLarge { page: index + 1, width, height });
        }
        let (columns, rows) = pixels(width, height, self.pages, limits);
        let config = PdfRenderConfig::new()
            .set_fixed_size(columns as i32, rows as i32)
            .set_format(PdfBitmapFormat::BGRx)
            .limit_render_image_cache_size(true);
        let picture = draw(&page, &config, columns, rows).map_err(|e| broken(&name, &e))?;
        let text = layer::text(&page, &config, columns, rows, limits.max_characters);
        Ok(match text {
            Some(text) => Page::Text { text, picture },
            None => Page::Picture(picture),
        })
    }
}

fn broken(what: &str, why: &PdfiumError) -> Refusal {
    Refusal::Broken { detail: format!("{what}: {why:?}") }
}

/// Width and height of the picture of a page of this size in points, in a file of so many pages.
fn pixels(width: f32, height: f32, pages: usize, limits: &PdfLimits) -> (u32, u32) {
    let longest = width.max(height);
    let wanted = (limits.longest_side as f32 / longest).clamp(LEAST_SCALE, MOST_SCALE);
    let share = limits.max_pixels as f32 / pages.clamp(1, limits.max_pages.max(1)) as f32;
    let scale = wanted.min(limits.max_side as f32 / longest).min((share / (width * height)).sqrt());
    let side = |points: f32| (points * scale).round().max(1.0) as u32;
    (side(width), side(height))
}

fn draw(page: &PdfPage, config: &PdfRenderConfig, columns: u32, rows: u32) -> Result<Picture, PdfiumError> {
    let bitmap = page.render_with_config(config)?;
    let bytes = bitmap.as_raw_bytes();
    // Rows may be padded; blue comes first.
    let stride = bytes.len() / rows as usize;
    let rgb: Vec<u8> = bytes
        .chunks_exact(stride.max(1))
        .flat_map(|row| row.chunks_exact(4).take(columns as usize))
        .flat_map(|pixel| [pixel[2], pixel[1], pixel[0]])
        .collect();
    Picture::from_rgb(columns, rows, rgb).map_err(|_| PdfiumError::UnknownBitmapFormat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_drawn_large_enough_to_be_read_and_never_larger_than_allowed() {
        let limits = PdfLimits::default();
        assert_eq!(pixels(595.0, 842.0, 1, &limits), (1413, 2000));
        // A receipt of a metre: 150 pixels an inch would be 5,906.
        assert_eq!(pixels(226.0, 2835.0, 1, &limits), (319, 4000));
        assert_eq!(pixels(226.0, 1400.0, 1, &limits), (471, 2917));
        // A business card is not blown up to 2,000.
        assert_eq!(pixels(241.0, 156.0, 1, &limits), (964, 624));
        assert_eq!(pixels(14_400.0, 0.001, 1, &limits), (4000, 1));
        // Ten posters share what one would have; ten letters lose nothing.
        let (columns, rows) = pixels(14_400.0, 14_400.0, 10, &limits);
        assert!(columns * rows <= 5_010_000 && columns * rows > 4_900_000, "{columns} x {rows}");
        assert_eq!(pixels(595.0, 842.0, 1_000, &limits), (1413, 2000));
    }
}

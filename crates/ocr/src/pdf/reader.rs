use std::path::Path;
use std::time::Instant;

use innkeeper_core::Picture;
use pdfium_render::prelude::{
    PdfBitmapFormat, PdfDocument, PdfPage, PdfRenderConfig, Pdfium as Binding, PdfiumError,
    PdfiumInternalError,
};

use super::{Pages, PdfError, PdfLimits, layer};
use crate::document::Page;

/// Pixels a point that long pages keep: 150 an inch, below which small print is lost.
const LEAST_SCALE: f32 = 150.0 / 72.0;
/// Pixels a point of the smallest pages; more shows nothing that the file holds.
const MOST_SCALE: f32 = 4.0;

/// The loaded library. It must stay on one thread.
pub(super) struct Library(Binding);

impl Library {
    pub(super) fn load(path: &Path) -> Result<Self, String> {
        let bindings = Binding::bind_to_library(path).map_err(|e| match e {
            PdfiumError::LoadLibraryError(e) => e.to_string(),
            other => format!("{other:?}"),
        })?;
        Ok(Self(Binding::new(bindings)))
    }

    /// The first pages of a file.
    pub(super) fn read(
        &self,
        bytes: &[u8],
        limits: &PdfLimits,
        deadline: Instant,
    ) -> Result<Pages, PdfError> {
        let document = self.0.load_pdf_from_byte_slice(bytes, None).map_err(|e| match e {
            PdfiumError::PdfiumLibraryInternalError(
                PdfiumInternalError::PasswordError | PdfiumInternalError::SecurityError,
            ) => PdfError::Encrypted,
            other => broken("the file", &other),
        })?;
        let in_file = usize::try_from(document.pages().len()).unwrap_or(0);
        if in_file == 0 {
            return Err(PdfError::Broken { detail: "it has no pages".to_owned() });
        }
        let pages = (0..in_file.min(limits.max_pages)).map(|index| {
            if Instant::now() >= deadline {
                return Err(PdfError::TooSlow { limit: limits.max_time });
            }
            read_page(&document, index, limits)
        });
        Ok(Pages { pages: pages.collect::<Result<_, _>>()?, in_file })
    }
}

fn broken(what: &str, why: &PdfiumError) -> PdfError {
    PdfError::Broken { detail: format!("{what}: {why:?}") }
}

fn read_page(document: &PdfDocument, index: usize, limits: &PdfLimits) -> Result<Page, PdfError> {
    let name = format!("page {}", index + 1);
    let page = document.pages().get(index as i32).map_err(|e| broken(&name, &e))?;
    let (width, height) = (page.width().value, page.height().value);
    let sensible = |side: f32| side > 0.0 && side <= limits.max_points;
    if !sensible(width) || !sensible(height) {
        return Err(PdfError::PageTooLarge { page: index + 1, width, height, max: limits.max_points });
    }
    let (columns, rows) = pixels(width, height, limits);
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

/// Width and height of the picture of a page of this size in points.
fn pixels(width: f32, height: f32, limits: &PdfLimits) -> (u32, u32) {
    let longest = width.max(height);
    let wanted = (limits.longest_side as f32 / longest).clamp(LEAST_SCALE, MOST_SCALE);
    let scale = wanted.min(limits.max_side as f32 / longest);
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
        assert_eq!(pixels(595.0, 842.0, &limits), (1413, 2000));
        // A receipt of a metre: 150 pixels an inch would be 5,906.
        assert_eq!(pixels(226.0, 2835.0, &limits), (319, 4000));
        assert_eq!(pixels(226.0, 1400.0, &limits), (471, 2917));
        // A business card is not blown up to 2,000.
        assert_eq!(pixels(241.0, 156.0, &limits), (964, 624));
        assert_eq!(pixels(14_400.0, 0.001, &limits), (4000, 1));
    }
}

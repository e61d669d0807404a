//! Bar codes, encoded by rxing's writers.

use innkeeper_core::{Point, Rect};
use rxing::pdf417::encoder::Dimensions;
use rxing::{BarcodeFormat, EncodeHints, MultiFormatWriter, Writer};

use super::sheet::Sheet;

/// Dark modules, row by row, without a quiet zone. `format` is `PDF_417`, `QR_CODE` or another that rxing writes.
pub fn modules(text: &str, format: BarcodeFormat) -> Vec<Vec<bool>> {
    let hints = EncodeHints {
        Margin: Some("0".to_owned()),
        ErrorCorrection: (format == BarcodeFormat::PDF_417).then(|| "5".to_owned()),
        // As wide as driving licences have it.
        Pdf417Dimensions: (format == BarcodeFormat::PDF_417).then(|| Dimensions::new(12, 15, 3, 90)),
        ..EncodeHints::default()
    };
    let matrix = MultiFormatWriter.encode_with_hints(text, &format, 1, 1, &hints).expect("encoded");
    (0..matrix.height()).map(|y| (0..matrix.width()).map(|x| matrix.get(x, y)).collect()).collect()
}

/// Draws a code into a box with its quiet zone around it, keeping its shape.
pub fn draw(sheet: &mut Sheet, area: Rect, text: &str, format: BarcodeFormat) {
    let dark = modules(text, format);
    let (columns, rows) = (dark[0].len() as f32, dark.len() as f32);
    let module = (area.w / columns).min(area.h / rows).floor().max(1.0);
    let quiet = 4.0 * module;
    let (w, h) = (columns * module, rows * module);
    sheet.fill(
        Rect { x: area.x - quiet, y: area.y - quiet, w: w + 2.0 * quiet, h: h + 2.0 * quiet },
        [255; 3],
        1.0,
    );
    sheet.modules(Point { x: area.x, y: area.y }, module, module, &dark);
}

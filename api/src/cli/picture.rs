//! Drawings into files, SVG or PNG by their names.

use std::path::Path;

use innkeeper_plot::Picture;

use super::Failure;

pub(super) fn save(picture: &impl Picture, file: &Path) -> Result<(), Failure> {
    let named = |e: &dyn std::fmt::Display| -> Failure { format!("{}: {e}", file.display()).into() };
    let extension = file.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let bytes = match extension.as_str() {
        "svg" => picture.svg().map_err(|e| named(&e))?.into_bytes(),
        "png" => picture.png().map_err(|e| named(&e))?,
        _ => return Err(named(&"a picture is a file that ends in .svg or .png")),
    };
    std::fs::write(file, bytes).map_err(|e| named(&e))
}

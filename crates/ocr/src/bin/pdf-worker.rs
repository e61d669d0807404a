//! The process that PDFium runs in; see `innkeeper_ocr::pdf`. The last argument is the library.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(library) = std::env::args_os().skip(1).last() else { return ExitCode::FAILURE };
    innkeeper_ocr::pdf::serve_worker(Path::new(&library))
}

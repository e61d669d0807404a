//! What is installed on this machine. A test that needs what is not there does not run, unless
//! `INNKEEPER_REQUIRE_EXTENDED` is set, as `make test` does where every model can be had.
#![allow(dead_code, reason = "each test binary asks for what it needs")]
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "for tests")]

use std::path::PathBuf;

use innkeeper_ocr::{PdfWorker, Pdfium};
use innkeeper_packs::{Choice, Library, Manifest, PackChoice};

/// The only file of the item that is installed for a task, or the file that the variable names.
pub fn file(variable: &str, task: &str) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Some(path.into());
    }
    // Models live where the program `innkeeper` puts them.
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base =
        absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")))?;
    let manifest = Manifest::models().expect("a manifest");
    let library = Library::new(manifest, base.join("innkeeper/models"));
    let path = match library.choose(&PackChoice::Auto, task).expect("a task") {
        Choice::Installed { item, .. } => item.files.values().next().cloned(),
        Choice::Absent { .. } => None,
    };
    if path.is_none() {
        assert!(
            std::env::var_os("INNKEEPER_REQUIRE_EXTENDED").is_none(),
            "nothing is installed for {task}: innkeeper models pull"
        );
        eprintln!("not run: nothing is installed for {task}: innkeeper models pull");
    }
    path
}

/// The PDF library.
pub fn pdf_library() -> Option<PathBuf> {
    file("INNKEEPER_PDFIUM_LIBRARY", "pdf-pages")
}

/// The program that PDFium runs in. `name` is what its processes can be told by.
pub fn pdf_worker(name: &str) -> PdfWorker {
    let program = env!("CARGO_BIN_EXE_innkeeper-pdf-worker").into();
    PdfWorker { program, arguments: vec![name.into()], processes: 1 }
}

/// PDFium in processes of that name.
pub fn pdfium_named(name: &str) -> Option<Pdfium> {
    pdf_library().map(|library| Pdfium::load(&library, pdf_worker(name)).expect("loaded"))
}

/// PDFium.
pub fn pdfium() -> Option<Pdfium> {
    pdfium_named("reads")
}

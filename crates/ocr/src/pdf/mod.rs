//! PDF files, read by PDFium.
//!
//! PDFium is a C++ library, and files come from strangers: it runs in a process of its own, one for each file, which
//! is killed when the answer is no longer wanted or takes too long. A file that ends that process, keeps it busy for
//! ever or takes it over has that one file to lose. See `docs/adr/0010-pdfium-in-a-process-of-its-own.md`.
//!
//! [`Pdfium`] is this side of the pipe, [`serve_worker`] the other one; `frame` is what goes through it.

mod frame;
mod layer;
mod pool;
mod process;
mod reader;
mod worker;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::document::Page;

pub use pool::Pdfium;
pub use process::PdfWorker;
pub use worker::serve_worker;

/// What is read of a PDF file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PdfLimits {
    /// Most bytes of the file.
    pub max_bytes: usize,
    /// Pages that are read, from the first one on; [`Document::pages_in_file`](crate::Document::pages_in_file)
    /// says how many there are.
    pub max_pages: usize,
    /// Longest side of a page in points (1/72 inch).
    pub max_points: f32,
    /// Longest side of the picture of an A4 page, in pixels.
    pub longest_side: u32,
    /// Longest side of the picture of any page: a receipt of a metre keeps 150 pixels an inch up to here.
    pub max_side: u32,
    /// Most pixels of all pages together: each of the pages that are read has its even share, and a page that would
    /// be larger is drawn smaller.
    pub max_pixels: u64,
    /// Most characters of a page's text; a page with more is given as a picture only.
    pub max_characters: usize,
    /// How long one waits for the pages, the wait for other documents included.
    pub max_time: Duration,
}

impl Default for PdfLimits {
    /// 20 MiB, 10 pages, 14,400 points (what ISO 32000-1, annex C, allows), 2,000 and 4,000 pixels,
    /// 50 megapixels, 50,000 characters, 20 seconds.
    fn default() -> Self {
        Self {
            max_bytes: 20 << 20,
            max_pages: 10,
            max_points: 14_400.0,
            longest_side: 2_000,
            max_side: 4_000,
            max_pixels: 50_000_000,
            max_characters: 50_000,
            max_time: Duration::from_secs(20),
        }
    }
}

/// Why a PDF file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// No library was given, and this is a PDF file.
    #[error("PDF files need PDFium, which is not installed: innkeeper models pull --model pdfium")]
    NotInstalled,
    /// The library cannot be loaded, or the process that loads it cannot be started.
    #[error("{} cannot be loaded as PDFium ({detail}): innkeeper models pull --model pdfium", path.display())]
    Unloadable {
        /// The file that was to be loaded.
        path: PathBuf,
        /// What the loader said.
        detail: String,
    },
    /// More bytes than allowed.
    #[error("the PDF file has {bytes} bytes; at most {max} are read")]
    TooManyBytes {
        /// Bytes sent.
        bytes: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The file, or a page of it, is not what ISO 32000 describes, or PDFium came to its end over it.
    #[error("the PDF file cannot be read: {detail}")]
    Broken {
        /// What is wrong.
        detail: String,
    },
    /// A password is needed.
    #[error("the PDF file is encrypted; send one without a password")]
    Encrypted,
    /// A page is larger than allowed.
    #[error("page {page} is {width} x {height} points; at most {max} a side are read")]
    PageTooLarge {
        /// The page, from 1.
        page: usize,
        /// Its width in points.
        width: f32,
        /// Its height in points.
        height: f32,
        /// Points allowed.
        max: f32,
    },
    /// The pages were not there in time.
    #[error("the PDF file was not read within {} seconds", limit.as_secs_f32())]
    TooSlow {
        /// The time allowed.
        limit: Duration,
    },
    /// Other files were being read the whole time.
    #[error("too many PDF files wait to be read")]
    Busy,
}

/// The pages of a file and how many it says it has.
pub(crate) struct Pages {
    pub(crate) pages: Vec<Page>,
    pub(crate) in_file: usize,
}

//! PDF files, read by PDFium.
//!
//! PDFium is a C++ library that is loaded at run time and may be used by one thread at a time. One thread of ours
//! owns it; documents wait in a short queue before that thread, and nobody waits longer than
//! [`PdfLimits::max_time`]. A page that is being drawn cannot be interrupted: whoever sent it is answered in time,
//! but the thread goes on until PDFium is done. See `docs/adr/0010-pdfium-in-process.md`.

mod layer;
mod reader;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};

use crate::OcrError;
use crate::document::Page;

/// Documents that may wait for the one that is being read.
const WAITING: usize = 8;

/// What is read of a PDF file.
#[derive(Debug, Clone, Copy, PartialEq)]
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
    /// Most characters of a page's text; a page with more is given as a picture only.
    pub max_characters: usize,
    /// How long one waits for the pages, the wait for other documents included.
    pub max_time: Duration,
}

impl Default for PdfLimits {
    /// 20 MiB, 10 pages, 14,400 points (what ISO 32000-1, annex C, allows), 2,000 and 4,000 pixels, 50,000
    /// characters, 20 seconds.
    fn default() -> Self {
        Self {
            max_bytes: 20 << 20,
            max_pages: 10,
            max_points: 14_400.0,
            longest_side: 2_000,
            max_side: 4_000,
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
    /// The library cannot be loaded.
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
    /// The file, or a page of it, is not what ISO 32000 describes.
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
    /// Too many documents wait already.
    #[error("too many PDF files wait to be read")]
    Busy,
}

/// The pages of a file and how many it says it has.
pub(crate) struct Pages {
    pub(crate) pages: Vec<Page>,
    pub(crate) in_file: usize,
}

struct Job {
    bytes: Vec<u8>,
    limits: PdfLimits,
    deadline: Instant,
    answer: Sender<Result<Pages, PdfError>>,
}

/// The library, loaded once for the process. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Pdfium {
    path: PathBuf,
    jobs: Sender<Job>,
}

/// PDFium holds state of its own for the whole process; a second copy must not be loaded beside it.
static LOADED: Mutex<Option<Pdfium>> = Mutex::new(None);

impl Pdfium {
    /// Loads the shared library at `path`, or gives the one that was loaded before.
    ///
    /// # Errors
    /// [`PdfError::Unloadable`] when the file is missing or no PDFium of the expected version, or when another
    /// one was loaded from elsewhere.
    pub fn load(path: &Path) -> Result<Self, OcrError> {
        let unloadable = |detail: String| PdfError::Unloadable { path: path.to_owned(), detail };
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pdfium) = &*loaded {
            if pdfium.path == path {
                return Ok(pdfium.clone());
            }
            let detail = format!("{} is loaded already", pdfium.path.display());
            return Err(unloadable(detail).into());
        }
        // The loader would look for a bare name in the folders of the system.
        let found = path.canonicalize().map_err(|e| unloadable(e.to_string()))?;
        let library = reader::Library::load(&found).map_err(unloadable)?;
        let (jobs, queue) = bounded(WAITING);
        std::thread::Builder::new()
            .name("pdfium".to_owned())
            .spawn(move || work(&library, &queue))
            .map_err(|e| unloadable(e.to_string()))?;
        let pdfium = Self { path: path.to_owned(), jobs };
        *loaded = Some(pdfium.clone());
        Ok(pdfium)
    }

    /// Reads the pages of a file.
    pub(crate) fn read(&self, bytes: &[u8], limits: &PdfLimits) -> Result<Pages, PdfError> {
        if bytes.len() > limits.max_bytes {
            return Err(PdfError::TooManyBytes { bytes: bytes.len(), max: limits.max_bytes });
        }
        let too_slow = PdfError::TooSlow { limit: limits.max_time };
        let Some(deadline) = Instant::now().checked_add(limits.max_time) else { return Err(too_slow) };
        let (answer, answered) = bounded(1);
        let job = Job { bytes: bytes.to_vec(), limits: *limits, deadline, answer };
        match self.jobs.send_timeout(job, limits.max_time) {
            Ok(()) => {}
            Err(SendTimeoutError::Timeout(_)) => return Err(PdfError::Busy),
            Err(SendTimeoutError::Disconnected(_)) => return Err(gone()),
        }
        match answered.recv_deadline(deadline) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => Err(too_slow),
            Err(RecvTimeoutError::Disconnected) => Err(gone()),
        }
    }
}

fn gone() -> PdfError {
    PdfError::Broken { detail: "reading it was given up".to_owned() }
}

/// The thread that owns the library.
fn work(library: &reader::Library, queue: &Receiver<Job>) {
    for job in queue {
        if Instant::now() >= job.deadline {
            continue;
        }
        // A panic of the binding ends this document, not all that come after it.
        let read = catch_unwind(AssertUnwindSafe(|| library.read(&job.bytes, &job.limits, job.deadline)));
        // Whoever asked may have gone.
        let _ = job.answer.send(read.unwrap_or_else(|_| Err(gone())));
    }
}

//! The processes that PDFium runs in, and who may use one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, at, bounded, select};
use innkeeper_runtime::Ticket;

use super::process::{Lost, Process};
use super::{Pages, PdfError, PdfLimits, PdfWorker};
use crate::OcrError;

/// How long the first process may take to load the library.
const STARTING: Duration = Duration::from_mins(1);

/// PDFium, ready to read files. Cloning is cheap; the last clone to go takes the processes along.
#[derive(Debug, Clone)]
pub struct Pdfium(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    library: PathBuf,
    worker: PdfWorker,
    /// A place for every file that is read at the same time. In it waits a process, started ahead where that worked.
    free: Receiver<Option<Process>>,
    back: Sender<Option<Process>>,
}

/// A place that somebody uses. Dropping it ends the process in it, starts the next one, and gives the place back.
struct Place<'a> {
    pool: &'a Pool,
    process: Option<Process>,
}

impl Pdfium {
    /// Starts the first process, which loads the shared library at `library`, and waits for it.
    ///
    /// # Errors
    /// [`PdfError::Unloadable`] when the file is missing or no PDFium of the expected version, or when `worker` is no
    /// program that loads it.
    pub fn load(library: &Path, worker: PdfWorker) -> Result<Self, OcrError> {
        let unloadable = |detail: String| PdfError::Unloadable { path: library.to_owned(), detail };
        // The process runs elsewhere, and its loader would look for a bare name in the folders of the system.
        let path = library.canonicalize().map_err(|e| unloadable(e.to_string()))?;
        let mut first = Process::start(&worker, &path)
            .map_err(|e| unloadable(format!("{} cannot be started: {e}", worker.program.display())))?;
        first.wait_until_ready(Instant::now() + STARTING).map_err(|lost| match lost {
            Lost::Unloadable(detail) => unloadable(detail),
            _ => unloadable(format!("{} does not load it in time", worker.program.display())),
        })?;
        let places = worker.processes.max(1);
        let (back, free) = bounded(places);
        let mut first = Some(first);
        for _ in 0..places {
            let _ = back.send(first.take());
        }
        Ok(Self(Arc::new(Pool { library: path, worker, free, back })))
    }

    /// Reads the pages of a file.
    pub(crate) fn read(&self, bytes: &[u8], limits: &PdfLimits, ticket: &Ticket) -> Result<Pages, OcrError> {
        if bytes.len() > limits.max_bytes {
            return Err(PdfError::TooManyBytes { bytes: bytes.len(), max: limits.max_bytes }.into());
        }
        let limit = limits.max_time;
        let until = Instant::now().checked_add(limit).into_iter().chain(ticket.deadline()).min();
        let until = until.ok_or(PdfError::TooSlow { limit })?;
        let pool = &*self.0;
        let read = pool.place(until, ticket)?.read(bytes, limits, until, ticket);
        read.map_err(|lost| match lost {
            Lost::Expired => given_up(ticket, PdfError::TooSlow { limit }),
            Lost::Unloadable(detail) => PdfError::Unloadable { path: pool.library.clone(), detail }.into(),
            Lost::Refused(error) => error.into(),
            Lost::Failed(error) => PdfError::Broken { detail: format!("PDFium gave it up ({error})") }.into(),
        })
    }
}

/// Why nothing came: the caller's wish or deadline, else the limit.
fn given_up(ticket: &Ticket, limit: PdfError) -> OcrError {
    ticket.check().map_or_else(OcrError::from, |()| limit.into())
}

impl Pool {
    fn place(&self, until: Instant, ticket: &Ticket) -> Result<Place<'_>, OcrError> {
        select! {
            recv(self.free) -> process => Ok(Place { pool: self, process: process.ok().flatten() }),
            recv(ticket.cancelled()) -> _ => Err(given_up(ticket, PdfError::Busy)),
            recv(at(until)) -> _ => Err(given_up(ticket, PdfError::Busy)),
        }
    }

    fn start(&self) -> io::Result<Process> {
        Process::start(&self.worker, &self.library)
    }
}

impl Place<'_> {
    fn read(
        &mut self,
        bytes: &[u8],
        limits: &PdfLimits,
        until: Instant,
        ticket: &Ticket,
    ) -> Result<Pages, Lost> {
        // The one that was started ahead may have been ended by the system since.
        let waiting = self.process.take().and_then(Process::alive);
        let process = match waiting {
            Some(process) => process,
            None => self.pool.start().map_err(|e| Lost::Unloadable(e.to_string()))?,
        };
        self.process.insert(process).read(bytes, limits, until, ticket)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // Ended first: there are never more than there are places.
        self.process = None;
        // There is room: the pool has as many places as it gave away.
        let _ = self.pool.back.send(self.pool.start().ok());
    }
}

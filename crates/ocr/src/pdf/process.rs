//! Our side of one process that PDFium runs in.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use crossbeam_channel::{at, bounded, select};
use innkeeper_runtime::Ticket;

use super::frame::{self, Answer, PLAIN, Request, shortened};
use super::{Pages, PdfError, PdfLimits};

/// The program that PDFium runs in: one that calls [`serve_worker`](super::serve_worker) with the path that is its
/// last argument.
#[derive(Debug, Clone)]
pub struct PdfWorker {
    /// The program.
    pub program: PathBuf,
    /// What stands before the path of the library.
    pub arguments: Vec<OsString>,
    /// Files that are read at the same time, each in a process of its own; at least 1.
    pub processes: usize,
}

impl PdfWorker {
    /// The program that is running now, started with `arguments`; one file at a time.
    ///
    /// # Errors
    /// When the system does not say which file the program is.
    pub fn this_program(arguments: Vec<OsString>) -> io::Result<Self> {
        // Unlike its name, this is the same program even after a newer one was installed in its place.
        let own = Path::new("/proc/self/exe");
        let program = if own.exists() { own.to_owned() } else { std::env::current_exe()? };
        Ok(Self { program, arguments, processes: 1 })
    }
}

/// A process that reads one file. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    /// It has said that it loaded the library.
    ready: bool,
}

/// Why nothing more will come of a process.
pub(super) enum Lost {
    /// It came too late, or is not wanted.
    Expired,
    /// It did not load the library.
    Unloadable(String),
    /// What it says of the file.
    Refused(PdfError),
    /// It ended, or says what makes no sense.
    Failed(io::Error),
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl Process {
    /// Starts one, and waits for nothing.
    pub(super) fn start(worker: &PdfWorker, library: &Path) -> io::Result<Self> {
        let mut command = Command::new(&worker.program);
        command.args(&worker.arguments).arg(library);
        // No secret of ours is its business; where the loader looks for libraries is.
        command.env_clear();
        if let Some(path) = std::env::var_os("LD_LIBRARY_PATH") {
            command.env("LD_LIBRARY_PATH", path);
        }
        // What it complains about may quote the document. Ctrl-C is for us, who let it finish.
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.process_group(0).spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(Self { child, input, output, ready: false }),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Itself, if it has not ended yet.
    pub(super) fn alive(mut self) -> Option<Self> {
        matches!(self.child.try_wait(), Ok(None)).then_some(self)
    }

    /// Waits until the library is loaded.
    pub(super) fn wait_until_ready(&mut self, until: Instant) -> Result<(), Lost> {
        self.talk(until, &Ticket::unlimited(), |_, output| expect_ready(output))?;
        self.ready = true;
        Ok(())
    }

    /// Reads a file.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        limits: &PdfLimits,
        until: Instant,
        ticket: &Ticket,
    ) -> Result<Pages, Lost> {
        let ready = self.ready;
        self.talk(until, ticket, |input, output| {
            if !ready {
                expect_ready(output)?;
            }
            frame::write(input, &Request { limits: *limits, bytes: bytes.len() })?;
            input.write_all(bytes)?;
            input.flush()?;
            pages(output, limits)
        })
    }

    /// Lets a thread talk with the process, and kills the process once the answer is late or not wanted, which ends
    /// the talk.
    fn talk<T: Send>(
        &mut self,
        until: Instant,
        ticket: &Ticket,
        talk: impl FnOnce(&mut ChildStdin, &mut ChildStdout) -> Result<T, Lost> + Send,
    ) -> Result<T, Lost> {
        let Self { child, input, output, .. } = self;
        let said = std::thread::scope(|scope| {
            let (done, said) = bounded(1);
            let talker = std::thread::Builder::new().name("pdf".to_owned());
            talker.spawn_scoped(scope, move || done.send(talk(input, output)))?;
            select! {
                recv(said) -> said => said.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::BrokenPipe).into())),
                recv(ticket.cancelled()) -> _ => end(child).and(Err(Lost::Expired)),
                recv(at(until)) -> _ => end(child).and(Err(Lost::Expired)),
            }
        });
        match said {
            Err(Lost::Failed(error)) => {
                end(child)?;
                let status = child.wait()?;
                // How it ended says more than that the pipe did.
                Err(Lost::Failed(match error.kind() {
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
                        io::Error::new(error.kind(), status.to_string())
                    }
                    _ => error,
                }))
            }
            said => said,
        }
    }
}

/// Kills it; one that has ended already is no error.
fn end(child: &mut Child) -> Result<(), Lost> {
    Ok(child.kill()?)
}

impl Drop for Process {
    fn drop(&mut self) {
        // Killed and waited for, so that neither it nor its number stays behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn expect_ready(output: &mut ChildStdout) -> Result<(), Lost> {
    match frame::read(output, PLAIN) {
        Ok(Answer::Ready) => Ok(()),
        Ok(Answer::Unloadable(detail)) => Err(Lost::Unloadable(shortened(&detail))),
        // No file has been sent yet, so that none is to blame.
        Ok(_) => Err(Lost::Unloadable("the worker says something else".to_owned())),
        Err(error) => Err(Lost::Unloadable(format!("the worker does not load it: {error}"))),
    }
}

fn pages(output: &mut ChildStdout, limits: &PdfLimits) -> Result<Pages, Lost> {
    let mut pages = Vec::new();
    loop {
        match frame::read(output, frame::page_header(limits))? {
            Answer::Page(header) if pages.len() < limits.max_pages => {
                pages.push(frame::read_page(output, header, limits)?);
            }
            Answer::End { in_file } if in_file >= pages.len() && !pages.is_empty() => {
                return Ok(Pages { pages, in_file });
            }
            Answer::Refused(refusal) => return Err(Lost::Refused(refusal.into_error(limits))),
            _ => return Err(io::Error::from(io::ErrorKind::InvalidData).into()),
        }
    }
}

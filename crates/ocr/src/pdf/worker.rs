//! The process that PDFium runs in: reads a file from standard input, writes its pages to standard output.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use crossbeam_channel::bounded;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::frame::{self, Answer, PLAIN, Refusal, Request};
use super::reader::Library;

/// Most memory that may be addressed, PDFium's code and our own included. What one page may take inside the limits is
/// a fraction of it.
const MEMORY: u64 = 2 << 30;

/// Serves the program that started this one ([`Pdfium`](super::Pdfium)) until it closes standard input: loads PDFium
/// from `library`, reads a file, answers with its pages. The process exits when standard input ends, whatever PDFium is
/// doing, so that it never outlives its parent.
///
/// It takes rights away from its process for good (memory, files that are written, core dumps): do nothing else in it.
pub fn serve_worker(library: &Path) -> ExitCode {
    if serve(library).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn serve(library: &Path) -> io::Result<()> {
    confine()?;
    let mut out = io::stdout().lock();
    let library = match Library::load(library) {
        Ok(library) => library,
        Err(detail) => return send(&mut out, &Answer::Unloadable(detail)),
    };
    send(&mut out, &Answer::Ready)?;
    let (files, file) = bounded(0);
    std::thread::Builder::new().name("input".to_owned()).spawn(move || {
        let mut input = io::stdin().lock();
        while let Ok(request) = next(&mut input) {
            if files.send(request).is_err() {
                break;
            }
        }
        // Whoever asked has gone.
        std::process::exit(0);
    })?;
    for (request, bytes) in file {
        if let Err(refusal) = answer(&library, &request, &bytes, &mut out)? {
            send(&mut out, &Answer::Refused(refusal))?;
        }
    }
    Ok(())
}

/// No more memory than any page needs, no files, and no core dump, which would hold somebody's document.
fn confine() -> io::Result<()> {
    let limits = [(Resource::As, MEMORY), (Resource::Fsize, 0), (Resource::Core, 0)];
    for (resource, most) in limits {
        // What the system allows may be less already.
        let most = getrlimit(resource).maximum.map_or(most, |allowed| allowed.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

fn next(input: &mut impl Read) -> io::Result<(Request, Vec<u8>)> {
    let request: Request = frame::read(input, PLAIN)?;
    let bytes = frame::read_bytes(input, request.bytes)?;
    Ok((request, bytes))
}

fn answer(
    library: &Library,
    request: &Request,
    bytes: &[u8],
    out: &mut impl Write,
) -> io::Result<Result<(), Refusal>> {
    let file = match library.open(bytes) {
        Ok(file) => file,
        Err(refusal) => return Ok(Err(refusal)),
    };
    for index in 0..file.pages.min(request.limits.max_pages) {
        match file.page(index, &request.limits) {
            Ok(page) => frame::write_page(out, &page)?,
            Err(refusal) => return Ok(Err(refusal)),
        }
    }
    send(out, &Answer::End { in_file: file.pages })?;
    Ok(Ok(()))
}

fn send(out: &mut impl Write, answer: &Answer) -> io::Result<()> {
    frame::write(out, answer)?;
    out.flush()
}

//! What the tests of this room share: tiny archives and a tiny server.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::digest::Digest;
use crate::manifest::Manifest;
use crate::progress::Progress;

/// Writes a zip file with these members, names as they are.
pub(crate) fn make_zip(path: &Path, members: &[(&str, &[u8])]) {
    let mut zip = zip::ZipWriter::new(File::create(path).expect("file"));
    for (name, bytes) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("member");
        zip.write_all(bytes).expect("bytes");
    }
    zip.finish().expect("zip");
}

/// Writes a tar.gz file with these members, names as they are, safe or not.
pub(crate) fn make_sdist(path: &Path, members: &[(&str, &[u8])]) {
    let gz = flate2::write::GzEncoder::new(File::create(path).expect("file"), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gz);
    for (name, bytes) in members {
        let mut header = tar::Header::new_old();
        // The crate's own setter refuses the names these tests are about.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, *bytes).expect("member");
    }
    tar.into_inner().expect("tar").finish().expect("gz");
}

/// How the server answers one request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// The whole body, or from where the request's range begins.
    Whole,
    /// The announced length, but the connection closes after so many bytes of the body.
    CutAfter(usize),
    /// The whole body, whatever range was asked for.
    IgnoreRange,
    /// Only a status.
    Status(u16),
}

/// A server that gives the listed answers in turn, then repeats the last one; it ends with the test.
pub(crate) struct Server {
    pub url: String,
    /// The value of each request's `Range` header, `-` when there was none.
    pub ranges: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start(body: Vec<u8>, answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://127.0.0.1:{}/file.bin", listener.local_addr().expect("address").port());
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&ranges);
        thread::spawn(move || {
            let mut turn = answers.iter().copied();
            let mut now = Answer::Whole;
            for stream in listener.incoming().map_while(Result::ok) {
                now = turn.next().unwrap_or(now);
                let mut reader = BufReader::new(stream);
                let mut range = "-".to_owned();
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
                        break;
                    }
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("range:") {
                        value.trim().clone_into(&mut range);
                    }
                }
                let from =
                    range.strip_prefix("bytes=").and_then(|r| r.trim_end_matches('-').parse::<usize>().ok());
                log.lock().expect("log").push(range);
                // A client that went away is no business of the server's.
                let _ = reply(reader.get_mut(), &body, from, now);
            }
        });
        Self { url, ranges }
    }

    pub(crate) fn ranges(&self) -> Vec<String> {
        self.ranges.lock().expect("log").clone()
    }
}

fn reply(out: &mut impl Write, body: &[u8], from: Option<usize>, answer: Answer) -> std::io::Result<()> {
    if let Answer::Status(code) = answer {
        return write!(out, "HTTP/1.1 {code} Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let from = from.filter(|_| !matches!(answer, Answer::IgnoreRange));
    let rest = &body[from.unwrap_or(0).min(body.len())..];
    let head = match from {
        Some(n) => {
            format!("206 Partial Content\r\nContent-Range: bytes {n}-{}/{}", body.len() - 1, body.len())
        }
        None => "200 OK".to_owned(),
    };
    write!(out, "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", rest.len())?;
    match answer {
        Answer::CutAfter(n) => out.write_all(&rest[..n.min(rest.len())]),
        _ => out.write_all(rest),
    }
}

/// A manifest of one item `eye@1` for the task `see`, with one file `eye.bin`, and `extra` keys of the file.
pub(crate) fn one_file(url: &str, content: &[u8], extra: &str) -> Manifest {
    let (sha256, size) = (Digest::of(content), content.len());
    Manifest::parse(&format!(
        r#"
schema = 1
[tasks.see]
about = "Sees."
prefer = ["eye"]
[packs.default]
about = "All."
[packs.default.tasks]
see = ["eye"]
[[item]]
name = "eye"
version = "1"
task = "see"
licence = "MIT"
card = "eye.md"
[[item.file]]
name = "eye.bin"
source = "{url}"
sha256 = "{sha256}"
size = {size}
{extra}
"#
    ))
    .expect("a valid manifest")
}

/// Keeps everything it is told.
#[derive(Default)]
pub(crate) struct Log(pub RefCell<Vec<String>>);

impl Log {
    pub(crate) fn count(&self, part: &str) -> usize {
        self.0.borrow().iter().filter(|l| l.contains(part)).count()
    }
}

impl Progress for Log {
    fn begin(&self, file: &str, total: u64) {
        self.0.borrow_mut().push(format!("begin {file} {total}"));
    }
    fn advance(&self, bytes: u64) {
        self.0.borrow_mut().push(format!("advance {bytes}"));
    }
    fn end(&self, file: &str, outcome: &str) {
        self.0.borrow_mut().push(format!("end {file}: {outcome}"));
    }
    fn message(&self, text: &str) {
        self.0.borrow_mut().push(format!("message {text}"));
    }
}

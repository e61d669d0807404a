//! One file over HTTPS: streamed, resumed, capped at the length the manifest names.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use reqwest::header::{CONTENT_RANGE, RANGE};

use crate::error::PackError;
use crate::progress::Progress;
use crate::source::loopback;

const CONNECT: Duration = Duration::from_secs(15);
/// Longest silence while a body arrives.
const SILENCE: Duration = Duration::from_secs(30);

/// How often a download is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// Attempts that may pass without one new byte before giving up.
    pub attempts: u32,
    /// Wait before the second attempt; it doubles each time.
    pub first_wait: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 4, first_wait: Duration::from_millis(500) }
    }
}

/// How an attempt ended short of a whole file.
enum Stop {
    /// Worth another attempt.
    Again(String),
    /// Not worth one.
    Final(PackError),
}

/// Fetches `url` into `part`, going on where an earlier attempt stopped. On success `part` has exactly
/// `size` bytes; its content is not checked here.
pub(crate) fn fetch(
    url: &str,
    part: &Path,
    size: u64,
    retry: Retry,
    progress: &dyn Progress,
) -> Result<(), PackError> {
    let failed = |detail: String| PackError::Http { url: url.to_owned(), detail };
    let mut client = Client::builder()
        .user_agent(concat!("innkeeper/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .timeout(SILENCE);
    if loopback(url) {
        client = client.no_proxy();
    }
    let client = client.build().map_err(|e| failed(reason(&e)))?;
    let mut told = length(part);
    progress.advance(told);
    let (mut idle, mut wait) = (0, retry.first_wait);
    loop {
        let before = length(part);
        let stop = match attempt(&client, url, part, size, &mut told, progress) {
            Ok(()) => return Ok(()),
            Err(Stop::Final(error)) => return Err(error),
            Err(Stop::Again(detail)) => detail,
        };
        if length(part) > before {
            (idle, wait) = (0, retry.first_wait);
        }
        idle += 1;
        if idle >= retry.attempts {
            return Err(failed(format!("{stop} (after {idle} attempts)")));
        }
        progress.message(&format!("{url}: {stop}; trying again"));
        thread::sleep(wait);
        wait *= 2;
    }
}

fn attempt(
    client: &Client,
    url: &str,
    part: &Path,
    size: u64,
    told: &mut u64,
    progress: &dyn Progress,
) -> Result<(), Stop> {
    let have = length(part);
    if have == size {
        return Ok(());
    }
    if have > size {
        restart(part)?;
        return Err(Stop::Again("the part kept from before is too long".into()));
    }
    let mut request = client.get(url);
    if have > 0 {
        request = request.header(RANGE, format!("bytes={have}-"));
    }
    let mut response = request.send().map_err(|e| Stop::Again(reason(&e)))?;
    let (mut file, mut length) = open(&response, url, part, have)?;
    let mut piece = vec![0; 64 * 1024];
    loop {
        let n = match response.read(&mut piece) {
            Ok(0) if length == size => break,
            Ok(0) => return Err(Stop::Again(format!("it ended after {length} of {size} bytes"))),
            Ok(n) => n,
            Err(e) => return Err(Stop::Again(reason(&e))),
        };
        length += n as u64;
        if length > size {
            drop(file);
            restart(part)?;
            return Err(Stop::Final(PackError::Size { file: url.to_owned(), expected: size, found: length }));
        }
        file.write_all(&piece[..n]).map_err(|e| Stop::Final(PackError::io("write", part)(e)))?;
        // Bytes that are fetched a second time were reported the first time.
        if length > *told {
            progress.advance(length - *told);
            *told = length;
        }
    }
    file.sync_all().map_err(|e| Stop::Final(PackError::io("write", part)(e)))
}

/// Opens the part for what the server is about to send, and says how much of it is kept.
fn open(response: &Response, url: &str, part: &Path, have: u64) -> Result<(File, u64), Stop> {
    let io = |e| Stop::Final(PackError::io("open", part)(e));
    let status = response.status();
    let starts_at_have = response
        .headers()
        .get(CONTENT_RANGE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.starts_with(&format!("bytes {have}-")));
    if have > 0 && status == StatusCode::PARTIAL_CONTENT && starts_at_have {
        return Ok((OpenOptions::new().append(true).open(part).map_err(io)?, have));
    }
    if status == StatusCode::OK {
        return Ok((File::create(part).map_err(io)?, 0));
    }
    if matches!(status, StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE) {
        restart(part)?;
        return Err(Stop::Again(format!("the server answered {status} to a resumed download")));
    }
    let passing = status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    let detail = format!("the server answered {status}");
    Err(if passing {
        Stop::Again(detail)
    } else {
        Stop::Final(PackError::Http { url: url.to_owned(), detail })
    })
}

fn restart(part: &Path) -> Result<(), Stop> {
    fs::remove_file(part).map_err(|e| Stop::Final(PackError::io("remove", part)(e)))
}

fn length(part: &Path) -> u64 {
    fs::metadata(part).map_or(0, |m| m.len())
}

/// The innermost words of an error: `error sending request` alone helps nobody.
fn reason(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}

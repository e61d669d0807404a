//! Tab-separated lists of labelled files, as datasets/README.md describes them.

use std::collections::HashMap;
use std::path::Path;

use super::Failure;

/// A line of a tab-separated file, by column name.
pub(super) struct Row(HashMap<String, String>);

impl Row {
    /// The cell, empty where there is none.
    pub fn get(&self, column: &str) -> &str {
        self.0.get(column).map_or("", String::as_str)
    }
}

/// The rows below a header line.
pub(super) fn read_rows(path: &Path) -> Result<Vec<Row>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    if !header.contains(&"path") && !header.contains(&"a") {
        return Err(format!(
            "{} has no column `path`; datasets/README.md describes the format",
            path.display()
        )
        .into());
    }
    Ok(lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            Row(header.iter().map(|h| (*h).to_owned()).zip(line.split('\t').map(str::to_owned)).collect())
        })
        .collect())
}

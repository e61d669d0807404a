use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use csv::ByteRecord;
use serde_json::{Map, Value};

use super::{MAX_COLUMNS, SourceError};

/// Longest JSON text that is read, in bytes: it is held in memory.
const MAX_TEXT: u64 = 256 << 20;
/// Deepest member of an object that is a column.
const MAX_DEPTH: usize = 8;

/// The objects of a JSON list, each a row: `{"rate": {"amount": 5}}` has the column `rate.amount`.
pub(super) struct Objects {
    names: Vec<String>,
    rows: std::vec::IntoIter<Map<String, Value>>,
    given: u64,
}

impl Objects {
    /// Whether a text begins as a list or an object does.
    pub(super) fn begins(start: &[u8]) -> bool {
        let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
        matches!(start.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'[' | b'{'))
    }

    /// Reads the list, and which columns hold lists and are not read. Of an object the only list of objects inside it is taken.
    pub(super) fn open(path: &Path, file: File) -> Result<(Self, Vec<String>), SourceError> {
        let broken = |what: String| SourceError::Json { path: path.to_owned(), what };
        let mut text = Vec::new();
        let read = BufReader::new(file).take(MAX_TEXT + 1).read_to_end(&mut text);
        read.map_err(|error| SourceError::Io { path: path.to_owned(), error })?;
        if text.len() as u64 > MAX_TEXT {
            return Err(broken(format!("it is longer than {MAX_TEXT} bytes; CSV and Parquet may be longer")));
        }
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        let whole: Value = serde_json::from_slice(text).map_err(|error| broken(error.to_string()))?;
        let mut lists = Vec::new();
        lists_in(whole, String::new(), 0, &mut lists);
        let (name, list) = match lists.len() {
            1 => lists.swap_remove(0),
            0 => return Err(broken("it holds no list of objects".to_owned())),
            _ => {
                let names: Vec<String> = lists.into_iter().map(|(name, _)| name).collect();
                return Err(broken(format!("it holds several lists of objects: {}", names.join(", "))));
            }
        };
        let (mut names, mut unread, mut rows) = (Vec::new(), Vec::new(), Vec::with_capacity(list.len()));
        for (place, item) in list.into_iter().enumerate() {
            let Value::Object(item) = item else {
                let name = if name.is_empty() { "the list" } else { &name };
                return Err(broken(format!("item {} of {name} is no object", place + 1)));
            };
            columns(&item, "", 0, &mut names, &mut unread);
            if names.len() > MAX_COLUMNS {
                return Err(SourceError::TooManyColumns { line: place as u64 + 2, columns: names.len() });
            }
            rows.push(item);
        }
        if names.is_empty() {
            return Err(SourceError::Empty(path.to_owned()));
        }
        Ok((Self { names, rows: rows.into_iter(), given: 0 }, unread))
    }

    pub(super) fn header(&self) -> Vec<String> {
        self.names.clone()
    }

    /// The next row, and its line as if it stood below a header.
    pub(super) fn next(&mut self, record: &mut ByteRecord) -> Option<u64> {
        let row = self.rows.next()?;
        record.clear();
        for name in &self.names {
            record.push_field(member(&row, name).map(text).unwrap_or_default().as_bytes());
        }
        self.given += 1;
        Some(self.given + 1)
    }
}

/// Lists whose first item is an object, or that are the whole text, with where they stand.
fn lists_in(value: Value, at: String, depth: usize, found: &mut Vec<(String, Vec<Value>)>) {
    match value {
        Value::Array(items) if depth == 0 || matches!(items.first(), Some(Value::Object(_))) => {
            found.push((at, items));
        }
        Value::Object(members) if depth < MAX_DEPTH => {
            for (name, member) in members {
                let at = if at.is_empty() { name } else { format!("{at}.{name}") };
                lists_in(member, at, depth + 1, found);
            }
        }
        _ => {}
    }
}

/// Adds the names of the members that have a text, and those that have none.
fn columns(
    of: &Map<String, Value>,
    at: &str,
    depth: usize,
    names: &mut Vec<String>,
    unread: &mut Vec<String>,
) {
    for (name, member) in of {
        let name = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        let (list, deep) = match member {
            Value::Object(members) if depth < MAX_DEPTH => {
                columns(members, &name, depth + 1, names, unread);
                continue;
            }
            Value::Array(_) | Value::Object(_) => (&mut *unread, true),
            _ => (&mut *names, false),
        };
        if !list.contains(&name) && (deep || list.len() <= MAX_COLUMNS) {
            list.push(name);
        }
    }
}

/// The member of a name with points; the names themselves may hold points.
fn member<'a>(of: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = of.get(name) {
        return Some(value);
    }
    name.match_indices('.').find_map(|(point, _)| match of.get(name.get(..point)?)? {
        Value::Object(inner) => member(inner, name.get(point + 1..)?),
        _ => None,
    })
}

/// A value as the text it would be in a CSV file; nothing for null and for lists.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(is) => is.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

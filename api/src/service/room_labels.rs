//! The names of tags.

/// Longest label, in bytes.
const LONGEST: usize = 64;

/// Whether a text can be a label: letters, digits and underscores. Any label a hotel can spell it may teach.
pub(crate) fn is_label(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_plain_word() {
        for good in ["bed_unmade", "Minibar2", &"a".repeat(LONGEST)] {
            assert!(is_label(good), "{good}");
        }
        for bad in ["", "bed unmade", "bed-unmade", "é", "a.b", &"a".repeat(LONGEST + 1)] {
            assert!(!is_label(bad), "{bad}");
        }
    }
}

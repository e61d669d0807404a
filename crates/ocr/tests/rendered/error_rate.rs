//! How far a reading is from the truth.

/// Least number of insertions, deletions and substitutions that make one text the other.
pub fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Character error rate of a reading: edits by characters of the truth, white space of any kind and amount as one
/// space.
pub fn character_error_rate(truth: &str, read: &str) -> f32 {
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (truth, read) = (squeezed(truth), squeezed(read));
    edits(&truth, &read) as f32 / truth.chars().count().max(1) as f32
}

//! How well pages were read, against their true lines.
//!
//! Truth and reading are lists of lines with boxes ([`Told`]). Letters count without case, for the usual truth
//! files of receipts are in capitals whatever is printed. [`compare`] counts one page, counts add up over pages, and
//! [`Counts::scores`] makes the figures of them:
//!
//! - `cer`, character error rate end to end: all lines in reading order, spaces left out, put together to one
//!   text for each page; the edit distance between the two texts (V. I. Levenshtein, 1966), over all pages, by the
//!   characters of the truth. Lines that were missed, invented or split in the wrong place all cost. Reading order
//!   here: a row begins with the highest line that is left, and holds those whose middles lie less than half the
//!   usual height below its own; rows are read from left to right.
//! - `word_f1`: words, cut at spaces, that both have, each as often as it occurs, wherever they stand.
//! - `line_exact`: true lines with a matching box that was read exactly, spaces left out, by all true lines.
//! - `det_f1`: boxes that match, each with one other at most, by an intersection over union of at least
//!   [`OVERLAP`] of their upright bounds, the closest pairs first.

use std::collections::HashMap;
use std::ops::AddAssign;

use innkeeper_core::Rect;

use crate::PageText;

/// Intersection over union from which on two boxes match.
pub const OVERLAP: f32 = 0.5;

/// A line and its upright bounds, in any unit as long as truth and reading share it.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Where it stands.
    pub bounds: Rect,
    /// What it says.
    pub text: String,
}

/// The lines of a page in pixels of the page as it was sent, where its truth was drawn.
pub fn told(page: &PageText) -> Vec<Told> {
    let line =
        |line: &crate::Line| Told { bounds: page.on_sent(&line.quad).bounds(), text: line.text.clone() };
    page.lines.iter().map(line).collect()
}

/// The lines of a truth file: `x1,y1,x2,y2,x3,y3,x4,y4,text`, one a line, the text with commas of its own
/// (ICDAR 2019, scanned receipts). A line of another form is `Err` with its number, from 1 on.
pub fn truth(text: &str) -> Vec<Result<Told, usize>> {
    let line = |(number, line): (usize, &str)| -> Option<Result<Told, usize>> {
        if line.trim().is_empty() {
            return None;
        }
        let mut fields = line.trim_start_matches('\u{feff}').splitn(9, ',');
        let mut corners = [0.0_f32; 8];
        for corner in &mut corners {
            match fields.next().and_then(|field| field.trim().parse::<f32>().ok()).filter(|v| v.is_finite()) {
                Some(value) => *corner = value,
                None => return Some(Err(number + 1)),
            }
        }
        let Some(text) = fields.next() else { return Some(Err(number + 1)) };
        let ends = |from: usize| {
            let values = || corners.iter().skip(from).step_by(2).copied();
            (values().fold(f32::INFINITY, f32::min), values().fold(f32::NEG_INFINITY, f32::max))
        };
        let ((left, right), (top, bottom)) = (ends(0), ends(1));
        Some(Ok(Told { bounds: Rect::from_corners(left, top, right, bottom), text: text.trim().to_owned() }))
    };
    text.lines().enumerate().filter_map(line).collect()
}

/// What was counted on pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Pages.
    pub pages: usize,
    /// Edit distance of the pages' texts.
    pub edits: usize,
    /// Characters of the truth, spaces left out.
    pub characters: usize,
    /// Words that both have.
    pub words_found: usize,
    /// Words of the truth.
    pub words_true: usize,
    /// Words that were read.
    pub words_read: usize,
    /// Pairs of matching boxes.
    pub boxes_found: usize,
    /// Lines of the truth.
    pub lines_true: usize,
    /// Lines that were read.
    pub lines_read: usize,
    /// Pairs of matching boxes with the same text.
    pub lines_exact: usize,
}

/// The figures of a set of pages; `None` where there is nothing to divide by.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct Scores {
    /// Character error rate, 0 and up.
    pub cer: Option<f64>,
    /// Harmonic mean of the precision and recall of words, 0 to 1.
    pub word_f1: Option<f64>,
    /// Share of true lines that were read exactly, 0 to 1.
    pub line_exact: Option<f64>,
    /// Harmonic mean of the precision and recall of boxes, 0 to 1.
    pub det_f1: Option<f64>,
    /// Pages.
    pub n: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.pages += other.pages;
        self.edits += other.edits;
        self.characters += other.characters;
        self.words_found += other.words_found;
        self.words_true += other.words_true;
        self.words_read += other.words_read;
        self.boxes_found += other.boxes_found;
        self.lines_true += other.lines_true;
        self.lines_read += other.lines_read;
        self.lines_exact += other.lines_exact;
    }
}

impl Counts {
    /// The figures; how each is defined stands at the head of this module.
    pub fn scores(&self) -> Scores {
        let ratio = |part: usize, whole: usize| (whole > 0).then(|| part as f64 / whole as f64);
        Scores {
            cer: ratio(self.edits, self.characters),
            word_f1: ratio(2 * self.words_found, self.words_true + self.words_read),
            line_exact: ratio(self.lines_exact, self.lines_true),
            det_f1: ratio(2 * self.boxes_found, self.lines_true + self.lines_read),
            n: self.pages,
        }
    }
}

/// Counts one page.
pub fn compare(truth: &[Told], read: &[Told]) -> Counts {
    let (wanted, got) = (whole(truth), whole(read));
    let (words_true, words_read) = (words(truth), words(read));
    let found = words_true.iter().map(|(word, n)| n.min(words_read.get(word).unwrap_or(&0))).sum();
    let pairs = matches(truth, read);
    let exact = pairs.iter().filter(|(t, r)| plain(&truth[*t].text) == plain(&read[*r].text)).count();
    Counts {
        pages: 1,
        edits: distance(&wanted, &got),
        characters: wanted.len(),
        words_found: found,
        words_true: words_true.values().sum(),
        words_read: words_read.values().sum(),
        boxes_found: pairs.len(),
        lines_true: truth.len(),
        lines_read: read.len(),
        lines_exact: exact,
    }
}

/// Text without spaces and case.
fn plain(text: &str) -> Vec<char> {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect()
}

fn words(lines: &[Told]) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for word in lines.iter().flat_map(|line| line.text.split_whitespace()) {
        *counts.entry(word.to_uppercase()).or_default() += 1;
    }
    counts
}

/// All lines as one text, in reading order.
fn whole(lines: &[Told]) -> Vec<char> {
    let mut sorted: Vec<&Told> = lines.iter().collect();
    sorted.sort_by(|a, b| a.bounds.centre().y.total_cmp(&b.bounds.centre().y));
    let mut heights: Vec<f32> = lines.iter().map(|line| line.bounds.h).collect();
    heights.sort_by(f32::total_cmp);
    let usual = heights.get(heights.len() / 2).copied().unwrap_or(0.0);
    let mut rows: Vec<Vec<&Told>> = Vec::new();
    for line in sorted {
        let near = |row: &Vec<&Told>| {
            row.first().is_some_and(|first| line.bounds.centre().y - first.bounds.centre().y < usual / 2.0)
        };
        match rows.last_mut().filter(|row| near(row)) {
            Some(row) => row.push(line),
            None => rows.push(vec![line]),
        }
    }
    for row in &mut rows {
        row.sort_by(|a, b| a.bounds.x.total_cmp(&b.bounds.x));
    }
    rows.iter().flatten().flat_map(|line| plain(&line.text)).collect()
}

/// Pairs of a true and a read line, the closest first, each line in one pair at most.
fn matches(truth: &[Told], read: &[Told]) -> Vec<(usize, usize)> {
    let mut near: Vec<(f32, usize, usize)> = Vec::new();
    for (t, wanted) in truth.iter().enumerate() {
        let close = read.iter().enumerate().map(|(r, got)| (wanted.bounds.iou(&got.bounds), t, r));
        near.extend(close.filter(|(overlap, ..)| *overlap >= OVERLAP));
    }
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut taken, mut given) = (vec![false; truth.len()], vec![false; read.len()]);
    let mut pairs = Vec::new();
    for (_, t, r) in near {
        if !taken[t] && !given[r] {
            (taken[t], given[r]) = (true, true);
            pairs.push((t, r));
        }
    }
    pairs
}

/// Fewest insertions, deletions and exchanges that make one text of the other.
pub fn distance(a: &[char], b: &[char]) -> usize {
    let mut costs: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut before = i;
        let mut left = i + 1;
        for (cost, y) in costs.iter_mut().skip(1).zip(b) {
            let exchanged = before + usize::from(x != y);
            before = *cost;
            left = exchanged.min(*cost + 1).min(left + 1);
            *cost = left;
        }
        if let Some(first) = costs.first_mut() {
            *first = i + 1;
        }
    }
    costs.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(x: f32, y: f32, text: &str) -> Told {
        Told { bounds: Rect { x, y, w: 100.0, h: 20.0 }, text: text.to_owned() }
    }

    fn chars(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    #[test]
    fn edit_distances_known_by_hand() {
        for (a, b, wanted) in
            [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("flaw", "lawn", 2), ("", "", 0)]
        {
            assert_eq!(distance(&chars(a), &chars(b)), wanted, "{a} {b}");
        }
    }

    #[test]
    fn a_perfect_reading_scores_perfectly_whatever_its_case_spaces_and_order() {
        let truth = [line(0.0, 0.0, "TOTAL DUE"), line(200.0, 2.0, "9.50"), line(0.0, 40.0, "THANK YOU")];
        let read = [line(0.0, 41.0, "Thank You"), line(201.0, 0.0, "9.50"), line(0.0, 1.0, "Total Due")];
        let scores = compare(&truth, &read).scores();
        assert_eq!(
            scores,
            Scores { cer: Some(0.0), word_f1: Some(1.0), line_exact: Some(1.0), det_f1: Some(1.0), n: 1 }
        );
    }

    #[test]
    fn a_missed_line_an_invented_one_and_a_wrong_letter_each_cost() {
        let truth = [line(0.0, 0.0, "AB"), line(0.0, 40.0, "CD"), line(0.0, 80.0, "EF")];
        let read = [line(0.0, 0.0, "AX"), line(0.0, 40.0, "CD"), line(0.0, 200.0, "GHI")];
        let counts = compare(&truth, &read);
        assert_eq!((counts.edits, counts.characters), (4, 6));
        assert_eq!((counts.boxes_found, counts.lines_exact, counts.words_found), (2, 1, 1));
        let mut twice = counts;
        twice += counts;
        assert_eq!(twice.scores().n, 2);
        assert_eq!(twice.scores().cer, counts.scores().cer);
    }

    #[test]
    fn a_box_matches_one_other_only() {
        let truth = [line(0.0, 0.0, "A")];
        assert_eq!(compare(&truth, &[line(0.0, 0.0, "A"), line(1.0, 0.0, "A")]).boxes_found, 1);
        assert_eq!(compare(&truth, &[line(60.0, 0.0, "A")]).boxes_found, 0);
    }

    #[test]
    fn what_cannot_be_divided_is_none() {
        assert_eq!(Counts::default().scores(), Scores::default());
        assert_eq!(compare(&[], &[line(0.0, 0.0, "A")]).scores().cer, None);
    }

    #[test]
    fn a_truth_line_keeps_the_commas_of_its_text_and_a_broken_one_is_told_by_number() {
        let lines = truth("\u{feff}1,2,11,2,11,22,1,22,LOT 5, JALAN\r\n\n1,2,x\n");
        assert_eq!(lines.len(), 2);
        let first = lines[0].as_ref().unwrap();
        assert_eq!(
            (first.text.as_str(), first.bounds),
            ("LOT 5, JALAN", Rect { x: 1.0, y: 2.0, w: 10.0, h: 20.0 })
        );
        assert_eq!(lines[1], Err(3));
    }

    proptest::proptest! {
        #[test]
        fn the_distance_is_symmetric_and_at_most_the_longer_text(a in "[ab]{0,12}", b in "[ab]{0,12}") {
            let (a, b) = (chars(&a), chars(&b));
            let d = distance(&a, &b);
            proptest::prop_assert_eq!(d, distance(&b, &a));
            proptest::prop_assert!(d <= a.len().max(b.len()) && d >= a.len().abs_diff(b.len()));
            proptest::prop_assert_eq!(d == 0, a == b);
        }
    }
}

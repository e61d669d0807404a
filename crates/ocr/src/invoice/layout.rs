//! Rows of a page.
//!
//! A printed row may have been detected as several lines (description, quantity, amount). Lines are put into rows by
//! where their middles lie once the page's remaining tilt is taken out; what is read and parsed once is kept here.

use std::ops::Range;

use innkeeper_core::Rect;

use super::dates::{self, Printed};
use super::numbers::{self, DecimalMark, Number};
use super::words::{Topics, fold, topics};
use crate::{Line, PageText, Quad};

/// Lines that are looked at in one document; a bill of more lines is cut, and the answer says so.
pub(super) const MOST_LINES: usize = 4000;
/// Characters of one line that are looked at.
const MOST_CHARACTERS: usize = 400;
/// Rows above that a line is compared with.
const OPEN_ROWS: usize = 12;

/// A detected line with what was parsed from it.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    /// Page, from 0.
    pub page: usize,
    /// Where it stands on the page as it was sent.
    pub quad: Quad,
    /// Box after the tilt was taken out.
    pub rect: Rect,
    /// Its characters.
    pub text: String,
    /// The characters in folded form.
    pub folded: String,
    /// What they speak of.
    pub topics: Topics,
    /// Mean probability of its characters.
    pub confidence: f32,
    /// Numbers that are no part of a date.
    pub numbers: Vec<Number>,
    /// Dates.
    pub dates: Vec<Printed>,
    /// Left and right edge of each character, 0 to 1 along the line.
    spans: Vec<(f32, f32)>,
}

impl Cell {
    /// Left and right edge of some of its characters, in pixels without tilt.
    pub fn span(&self, chars: &Range<usize>) -> (f32, f32) {
        let start = self.spans.get(chars.start).map_or(0.0, |s| s.0);
        let end = chars.end.checked_sub(1).and_then(|i| self.spans.get(i)).map_or(1.0, |s| s.1);
        (self.rect.x + start * self.rect.w, self.rect.x + end * self.rect.w)
    }

    /// Where some of its characters stand on the page as it was sent.
    pub fn place(&self, chars: &Range<usize>) -> Rect {
        let start = self.spans.get(chars.start).map_or(0.0, |s| s.0);
        let end = chars.end.checked_sub(1).and_then(|i| self.spans.get(i)).map_or(1.0, |s| s.1);
        let [tl, tr, br, bl] = self.quad.0;
        let along = |a: innkeeper_core::Point, b: innkeeper_core::Point, t: f32| innkeeper_core::Point {
            x: a.x + (b.x - a.x) * t,
            y: a.y + (b.y - a.y) * t,
        };
        Quad([along(tl, tr, start), along(tl, tr, end), along(bl, br, end), along(bl, br, start)]).bounds()
    }

    /// Some of its characters.
    pub fn slice(&self, chars: Range<usize>) -> String {
        self.text.chars().skip(chars.start).take(chars.len()).collect()
    }
}

/// Lines that stand side by side, left to right.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Page, from 0.
    pub page: usize,
    /// Its lines, left to right.
    pub cells: Vec<Cell>,
    /// Their text with spaces between.
    pub text: String,
    /// The same, folded.
    pub folded: String,
    /// What the row speaks of.
    pub topics: Topics,
    /// Its middle, in pixels from the top of its page, tilt taken out.
    pub middle: f32,
    /// Height of its lines.
    pub height: f32,
}

impl Row {
    /// The smallest box around its lines, without tilt.
    pub fn rect(&self) -> Rect {
        let mut cells = self.cells.iter().map(|c| c.rect);
        let first = cells.next().unwrap_or_default();
        cells.fold(first, |a, b| {
            Rect::from_corners(
                a.x.min(b.x),
                a.y.min(b.y),
                a.right().max(b.right()),
                a.bottom().max(b.bottom()),
            )
        })
    }

    /// Lowest confidence of its lines.
    pub fn confidence(&self) -> f32 {
        self.cells.iter().map(|c| c.confidence).fold(1.0, f32::min)
    }

    /// Letters in it.
    pub fn letters(&self) -> usize {
        self.text.chars().filter(|c| c.is_alphabetic()).count()
    }
}

/// A document as rows.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Rows, page by page, from top to bottom.
    pub rows: Vec<Row>,
    /// Median height of a line.
    pub text_height: f32,
    /// Box around all text, per page, without tilt.
    pub extent: Vec<Rect>,
    /// What was left out.
    pub notes: Vec<String>,
}

impl Layout {
    /// Rows of the pages' lines.
    pub fn new(pages: &[PageText]) -> Self {
        let mut notes = Vec::new();
        let total: usize = pages.iter().map(|p| p.lines.len()).sum();
        if total > MOST_LINES {
            notes.push(format!("{total} lines were read; fields were looked for in the first {MOST_LINES}"));
        }
        if pages.iter().flat_map(|p| &p.lines).take(MOST_LINES).any(|l| clip(&l.text).len() < l.text.len()) {
            notes.push(format!("of a line only the first {MOST_CHARACTERS} characters were looked at"));
        }
        let mut left = MOST_LINES;
        let mark = numbers::decimal_mark(
            pages.iter().flat_map(|p| &p.lines).take(MOST_LINES).map(|l| clip(&l.text)),
        );
        let mut rows = Vec::new();
        let mut extent = Vec::new();
        let mut heights = Vec::new();
        for (number, page) in pages.iter().enumerate() {
            let take = left.min(page.lines.len());
            left -= take;
            let lines = page.lines.get(..take).unwrap_or_default();
            let tilt = tilt(lines);
            let cells: Vec<Cell> = lines.iter().filter_map(|l| cell(l, page, number, tilt, mark)).collect();
            heights.extend(cells.iter().map(|c| c.rect.h));
            let mut around = cells.iter().map(|c| c.rect);
            let first = around.next().unwrap_or_default();
            extent.push(around.fold(first, |a, b| {
                Rect::from_corners(
                    a.x.min(b.x),
                    a.y.min(b.y),
                    a.right().max(b.right()),
                    a.bottom().max(b.bottom()),
                )
            }));
            rows.extend(into_rows(cells, number));
        }
        heights.sort_by(f32::total_cmp);
        let text_height = heights.get(heights.len() / 2).copied().unwrap_or(1.0).max(1.0);
        Self { rows, text_height, extent, notes }
    }

    /// All cells with the index of their row.
    pub fn cells(&self) -> impl Iterator<Item = (usize, &Cell)> {
        self.rows.iter().enumerate().flat_map(|(r, row)| row.cells.iter().map(move |c| (r, c)))
    }
}

fn clip(text: &str) -> &str {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

/// Radians by which the lines still fall to the right: the median over lines, long ones counting more.
fn tilt(lines: &[Line]) -> f32 {
    let mut angles: Vec<(f32, f32)> = lines
        .iter()
        .filter_map(|l| {
            let [tl, tr, br, bl] = l.quad.0;
            let (dx, dy) = ((tr.x + br.x - tl.x - bl.x) / 2.0, (tr.y + br.y - tl.y - bl.y) / 2.0);
            let height = f32::midpoint((bl.y - tl.y).abs(), (br.y - tr.y).abs());
            (dx > 3.0 * height && dx.is_finite() && dy.is_finite()).then_some((dy.atan2(dx), dx))
        })
        .collect();
    angles.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half: f32 = angles.iter().map(|a| a.1).sum::<f32>() / 2.0;
    let mut sum = 0.0;
    for (angle, weight) in angles {
        sum += weight;
        if sum >= half {
            return if angle.abs() < 0.35 { angle } else { 0.0 };
        }
    }
    0.0
}

fn cell(line: &Line, of: &PageText, page: usize, tilt: f32, mark: Option<DecimalMark>) -> Option<Cell> {
    let text = clip(&line.text).trim().to_owned();
    if text.is_empty() {
        return None;
    }
    let (sin, cos) = (-tilt).sin_cos();
    let turn = |p: &innkeeper_core::Point| innkeeper_core::Point {
        x: p.x * cos - p.y * sin,
        y: p.x * sin + p.y * cos,
    };
    let turned = Quad(line.quad.0.map(|p| turn(&p)));
    let bounds = turned.bounds();
    if ![bounds.x, bounds.y, bounds.w, bounds.h].iter().all(|v| v.is_finite()) {
        return None;
    }
    // The mean of the corners, not their extremes: a slanted box would reach into its neighbours' rows.
    let [tl, tr, br, bl] = turned.0;
    let rect = Rect::from_corners(
        bounds.x,
        f32::midpoint(tl.y, tr.y),
        bounds.right(),
        f32::midpoint(bl.y, br.y).max(f32::midpoint(tl.y, tr.y) + 1.0),
    );
    let dates = dates::find(&text);
    let numbers = numbers::find(&text, mark)
        .into_iter()
        .filter(|n| !dates.iter().any(|d| d.chars.start < n.chars.end && n.chars.start < d.chars.end))
        .collect();
    let folded = fold(&text);
    Some(Cell {
        page,
        quad: of.on_sent(&line.quad),
        rect,
        topics: topics(&folded),
        folded,
        confidence: if line.confidence.is_finite() { line.confidence.clamp(0.0, 1.0) } else { 0.0 },
        numbers,
        dates,
        spans: spans(&text, line),
        text,
    })
}

/// Where each character stands along the line: from the boxes of the words where they fit the text, else all
/// characters are as wide as the line allows.
fn spans(text: &str, line: &Line) -> Vec<(f32, f32)> {
    let count = text.chars().count().max(1);
    let even = |i: usize| (i as f32 / count as f32, (i + 1) as f32 / count as f32);
    let mut out: Vec<(f32, f32)> = (0..count).map(even).collect();
    let bounds = line.quad.bounds();
    let joined: Vec<&str> = text.split_whitespace().collect();
    let fits =
        joined.len() == line.words.len() && joined.iter().zip(&line.words).all(|(a, b)| *a == b.text.trim());
    if !fits || bounds.w <= 0.0 {
        return out;
    }
    let mut words = line.words.iter();
    let chars: Vec<char> = text.chars().collect();
    let mut i = 0;
    while i < chars.len() {
        if chars.get(i).is_some_and(|c| c.is_whitespace()) {
            i += 1;
            continue;
        }
        let length = chars.iter().skip(i).take_while(|c| !c.is_whitespace()).count();
        let Some(word) = words.next() else { break };
        let at = word.quad.bounds();
        let (start, end) = ((at.x - bounds.x) / bounds.w, (at.right() - bounds.x) / bounds.w);
        for k in 0..length {
            let part = |n: usize| (start + (end - start) * n as f32 / length as f32).clamp(0.0, 1.0);
            if let Some(span) = out.get_mut(i + k) {
                *span = (part(k), part(k + 1));
            }
        }
        i += length;
    }
    out
}

/// Puts lines into rows.
fn into_rows(mut cells: Vec<Cell>, page: usize) -> Vec<Row> {
    cells.sort_by(|a, b| {
        let (ya, yb) = (a.rect.centre().y, b.rect.centre().y);
        ya.total_cmp(&yb).then(a.rect.x.total_cmp(&b.rect.x))
    });
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for cell in cells {
        let from = rows.len().saturating_sub(OPEN_ROWS);
        let mut best: Option<(usize, f32)> = None;
        for (i, row) in rows.iter().enumerate().skip(from) {
            // The nearest line of the row decides: a page may be bent.
            let gap = |c: &Cell| (c.rect.x - cell.rect.right()).max(cell.rect.x - c.rect.right());
            let Some(near) = row.iter().min_by(|a, b| gap(a).total_cmp(&gap(b))) else { continue };
            let overlap = near.rect.right().min(cell.rect.right()) - near.rect.x.max(cell.rect.x);
            if overlap > 0.35 * near.rect.w.min(cell.rect.w) {
                continue;
            }
            let apart = (near.rect.centre().y - cell.rect.centre().y).abs();
            let limit = 0.5 * near.rect.h.min(cell.rect.h);
            if apart <= limit && best.is_none_or(|(_, d)| apart < d) {
                best = Some((i, apart));
            }
        }
        match best.and_then(|(i, _)| rows.get_mut(i)) {
            Some(row) => row.push(cell),
            None => rows.push(vec![cell]),
        }
    }
    let mut out: Vec<Row> = rows.into_iter().map(|cells| row(cells, page)).collect();
    out.sort_by(|a, b| a.middle.total_cmp(&b.middle));
    out
}

fn row(mut cells: Vec<Cell>, page: usize) -> Row {
    cells.sort_by(|a, b| a.rect.x.total_cmp(&b.rect.x));
    // A currency mark that was detected apart belongs to the number behind it.
    for i in 1..cells.len() {
        let mark = cells.get(i - 1).and_then(|c| super::currency::mark_alone(c.text.trim_start_matches('-')));
        let negative = cells.get(i - 1).is_some_and(|c| c.text.starts_with('-'));
        if let (Some(mark), Some(cell)) = (mark, cells.get_mut(i))
            && let Some(number) = cell.numbers.first_mut().filter(|n| n.chars.start == 0 && n.mark.is_none())
        {
            number.mark = Some(mark);
            if negative {
                number.value = -number.value.abs();
            }
        }
    }
    let text = cells.iter().map(|c| c.text.as_str()).collect::<Vec<_>>().join(" ");
    let folded = fold(&text);
    let mut heights: Vec<f32> = cells.iter().map(|c| c.rect.h).collect();
    heights.sort_by(f32::total_cmp);
    let middle = cells.iter().map(|c| c.rect.centre().y).sum::<f32>() / cells.len().max(1) as f32;
    Row {
        page,
        topics: topics(&folded),
        folded,
        text,
        middle,
        height: heights.get(heights.len() / 2).copied().unwrap_or(1.0),
        cells,
    }
}

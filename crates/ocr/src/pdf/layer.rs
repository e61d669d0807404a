//! The text layer of a page: characters with boxes, which become words and lines as OCR would give them.

use innkeeper_core::Rect;
use pdfium_render::prelude::{
    PdfPage, PdfPageAnnotationType, PdfPageObjectCommon, PdfPageObjectsCommon, PdfPageTextChar,
    PdfPageTextRenderMode, PdfPoints, PdfRect, PdfRenderConfig,
};

use crate::page::{Line, PageText, Quad, Word};

/// Fewer visible letters and digits are a stamp or a page number, not the page's text.
const FEWEST: usize = 20;
/// Share of characters without a meaning in Unicode from which on the font has no usable mapping.
const GARBAGE: f32 = 0.1;
/// Share of invisible or turned characters from which on the pixels say more than the layer.
const UNSEEN: f32 = 0.2;
/// Share of the page that one image covers in a scan.
const SCAN: f32 = 0.5;
/// Objects and annotations that are looked at; what comes later decides nothing.
const LOOKED_AT: usize = 5_000;
/// A gap between characters that separates words where no space is written, in heights of the letters.
const WORD_GAP: f32 = 0.25;
/// A gap between words that separates lines of one row (columns of a table), in heights.
const LINE_GAP: f32 = 1.2;

/// A character where it is seen.
struct Seen {
    letter: char,
    area: Rect,
    /// A space stands before it.
    apart: bool,
}

/// Points of the page to pixels of its picture: x = a + b*px + c*py, y likewise.
struct Mapping([f32; 6]);

impl Mapping {
    fn of(page: &PdfPage, config: &PdfRenderConfig) -> Option<Self> {
        // The binding answers in whole pixels, so that far points are asked for.
        const FAR: f32 = 1_000.0;
        let at = |x: f32, y: f32| {
            let (x, y) = page.points_to_pixels(PdfPoints::new(x), PdfPoints::new(y), config).ok()?;
            Some((x as f32, y as f32))
        };
        let ((x0, y0), (x1, y1), (x2, y2)) = (at(0.0, 0.0)?, at(FAR, 0.0)?, at(0.0, FAR)?);
        Some(Self([x0, (x1 - x0) / FAR, (x2 - x0) / FAR, y0, (y1 - y0) / FAR, (y2 - y0) / FAR]))
    }

    fn rect(&self, rect: &PdfRect) -> Rect {
        let [a, b, c, d, e, f] = self.0;
        let corner = |x: f32, y: f32| (a + b * x + c * y, d + e * x + f * y);
        let (x1, y1) = corner(rect.left().value, rect.top().value);
        let (x2, y2) = corner(rect.right().value, rect.bottom().value);
        Rect::from_corners(x1.min(x2), y1.min(y2), x1.max(x2), y1.max(y2))
    }
}

/// The page's text in pixels of its picture; `None` when there is none or when it cannot be trusted, so that the
/// pixels have to be read: too few letters, a font without a mapping to Unicode, invisible text below a scan,
/// text that runs another way, filled-in form fields (which are no part of the layer).
pub(super) fn text(
    page: &PdfPage,
    config: &PdfRenderConfig,
    width: u32,
    height: u32,
    max_characters: usize,
) -> Option<PageText> {
    if has_form_fields(page) || is_scan(page) {
        return None;
    }
    let layer = page.text().ok()?;
    let characters = layer.chars();
    if characters.len() > max_characters {
        return None;
    }
    let mapping = Mapping::of(page, config)?;
    let turn = page.rotation().ok()?.as_degrees();
    let (mut seen, mut all, mut garbage, mut unseen) = (Vec::new(), 0.0_f32, 0.0_f32, 0.0_f32);
    let (mut letters, mut apart) = (0, false);
    for character in characters.iter() {
        let Some(letter) = letter(&character) else {
            all += 1.0;
            garbage += 1.0;
            continue;
        };
        // Not every file writes its spaces: a gap between letters ends a word too.
        if letter.is_whitespace() || letter.is_control() {
            apart = true;
            continue;
        }
        all += 1.0;
        if is_invisible(&character) || !is_upright(&character, turn) {
            unseen += 1.0;
            continue;
        }
        let Ok(bounds) = character.loose_bounds() else { continue };
        let area = mapping.rect(&bounds).clipped(width, height);
        if area.w > 0.0 && area.h > 0.0 {
            letters += usize::from(letter.is_alphanumeric());
            seen.push(Seen { letter, area, apart });
            apart = false;
        }
    }
    if letters < FEWEST || garbage > GARBAGE * all || unseen > UNSEEN * all {
        return None;
    }
    Some(PageText::upright(width, height, lines(words(&seen))))
}

fn has_form_fields(page: &PdfPage) -> bool {
    page.annotations().iter().take(LOOKED_AT).any(|annotation| {
        matches!(
            annotation.annotation_type(),
            PdfPageAnnotationType::Widget
                | PdfPageAnnotationType::XfaWidget
                | PdfPageAnnotationType::FreeText
        )
    })
}

fn is_scan(page: &PdfPage) -> bool {
    let whole = page.width().value * page.height().value;
    page.objects().iter().take(LOOKED_AT).any(|object| {
        object.as_image_object().is_some()
            && object.bounds().is_ok_and(|b| b.width().value * b.height().value > SCAN * whole)
    })
}

/// `None` for what has no meaning in Unicode.
fn letter(character: &PdfPageTextChar) -> Option<char> {
    match character.unicode_char()? {
        // PDFium's mark for a hyphen at the end of a line.
        '\u{2}' | '\u{ad}' => Some('-'),
        '\u{a0}' | '\u{202f}' => Some(' '),
        '\0' | '\u{fffd}' | '\u{fffe}' | '\u{ffff}' | '\u{e000}'..='\u{f8ff}' => None,
        letter => Some(letter),
    }
}

fn is_invisible(character: &PdfPageTextChar) -> bool {
    matches!(
        character.render_mode(),
        Ok(PdfPageTextRenderMode::Invisible | PdfPageTextRenderMode::InvisibleClipping)
    )
}

/// Whether a character stands upright on the page as it is shown, `turn` degrees clockwise from how it was written.
fn is_upright(character: &PdfPageTextChar, turn: f32) -> bool {
    const SLANT: f32 = 5.0;
    let Ok(angle) = character.angle_degrees() else { return true };
    // PDFium measures the angle clockwise too.
    let off = (angle + turn).rem_euclid(360.0);
    off.min(360.0 - off) <= SLANT
}

/// Words in the order of the file.
fn words(seen: &[Seen]) -> Vec<Word> {
    let mut words: Vec<(String, Rect)> = Vec::new();
    let mut last: Option<Rect> = None;
    for Seen { letter, area, apart } in seen {
        let goes_on = !apart
            && last.is_some_and(|last| {
                let gap = area.x - last.right();
                same_row(&last, area) && gap < WORD_GAP * last.h && area.x > last.x
            });
        match words.last_mut().filter(|_| goes_on) {
            Some((text, whole)) => {
                text.push(*letter);
                *whole = union(whole, area);
            }
            None => words.push((letter.to_string(), *area)),
        }
        last = Some(*area);
    }
    words
        .into_iter()
        .map(|(text, area)| Word { quad: Quad::from_rect(&area), text, confidence: 1.0 })
        .collect()
}

fn union(a: &Rect, b: &Rect) -> Rect {
    Rect::from_corners(a.x.min(b.x), a.y.min(b.y), a.right().max(b.right()), a.bottom().max(b.bottom()))
}

/// Whether two boxes overlap in height by more than half of the lower one.
fn same_row(a: &Rect, b: &Rect) -> bool {
    let shared = a.bottom().min(b.bottom()) - a.y.max(b.y);
    shared > 0.5 * a.h.min(b.h)
}

/// Words of one row that stand close together.
fn lines(words: Vec<Word>) -> Vec<Line> {
    let mut rows: Vec<(Rect, Vec<Word>)> = Vec::new();
    let mut sorted: Vec<(Rect, Word)> = words.into_iter().map(|word| (word.quad.bounds(), word)).collect();
    sorted.sort_by(|(a, _), (b, _)| a.centre().y.total_cmp(&b.centre().y));
    for (area, word) in sorted {
        match rows.iter_mut().rev().take(8).find(|(row, _)| same_row(row, &area)) {
            Some((_, row)) => row.push(word),
            None => rows.push((area, vec![word])),
        }
    }
    let mut lines = Vec::new();
    for (_, mut row) in rows {
        row.sort_by(|a, b| a.quad.bounds().x.total_cmp(&b.quad.bounds().x));
        let mut line: Vec<Word> = Vec::new();
        for word in row {
            let area = word.quad.bounds();
            let apart = line.last().is_some_and(|last| {
                let last = last.quad.bounds();
                area.x - last.right() > LINE_GAP * last.h.min(area.h)
            });
            if apart {
                lines.extend(joined(std::mem::take(&mut line)));
            }
            line.push(word);
        }
        lines.extend(joined(line));
    }
    lines
}

/// The line that these words make; `None` without any.
pub(super) fn joined(words: Vec<Word>) -> Option<Line> {
    let area = words.iter().map(|word| word.quad.bounds()).reduce(|a, b| union(&a, &b))?;
    let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    Some(Line { quad: Quad::from_rect(&area), text, confidence: 1.0, words })
}

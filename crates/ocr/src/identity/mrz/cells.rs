use super::layout::{Kind, MrzFormat};

/// A character as it was read, with what else it may have been.
#[derive(Clone, PartialEq)]
pub struct Glyph {
    /// The best reading.
    pub character: char,
    /// Its probability, 0 to 1.
    pub confidence: f32,
    /// Where its middle stands along the line, 0 to 1.
    pub centre: f32,
    /// Other readings with their probability, best first.
    pub alternatives: Vec<(char, f32)>,
}

/// One position of a zone.
#[derive(Clone, PartialEq)]
pub(crate) struct Cell {
    /// What was read; `None` where nothing was, which in a run of fillers is a filler that melted into its
    /// neighbours.
    pub read: Option<char>,
    /// Probability of what was read.
    pub confidence: f32,
    /// Other readings.
    pub alternatives: Vec<(char, f32)>,
}

impl Cell {
    /// A position given as text: nothing else was seen there.
    pub(crate) fn of_text(character: char) -> Self {
        Self { read: Some(character), confidence: 1.0, alternatives: Vec::new() }
    }

    fn missing() -> Self {
        Self { read: None, confidence: 0.0, alternatives: Vec::new() }
    }

    /// Whether the recogniser itself thought of this character.
    pub(crate) fn saw(&self, character: char) -> bool {
        let likely = |(c, p): &(char, f32)| {
            c.to_ascii_uppercase() == character && p / self.confidence.max(1e-6) >= LEAST_RATIO
        };
        self.read == Some(character) || self.alternatives.iter().any(likely)
    }

    /// The character taken when nothing is repaired.
    pub(crate) fn character(&self) -> char {
        self.read.unwrap_or('<')
    }
}

/// Cost of a confusion for which the recogniser gave no probability.
const CONFUSED: f32 = 3.0;
/// A character that the recogniser found less likely than this against its choice is no candidate.
const LEAST_RATIO: f32 = 0.02;

/// Letters and digits that print alike in OCR-B, digit first, the likeliest letter next to it.
const ALIKE: [(char, &str); 8] =
    [('0', "ODQ"), ('1', "IL"), ('2', "Z"), ('4', "A"), ('5', "S"), ('6', "G"), ('7', "T"), ('8', "B")];

fn letters_like(digit: char) -> &'static str {
    ALIKE.iter().find(|(d, _)| *d == digit).map_or("", |(_, letters)| letters)
}

fn digit_like(letter: char) -> Option<char> {
    match letter {
        'U' => Some('0'),
        'J' => Some('1'),
        _ => ALIKE.iter().find(|(_, letters)| letters.contains(letter)).map(|(digit, _)| *digit),
    }
}

/// What may stand at a position, with costs (negative log of the probability against the best), cheapest
/// first. Empty when nothing that was seen is allowed there.
pub(crate) fn candidates(cell: &Cell, kind: Kind) -> Vec<(char, f32)> {
    let read = cell.character();
    let mut out: Vec<(char, f32)> = Vec::new();
    let mut offer = |c: char, cost: f32| {
        if kind.allows(c) {
            match out.iter_mut().find(|(known, _)| *known == c) {
                Some((_, known)) => *known = known.min(cost),
                None => out.push((c, cost)),
            }
        }
    };
    offer(read, 0.0);
    for (c, probability) in &cell.alternatives {
        let ratio = probability / cell.confidence.max(1e-6);
        if ratio >= LEAST_RATIO {
            offer(c.to_ascii_uppercase(), -ratio.min(1.0).ln());
        }
    }
    // A letter for a digit and back: the two look so alike that a recogniser is sure of the wrong one.
    if read.is_ascii_digit() {
        for (rank, letter) in letters_like(read).chars().enumerate() {
            offer(letter, CONFUSED + rank as f32);
        }
    } else if let Some(digit) = digit_like(read) {
        offer(digit, CONFUSED);
    }
    if kind == Kind::SecondCode && matches!(read, 'O' | 'Q') {
        offer('D', CONFUSED);
    }
    out.sort_by(|a, b| a.1.total_cmp(&b.1));
    // Where what was read cannot stand, the cheapest of the others is no repair but the reading.
    if let Some(base) = out.first().map(|c| c.1) {
        for candidate in &mut out {
            candidate.1 -= base;
        }
    }
    out
}

/// Puts the glyphs of a line into `width` columns of equal pitch (the zone is printed in a font of one width).
/// Fillers that the recogniser merged leave empty columns; `None` when the pitch does not come out, which
/// means that the line is not of this length.
pub(crate) fn columns(glyphs: &[Glyph], width: usize) -> Option<Vec<Cell>> {
    // A line that lost or gained more than this is another line.
    const MOST_LOST: usize = 8;
    const MOST_GAINED: usize = 2;
    if width < 2 || glyphs.len() + MOST_LOST < width || glyphs.len() > width + MOST_GAINED {
        return None;
    }
    if glyphs.len() == width {
        return Some(glyphs.iter().map(of_glyph).collect());
    }
    let (first, last) = (glyphs.first()?.centre, glyphs.last()?.centre);
    let pitch = (last - first) / (width - 1) as f32;
    if pitch <= 0.0 {
        return None;
    }
    let mut cells = vec![Cell::missing(); width];
    let mut strayed = 0.0f32;
    for glyph in glyphs {
        let exact = (glyph.centre - first) / pitch;
        let column = (exact.round().max(0.0) as usize).min(width - 1);
        strayed += (exact - column as f32).abs();
        if cells[column].read.is_none() || cells[column].confidence < glyph.confidence {
            cells[column] = of_glyph(glyph);
        }
    }
    (strayed / glyphs.len() as f32 <= 0.25).then_some(cells)
}

fn of_glyph(glyph: &Glyph) -> Cell {
    Cell {
        read: Some(glyph.character.to_ascii_uppercase()),
        confidence: glyph.confidence,
        alternatives: glyph.alternatives.clone(),
    }
}

/// Text of a line put into `width` columns: too short a line gets its fillers back in its longest run of them,
/// too long a line loses them there. `None` when there is no such run or the lengths are too far apart.
pub(crate) fn columns_of_text(text: &str, width: usize) -> Option<Vec<Cell>> {
    let mut characters: Vec<char> = text.chars().collect();
    let off = characters.len().abs_diff(width);
    if off > 8 {
        return None;
    }
    if off > 0 {
        let (mut start, mut length, mut run) = (0, 0, 0);
        for (at, c) in characters.iter().enumerate() {
            run = if *c == '<' { run + 1 } else { 0 };
            if run > length {
                (start, length) = (at + 1 - run, run);
            }
        }
        if length < 2 || (characters.len() > width && length <= off) {
            return None;
        }
        if characters.len() > width {
            characters.drain(start..start + off);
        } else {
            characters.splice(start..start, std::iter::repeat_n('<', off));
        }
    }
    Some(characters.into_iter().map(Cell::of_text).collect())
}

/// Formats that lines of these glyph counts could be, nearest length first; where lines are as long as those of a format
/// they are no longer or shorter lines of another, in which a wrong zone might come out by chance.
pub(crate) fn formats_near(lengths: &[usize]) -> Vec<MrzFormat> {
    let mut near: Vec<(usize, MrzFormat)> = MrzFormat::ALL
        .into_iter()
        .filter(|format| format.size().0 == lengths.len())
        .map(|format| (lengths.iter().map(|l| l.abs_diff(format.size().1)).sum(), format))
        .collect();
    near.sort_by_key(|(off, _)| *off);
    if near.first().is_some_and(|(off, _)| *off == 0) {
        near.retain(|(off, _)| *off == 0);
    }
    near.into_iter().map(|(_, format)| format).collect()
}

//! Machine-readable zones: layouts, check digits and what they prove (ICAO Doc 9303 parts 3 to 7).

mod cells;
mod checksum;
mod layout;
mod names;
mod repair;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use cells::Glyph;
pub use layout::MrzFormat;

use super::states;
use cells::{Cell, candidates, columns, columns_of_text, formats_near};
use layout::{Covered, Kind, Span};
use repair::Grid;

/// A machine-readable zone. Its `Debug` shows lengths and verdicts, no characters.
#[derive(Clone, PartialEq, Serialize)]
pub struct Mrz {
    /// Which layout.
    pub format: MrzFormat,
    /// The lines, fillers included, after the listed repairs.
    pub lines: Vec<String>,
    /// What they say.
    pub fields: MrzFields,
    /// Every check digit, the composite one last.
    pub checks: Vec<Check>,
    /// Whether every check digit comes out.
    pub valid: bool,
    /// Every position where the lines differ from what was read.
    pub repaired: Vec<Repair>,
    /// Which of `issuing_state` and `nationality` are no code of Doc 9303.
    pub unknown_codes: Vec<&'static str>,
    /// Probability of the character in each position, line by line.
    #[serde(skip)]
    probabilities: Vec<Vec<f32>>,
}

/// What a zone says, fillers removed. Names are not covered by a check digit (but on the French card).
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct MrzFields {
    /// One or two letters: P passport, I, A, C cards, V visas.
    pub document_code: String,
    /// Code of the issuing state or organisation.
    pub issuing_state: String,
    /// Document number, the overflow of long ones included.
    pub document_number: String,
    /// Code of the nationality; empty where the format has none.
    pub nationality: String,
    /// Six characters YYMMDD as printed, unknown parts as fillers.
    pub date_of_birth: String,
    /// `M`, `F`, `X` or the filler.
    pub sex: char,
    /// As the date of birth; empty where the format has none.
    pub expiry_date: String,
    /// Primary identifier, its words parted by spaces.
    pub surname: String,
    /// Secondary identifier, its words parted by spaces.
    pub given_names: String,
    /// The name zone ends without a filler, so the names may have been cut off.
    pub names_may_be_truncated: bool,
    /// Optional data, not empty ones only.
    pub optional: Vec<String>,
}

/// A check digit and what was found. Its `Debug` shows the verdict, no digits.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = IdentityCheck))]
pub struct Check {
    /// `document_number`, `date_of_birth`, `expiry_date`, `personal_number` or `composite`.
    pub name: &'static str,
    /// The digit that belongs there.
    pub expected: char,
    /// The character that stands there.
    pub found: char,
    /// Whether it is right; a filler is, where everything covered is filler.
    pub ok: bool,
}

/// Why a position differs from what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = IdentityProof))]
pub enum Proof {
    /// Every check digit that covers the position comes out, and no other correction is as likely.
    CheckDigit,
    /// A digit cannot stand where letters do, or the reverse; no check digit covers the position.
    PositionType,
    /// Of the letters that the digit read there may be, only this makes a code of Doc 9303; no check digit covers it.
    CodeList,
    /// It stands in a run of fillers, or where a name has ended; no check digit covers it but on the French card.
    FillerRun,
}

/// A position where the lines differ from what was read. Its `Debug` hides the characters.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = IdentityRepair))]
pub struct Repair {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What was read; `None` where no character was seen.
    pub read: Option<char>,
    /// What was taken.
    pub taken: char,
    /// Why.
    pub proof: Proof,
}

impl std::fmt::Debug for Repair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Repair({}:{} {:?})", self.line, self.column, self.proof)
    }
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Check({} ok: {})", self.name, self.ok)
    }
}

impl std::fmt::Debug for MrzFields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MrzFields(redacted)")
    }
}

impl std::fmt::Debug for Mrz {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mrz")
            .field("format", &self.format)
            .field("lengths", &self.lines.iter().map(String::len).collect::<Vec<_>>())
            .field("valid", &self.valid)
            .field("repaired", &self.repaired)
            .finish_non_exhaustive()
    }
}

/// Reads lines of the exact lengths of a format; spaces are dropped, nothing is repaired. Of formats with one
/// size that the first character allows, the one whose check digits come out is taken. `None` when the lines
/// have no such lengths or hold other characters than A-Z, 0-9 and `<`.
///
/// ```
/// let mrz = innkeeper_ocr::identity::mrz::parse(&[
///     "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
///     "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
/// ]).unwrap();
/// assert!(mrz.valid);
/// assert_eq!(mrz.fields.document_number, "L898902C3");
/// ```
pub fn parse<S: AsRef<str>>(lines: &[S]) -> Option<Mrz> {
    let lines = packed(lines);
    if lines.iter().any(|l| l.chars().any(|c| !Kind::Any.allows(c))) {
        return None;
    }
    let mut found = MrzFormat::ALL
        .into_iter()
        .filter(|format| {
            let (count, width) = format.size();
            lines.len() == count && lines.iter().all(|l| l.len() == width) && format.begins(&lines[0])
        })
        .map(|format| {
            let grid: Grid = lines.iter().map(|l| l.chars().collect()).collect();
            let probabilities = grid.iter().map(|l| vec![1.0; l.len()]).collect();
            Mrz::of_grid(format, &grid, probabilities, Vec::new())
        });
    best(&mut found)
}

/// As [`parse`], for lines as a recogniser without probabilities reads them: fillers that were lost or doubled
/// are put right, and characters are corrected where a check digit proves it or the position allows only one
/// reading. Every correction is listed.
pub fn parse_read<S: AsRef<str>>(lines: &[S]) -> Option<Mrz> {
    let lines = packed(lines);
    let lengths: Vec<usize> = lines.iter().map(|l| l.chars().count()).collect();
    let mut found = formats_near(&lengths).into_iter().filter_map(|format| {
        let width = format.size().1;
        let cells = lines.iter().map(|l| columns_of_text(l, width)).collect::<Option<Vec<_>>>()?;
        Mrz::of_cells(format, &cells)
    });
    best(&mut found)
}

/// As [`parse_read`], with what the recogniser saw in each line: lost fillers are found by the places of the
/// characters, and its alternatives say which corrections are likely.
pub fn parse_glyphs(lines: &[Vec<Glyph>]) -> Option<Mrz> {
    let lengths: Vec<usize> = lines.iter().map(Vec::len).collect();
    let mut found = formats_near(&lengths).into_iter().filter_map(|format| {
        let width = format.size().1;
        let cells = lines.iter().map(|l| columns(l, width)).collect::<Option<Vec<_>>>()?;
        Mrz::of_cells(format, &cells)
    });
    best(&mut found)
}

/// Lines in capitals without spaces.
fn packed<S: AsRef<str>>(lines: &[S]) -> Vec<String> {
    lines
        .iter()
        .map(|l| l.as_ref().chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect())
        .collect()
}

/// The zone with the most right check digits, of those the one with the fewest repairs, of those the first.
fn best(found: &mut dyn Iterator<Item = Mrz>) -> Option<Mrz> {
    let rank = |mrz: &Mrz| {
        let wrong = mrz.checks.iter().filter(|c| !c.ok).count();
        // A composite digit proves more than three digits of a visa do.
        (wrong, mrz.repaired.len(), 8 - mrz.checks.len())
    };
    found.reduce(|a, b| if rank(&b) < rank(&a) { b } else { a })
}

/// Most that a single character counts for in [`Mrz::confidence`].
const SUREST: f32 = 0.998;

/// The verdict on one check digit.
fn check_of(covered: &Covered, at: impl Fn(usize, usize) -> char) -> Check {
    let digit = checksum::digit(covered.positions().map(|(l, c)| at(l, c)));
    let expected = char::from_digit(digit, 10).unwrap_or('0');
    let found = at(covered.at.0, covered.at.1);
    let empty = covered.may_be_filler && found == '<' && covered.positions().all(|(l, c)| at(l, c) == '<');
    Check { name: covered.name, expected, found, ok: found == expected || empty }
}

impl Mrz {
    /// Reads a zone of a format from its positions, repairing what can be proven. `None` when the first line
    /// cannot begin a zone of this format.
    fn of_cells(format: MrzFormat, cells: &[Vec<Cell>]) -> Option<Self> {
        let choices: Vec<Vec<Vec<(char, f32)>>> = cells
            .iter()
            .enumerate()
            .map(|(l, line)| {
                line.iter().enumerate().map(|(c, cell)| candidates(cell, format.kind(l, c))).collect()
            })
            .collect();
        // Where what was read cannot stand, the likeliest that can.
        let mut grid: Grid = choices
            .iter()
            .map(|line| line.iter().map(|cell| cell.first().map_or('<', |(c, _)| *c)).collect())
            .collect();
        if !format.begins(&grid[0].iter().collect::<String>()) {
            return None;
        }
        let wrong = |grid: &Grid| {
            format.checks(|l, c| grid[l][c]).iter().any(|covered| !check_of(covered, |l, c| grid[l][c]).ok)
        };
        if wrong(&grid) {
            match repair::search(format, cells, &grid) {
                Some(edits) => edits.into_iter().for_each(|((l, c), taken)| grid[l][c] = taken),
                None => unproven_as_read(format, cells, &mut grid),
            }
        }
        let mut proofs = Vec::new();
        for (at, taken) in clean_names(format, &grid) {
            grid[at.0][at.1] = taken;
            proofs.push((at, Proof::FillerRun));
        }
        let places = format.places();
        for (line, span) in [Some(places.state), places.nationality].into_iter().flatten() {
            for (column, taken) in known_code(&grid[line], &cells[line], &choices[line], span) {
                grid[line][column] = taken;
                proofs.push(((line, column), Proof::CodeList));
            }
        }
        let repaired = repairs(format, cells, &grid, &proofs);
        let mut probabilities = Vec::with_capacity(cells.len());
        for (l, (line, taken)) in cells.iter().zip(&grid).enumerate() {
            let of =
                |(c, (cell, taken)): (usize, (&Cell, &char))| probability(cell, format.kind(l, c), *taken);
            probabilities.push(line.iter().zip(taken).enumerate().map(of).collect());
        }
        Some(Self::of_grid(format, &grid, probabilities, repaired))
    }

    fn of_grid(format: MrzFormat, grid: &Grid, probabilities: Vec<Vec<f32>>, repaired: Vec<Repair>) -> Self {
        let at = |l: usize, c: usize| grid[l][c];
        let places = format.places();
        let text = |(line, columns): &Span| grid[*line][columns.clone()].iter().collect::<String>();
        let bare = |span: &Span| text(span).trim_matches('<').to_owned();
        let overflow = format.overflow(at);
        let line = places.number.0;
        let mut document_number = bare(&places.number);
        if let Some(rest) = &overflow {
            document_number.push_str(&text(&(line, rest.start..rest.end - 1)));
        }
        let (surname, given_names, last) = match places.names.as_slice() {
            [surname, given] => (names::split(&text(surname)).0, names::split(&text(given)), given.clone()),
            spans => {
                let zone = spans.first().map(&text).unwrap_or_default();
                let (surname, given) = names::split(&zone);
                (surname, (given, String::new()), spans.first().cloned().unwrap_or((0, 0..0)))
            }
        };
        let given_names = [given_names.0, given_names.1].join(" ").trim().to_owned();
        let optional = places
            .optional
            .iter()
            .map(|span| match &overflow {
                Some(rest) if span.0 == line => bare(&(line, rest.end..span.1.end)),
                _ => bare(span),
            })
            .filter(|text| !text.is_empty())
            .collect();
        let fields = MrzFields {
            document_code: bare(&(0, 0..2)),
            issuing_state: bare(&places.state),
            document_number,
            nationality: places.nationality.as_ref().map(&bare).unwrap_or_default(),
            date_of_birth: text(&places.birth),
            sex: at(places.sex.0, places.sex.1),
            expiry_date: places.expiry.as_ref().map(&text).unwrap_or_default(),
            surname,
            given_names,
            names_may_be_truncated: !text(&last).ends_with('<'),
            optional,
        };
        let checks: Vec<Check> = format.checks(at).iter().map(|c| check_of(c, at)).collect();
        let mut unknown_codes = Vec::new();
        if !states::is_known(&fields.issuing_state) {
            unknown_codes.push("issuing_state");
        }
        if places.nationality.is_some() && !states::is_known(&fields.nationality) {
            unknown_codes.push("nationality");
        }
        Self {
            format,
            lines: grid.iter().map(|l| l.iter().collect()).collect(),
            valid: checks.iter().all(|c| c.ok),
            fields,
            checks,
            repaired,
            unknown_codes,
            probabilities,
        }
    }

    /// Probability that all characters of a field were read rightly, 0 to 1: the product of the probabilities
    /// of its characters, corrected by Bayes' rule for each check digit that covers it. A misreading passes
    /// one check digit in ten; a right reading fails one when the document is wrong as printed, which is taken
    /// to happen once in a hundred. A recogniser that may choose among 37 characters only is too sure of its choice:
    /// no character counts for more than 0.998, since one letter in about four hundred that no digit covers was
    /// wrong on the documents that this was developed on. A state code that exists speaks for itself as a check digit
    /// does, unless it was taken for that: three letters are one by chance in some seventy times.
    pub fn confidence(&self, field: MrzField) -> f32 {
        let spans = self.spans(field);
        let mut right: f32 = spans
            .iter()
            .filter_map(|(line, columns)| self.probabilities.get(*line).and_then(|p| p.get(columns.clone())))
            .flatten()
            .map(|p| p.min(SUREST))
            .product();
        let inside =
            |(l, c): (usize, usize)| spans.iter().any(|(line, columns)| *line == l && columns.contains(&c));
        let characters: Vec<Vec<char>> = self.lines.iter().map(|l| l.chars().collect()).collect();
        let at = |l: usize, c: usize| characters.get(l).and_then(|line| line.get(c)).copied().unwrap_or('<');
        for covered in self.format.checks(at) {
            if covered.positions().any(inside) {
                let (if_right, if_wrong) = if check_of(&covered, at).ok { (0.99, 0.1) } else { (0.01, 0.9) };
                let both = right * if_right + (1.0 - right) * if_wrong;
                right = if both > 0.0 { right * if_right / both } else { 0.0 };
            }
        }
        let code = match field {
            MrzField::IssuingState => Some("issuing_state"),
            MrzField::Nationality => Some("nationality"),
            _ => None,
        };
        // A code that was chosen because it exists is no witness to itself.
        let chosen =
            self.repaired.iter().any(|r| r.proof == Proof::CodeList && inside((r.line - 1, r.column - 1)));
        if let Some(code) = code.filter(|_| !chosen) {
            let (if_right, if_wrong) =
                if self.unknown_codes.contains(&code) { (0.01, 0.985) } else { (0.99, 0.015) };
            right = right * if_right / (right * if_right + (1.0 - right) * if_wrong);
        }
        right
    }

    fn spans(&self, field: MrzField) -> Vec<Span> {
        let places = self.format.places();
        match field {
            MrzField::DocumentNumber => vec![places.number],
            MrzField::DateOfBirth => vec![places.birth],
            MrzField::ExpiryDate => places.expiry.into_iter().collect(),
            MrzField::Names => places.names,
            MrzField::IssuingState => vec![places.state],
            MrzField::Nationality => places.nationality.into_iter().collect(),
            MrzField::Sex => vec![(places.sex.0, places.sex.1..places.sex.1 + 1)],
            MrzField::Optional => places.optional,
        }
    }

    /// Line and columns of a field, both from 0; of its first part where it has several. `None` where the format
    /// does not have it.
    pub fn place(&self, field: MrzField) -> Option<(usize, std::ops::Range<usize>)> {
        self.spans(field).into_iter().next()
    }

    /// Mean probability of the characters of all lines, 0 to 1.
    pub fn character_confidence(&self) -> f32 {
        let n = self.probabilities.iter().map(Vec::len).sum::<usize>().max(1);
        self.probabilities.iter().flatten().sum::<f32>() / n as f32
    }
}

/// A field of a zone, for [`Mrz::confidence`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MrzField {
    /// Document number.
    DocumentNumber,
    /// Date of birth.
    DateOfBirth,
    /// Expiry date.
    ExpiryDate,
    /// Surname and given names.
    Names,
    /// Issuing state.
    IssuingState,
    /// Nationality.
    Nationality,
    /// Sex.
    Sex,
    /// Optional data.
    Optional,
}

/// Where the check digits do not come out, what they cover is given back as it was read: a correction that
/// proves nothing hides what the document says.
fn unproven_as_read(format: MrzFormat, cells: &[Vec<Cell>], grid: &mut Grid) {
    for covered in format.checks(|l, c| grid[l][c]) {
        for (l, c) in covered.positions().chain([covered.at]) {
            let read = cells[l][c].character();
            if Kind::Any.allows(read) && !matches!(format.kind(l, c), Kind::Alpha | Kind::SecondCode) {
                grid[l][c] = read;
            }
        }
    }
}

/// Letters in the closing run of fillers of the name zones.
fn clean_names(format: MrzFormat, grid: &Grid) -> Vec<((usize, usize), char)> {
    if format == MrzFormat::FrenchId {
        // Its composite digit covers the names; what it did not change is as printed.
        return Vec::new();
    }
    format
        .places()
        .names
        .into_iter()
        .flat_map(|(line, columns)| {
            let zone: String = grid[line][columns.clone()].iter().collect();
            names::misread_fillers(&zone).into_iter().map(move |at| ((line, columns.start + at), '<'))
        })
        .collect()
}

/// The letters that digits in a state code are read as, when exactly one known code is within what the recogniser
/// saw. A letter is never made another one: no check digit would prove it.
fn known_code(
    line: &[char],
    cells: &[Cell],
    choices: &[Vec<(char, f32)>],
    span: std::ops::Range<usize>,
) -> Vec<(usize, char)> {
    let code: String = line[span.clone()].iter().collect();
    if states::is_known(code.trim_end_matches('<')) {
        return Vec::new();
    }
    let mut codes = vec![String::new()];
    for column in span.clone() {
        let as_read = [(line[column], 0.0)];
        let may_change = cells[column].read.is_none_or(|read| !Kind::Alpha.allows(read));
        let allowed: &[(char, f32)] = if may_change { &choices[column] } else { &as_read };
        codes = codes
            .iter()
            .flat_map(|prefix| allowed.iter().map(move |(c, _)| format!("{prefix}{c}")))
            .collect();
    }
    let mut known = codes.iter().filter(|code| states::is_known(code.trim_end_matches('<')));
    match (known.next(), known.next()) {
        (Some(only), None) => span.zip(only.chars()).filter(|(column, c)| line[*column] != *c).collect(),
        _ => Vec::new(),
    }
}

/// Lists every position where the zone differs from what was read.
fn repairs(
    format: MrzFormat,
    cells: &[Vec<Cell>],
    grid: &Grid,
    proofs: &[((usize, usize), Proof)],
) -> Vec<Repair> {
    let checks = format.checks(|l, c| grid[l][c]);
    let covered = |at: (usize, usize)| checks.iter().any(|c| c.at == at || c.positions().any(|p| p == at));
    let mut out = Vec::new();
    for (l, line) in cells.iter().enumerate() {
        for (c, cell) in line.iter().enumerate() {
            let taken = grid[l][c];
            if cell.read == Some(taken) {
                continue;
            }
            let proof = match proofs.iter().find(|(at, _)| *at == (l, c)) {
                Some((_, proof)) => *proof,
                None if taken == '<' && cell.read.is_none() => Proof::FillerRun,
                None if covered((l, c)) => Proof::CheckDigit,
                None => Proof::PositionType,
            };
            out.push(Repair { line: l + 1, column: c + 1, read: cell.read, taken, proof });
        }
    }
    out
}

/// Probability of the character taken: its own where it was read, that of the alternative where it was one,
/// nine tenths of what was read where that cannot stand there (of the look-alikes one is nearly always meant),
/// otherwise a twentieth of it (the cost of an unprompted confusion).
fn probability(cell: &Cell, kind: Kind, taken: char) -> f32 {
    match cell.read {
        Some(read) if read == taken => cell.confidence,
        Some(read) if !kind.allows(read) => cell.confidence * 0.9,
        Some(_) => cell
            .alternatives
            .iter()
            .find(|(c, _)| c.to_ascii_uppercase() == taken)
            .map_or(cell.confidence / 20.0, |(_, p)| *p),
        None => 0.5,
    }
}

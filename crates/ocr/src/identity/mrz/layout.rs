use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The sizes of machine-readable zones (ICAO Doc 9303 parts 4 to 7), and the French card issued until 2021.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum MrzFormat {
    /// Cards, three lines of 30.
    #[serde(rename = "TD1")]
    Td1,
    /// Larger cards, two lines of 36.
    #[serde(rename = "TD2")]
    Td2,
    /// Passports, two lines of 44.
    #[serde(rename = "TD3")]
    Td3,
    /// Visas of full size, two lines of 44.
    #[serde(rename = "MRVA")]
    MrvA,
    /// Small visas, two lines of 36.
    #[serde(rename = "MRVB")]
    MrvB,
    /// The French identity card of 1988, two lines of 36; its composite digit covers the names too.
    #[serde(rename = "FRA_ID")]
    FrenchId,
}

/// A stretch of a line: line index and columns, both from 0.
pub(crate) type Span = (usize, Range<usize>);

/// What may stand at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// First character of the document code.
    Code,
    /// Second character of the document code: a letter or the filler. No issuer uses O or Q; what is read so is the
    /// D of `ID`.
    SecondCode,
    /// A to Z and the filler.
    Alpha,
    /// 0 to 9; the filler where a part of a date is unknown.
    Date,
    /// Everything.
    Any,
    /// A check digit; the filler where the field is empty.
    Check,
    /// M, F, X and the filler.
    Sex,
}

impl Kind {
    pub(crate) fn allows(self, c: char) -> bool {
        match self {
            Self::Code => matches!(c, 'P' | 'V' | 'I' | 'A' | 'C'),
            Self::SecondCode => (c.is_ascii_uppercase() && !matches!(c, 'O' | 'Q')) || c == '<',
            Self::Alpha => c.is_ascii_uppercase() || c == '<',
            Self::Date | Self::Check => c.is_ascii_digit() || c == '<',
            Self::Any => c.is_ascii_uppercase() || c.is_ascii_digit() || c == '<',
            Self::Sex => matches!(c, 'M' | 'F' | 'X' | '<'),
        }
    }
}

/// A check digit: what it covers and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Covered {
    pub name: &'static str,
    pub spans: Vec<Span>,
    pub at: (usize, usize),
    /// A filler stands for 0 when everything covered is filler.
    pub may_be_filler: bool,
}

impl Covered {
    /// Every covered position in the order of the sum.
    pub(crate) fn positions(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.spans.iter().flat_map(|(line, columns)| columns.clone().map(move |column| (*line, column)))
    }
}

/// The fields that every format has, where they stand.
pub(crate) struct Places {
    pub state: Span,
    pub names: Vec<Span>,
    pub number: Span,
    pub number_check: usize,
    pub nationality: Option<Span>,
    pub birth: Span,
    pub birth_check: usize,
    pub sex: (usize, usize),
    pub expiry: Option<Span>,
    pub optional: Vec<Span>,
}

impl MrzFormat {
    /// Every format; those with a composite digit first among those of one size.
    pub const ALL: [Self; 6] = [Self::Td1, Self::FrenchId, Self::Td2, Self::MrvB, Self::Td3, Self::MrvA];

    /// Number of lines and their length in characters.
    pub fn size(self) -> (usize, usize) {
        match self {
            Self::Td1 => (3, 30),
            Self::Td2 | Self::MrvB | Self::FrenchId => (2, 36),
            Self::Td3 | Self::MrvA => (2, 44),
        }
    }

    /// Whether a zone of this size that begins like this is of this format: visas begin with V, passports
    /// with P, cards with I, A or C.
    pub(crate) fn begins(self, line: &str) -> bool {
        match self {
            Self::Td1 | Self::Td2 => line.starts_with(['I', 'A', 'C', 'P']),
            Self::FrenchId => line.starts_with("IDFRA"),
            Self::Td3 => line.starts_with('P'),
            Self::MrvA | Self::MrvB => line.starts_with('V'),
        }
    }

    pub(crate) fn places(self) -> Places {
        let two_lines = |width: usize, optional: Range<usize>| Places {
            state: (0, 2..5),
            names: vec![(0, 5..width)],
            number: (1, 0..9),
            number_check: 9,
            nationality: Some((1, 10..13)),
            birth: (1, 13..19),
            birth_check: 19,
            sex: (1, 20),
            expiry: Some((1, 21..27)),
            optional: vec![(1, optional)],
        };
        match self {
            Self::Td1 => Places {
                state: (0, 2..5),
                names: vec![(2, 0..30)],
                number: (0, 5..14),
                number_check: 14,
                nationality: Some((1, 15..18)),
                birth: (1, 0..6),
                birth_check: 6,
                sex: (1, 7),
                expiry: Some((1, 8..14)),
                optional: vec![(0, 15..30), (1, 18..29)],
            },
            Self::Td2 => two_lines(36, 28..35),
            Self::MrvB => two_lines(36, 28..36),
            Self::Td3 => two_lines(44, 28..42),
            Self::MrvA => two_lines(44, 28..44),
            Self::FrenchId => Places {
                state: (0, 2..5),
                names: vec![(0, 5..30), (1, 13..27)],
                number: (1, 0..12),
                number_check: 12,
                nationality: None,
                birth: (1, 27..33),
                birth_check: 33,
                sex: (1, 34),
                expiry: None,
                optional: vec![(0, 30..36)],
            },
        }
    }

    pub(crate) fn kind(self, line: usize, column: usize) -> Kind {
        let places = self.places();
        let inside = |(l, columns): &Span| *l == line && columns.contains(&column);
        let check = |(l, _): &Span, at: usize| *l == line && at == column;
        if (line, column) == (0, 0) {
            return Kind::Code;
        }
        if (line, column) == (0, 1) {
            return Kind::SecondCode;
        }
        if inside(&places.state)
            || places.names.iter().any(&inside)
            || places.nationality.as_ref().is_some_and(&inside)
        {
            return Kind::Alpha;
        }
        if inside(&places.birth) || places.expiry.as_ref().is_some_and(&inside) {
            return Kind::Date;
        }
        if (line, column) == places.sex {
            return Kind::Sex;
        }
        let expiry_check = places.expiry.as_ref().is_some_and(|span| check(span, span.1.end));
        let composite = match self {
            Self::Td1 => (line, column) == (1, 29),
            Self::Td2 | Self::FrenchId => (line, column) == (1, 35),
            Self::Td3 => line == 1 && (column == 42 || column == 43),
            Self::MrvA | Self::MrvB => false,
        };
        if check(&places.number, places.number_check)
            || check(&places.birth, places.birth_check)
            || expiry_check
            || composite
        {
            return Kind::Check;
        }
        Kind::Any
    }

    /// The columns of the part of a long document number that stands in the optional data (cards only), check
    /// digit included: the position of the check digit is a filler, and the rest runs to the next filler.
    pub(crate) fn overflow(self, at: impl Fn(usize, usize) -> char) -> Option<Range<usize>> {
        let places = self.places();
        let (line, number) = places.number;
        let optional = match self {
            Self::Td1 => 15..30,
            Self::Td2 => 28..35,
            _ => return None,
        };
        if at(line, places.number_check) != '<' || number.clone().any(|c| at(line, c) == '<') {
            return None;
        }
        let end = optional.clone().find(|c| at(line, *c) == '<').unwrap_or(optional.end);
        // One digit of the number and its check digit at least.
        (end >= optional.start + 2 && at(line, end - 1).is_ascii_digit()).then_some(optional.start..end)
    }

    /// The check digits of a zone with these characters; the composite one is last.
    pub(crate) fn checks(self, at: impl Fn(usize, usize) -> char) -> Vec<Covered> {
        let places = self.places();
        let line = places.number.0;
        let mut all = vec![match self.overflow(&at) {
            Some(rest) => Covered {
                name: "document_number",
                spans: vec![places.number.clone(), (line, rest.start..rest.end - 1)],
                at: (line, rest.end - 1),
                may_be_filler: false,
            },
            None => Covered {
                name: "document_number",
                spans: vec![places.number.clone()],
                at: (line, places.number_check),
                may_be_filler: true,
            },
        }];
        let dated = |name, span: &Span| Covered {
            name,
            spans: vec![span.clone()],
            at: (span.0, span.1.end),
            may_be_filler: true,
        };
        all.push(dated("date_of_birth", &places.birth));
        if let Some(expiry) = &places.expiry {
            all.push(dated("expiry_date", expiry));
        }
        let composite = |spans, at| Covered { name: "composite", spans, at, may_be_filler: false };
        match self {
            Self::Td1 => {
                let spans = vec![(0, 5..30), (1, 0..7), (1, 8..15), (1, 18..29)];
                all.push(composite(spans, (1, 29)));
            }
            Self::Td2 => all.push(composite(vec![(1, 0..10), (1, 13..20), (1, 21..35)], (1, 35))),
            Self::Td3 => {
                all.push(dated("personal_number", &(1, 28..42)));
                all.push(composite(vec![(1, 0..10), (1, 13..20), (1, 21..43)], (1, 43)));
            }
            Self::FrenchId => all.push(composite(vec![(0, 0..36), (1, 0..35)], (1, 35))),
            Self::MrvA | Self::MrvB => {}
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_a_kind_for_every_position() {
        for format in MrzFormat::ALL {
            let (lines, width) = format.size();
            let checks = format.checks(|_, _| '0');
            for line in 0..lines {
                for column in 0..width {
                    let kind = format.kind(line, column);
                    let is_check = checks.iter().any(|c| c.at == (line, column));
                    assert_eq!(kind == Kind::Check, is_check, "{format:?} {line} {column}");
                }
            }
        }
    }
}

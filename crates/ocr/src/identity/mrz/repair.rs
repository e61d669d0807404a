//! Corrections that a check digit proves.

use super::cells::{Cell, candidates};
use super::check_of;
use super::layout::{Covered, Kind, MrzFormat};

/// Characters of a zone, line by line.
pub(super) type Grid = Vec<Vec<char>>;

/// A set of corrections and what it costs to believe them: negative log of their probability against what was
/// read.
#[derive(Debug, Clone, PartialEq)]
struct Variant {
    edits: Vec<((usize, usize), char)>,
    cost: f32,
}

/// Dearer sets are not believed even when the check digits come out: one digit proves with 9 in 10 only.
const MOST_COST: f32 = 8.0;
/// Two corrections under one check digit must both be near to what the recogniser saw.
const MOST_PAIR_COST: f32 = 4.0;
/// By how much the best set must be cheaper than the next one; 1 is a factor of 2.7 in probability.
const MARGIN: f32 = 1.0;
/// A digit among letters, or a letter among digits, is that much less likely.
const OUT_OF_CLASS: f32 = 1.5;
/// Variants of a field that are kept for the composite digit to choose from.
const KEPT: usize = 8;

/// The edits of the cheapest set of corrections after which every check digit comes out, if there is one that
/// is cheaper than any other by a margin. `text` holds what stands in each position before repair.
pub(super) fn search(
    format: MrzFormat,
    cells: &[Vec<Cell>],
    text: &Grid,
) -> Option<Vec<((usize, usize), char)>> {
    let checks = format.checks(|l, c| text[l][c]);
    let (composite, fields): (Vec<_>, Vec<_>) = checks.iter().partition(|c| c.name == "composite");
    let options = |at: (usize, usize)| options(format, cells, text, at);
    let per_field: Vec<Vec<Variant>> = fields.iter().map(|f| variants(f, text, &options)).collect();
    if per_field.iter().any(Vec::is_empty) {
        return None;
    }
    let Some(composite) = composite.first() else {
        // Visas: each digit stands for itself.
        let mut edits = Vec::new();
        for variants in per_field {
            edits.extend(single_best(variants)?.edits);
        }
        return believable(format, cells, text, edits);
    };
    // What only the composite digit covers: optional data, names on the French card, and the digit itself.
    let covered_by_field =
        |at: &(usize, usize)| fields.iter().any(|f| f.at == *at || f.positions().any(|p| p == *at));
    let mut free = vec![Variant { edits: Vec::new(), cost: 0.0 }];
    for at in composite.positions().filter(|at| !covered_by_field(at)).chain([composite.at]) {
        free.extend(options(at).into_iter().map(|(c, cost)| Variant { edits: vec![(at, c)], cost }));
    }
    let mut sets = vec![Variant { edits: Vec::new(), cost: 0.0 }];
    for variants in per_field.iter().chain([&free]) {
        let mut next = Vec::new();
        for set in &sets {
            for variant in variants {
                let cost = set.cost + variant.cost;
                if cost <= MOST_COST {
                    next.push(Variant {
                        edits: set.edits.iter().chain(&variant.edits).copied().collect(),
                        cost,
                    });
                }
            }
        }
        sets = next;
    }
    sets.retain(|set| check_of(composite, |l, c| edited(text, &set.edits, l, c)).ok);
    believable(format, cells, text, single_best(sets)?.edits)
}

/// One correction is proven by a digit that is right once in ten by chance. A second one is believed only where the
/// character cannot stand in its position, or where the recogniser itself saw the other one: two guesses at
/// characters that were read without a doubt make almost any digit come out.
fn believable(
    format: MrzFormat,
    cells: &[Vec<Cell>],
    text: &Grid,
    edits: Vec<((usize, usize), char)>,
) -> Option<Vec<((usize, usize), char)>> {
    let seen = |((line, column), taken): &((usize, usize), char)| {
        !format.kind(*line, *column).allows(text[*line][*column]) || cells[*line][*column].saw(*taken)
    };
    (edits.len() <= 1 || edits.iter().all(seen)).then_some(edits)
}

/// Other characters for a position with their costs.
fn options(format: MrzFormat, cells: &[Vec<Cell>], text: &Grid, at: (usize, usize)) -> Vec<(char, f32)> {
    let (line, column) = at;
    let present = text[line][column];
    let kind = format.kind(line, column);
    let neighbour = |step: isize| column.checked_add_signed(step).and_then(|c| text[line].get(c)).copied();
    let mut out = candidates(&cells[line][column], kind);
    out.retain(|(c, _)| *c != present);
    if kind == Kind::Any {
        for (c, cost) in &mut out {
            let alien = |n: Option<char>| {
                n.is_some_and(|n| n != '<' && *c != '<' && n.is_ascii_digit() != c.is_ascii_digit())
            };
            if alien(neighbour(-1)) && alien(neighbour(1)) {
                *cost += OUT_OF_CLASS;
            }
        }
    }
    out
}

fn edited(text: &Grid, edits: &[((usize, usize), char)], line: usize, column: usize) -> char {
    edits.iter().find(|(at, _)| *at == (line, column)).map_or(text[line][column], |(_, c)| *c)
}

/// The corrections of one field after which its digit comes out, cheapest first; none at all when it does
/// without any.
fn variants(
    field: &Covered,
    text: &Grid,
    options: &impl Fn((usize, usize)) -> Vec<(char, f32)>,
) -> Vec<Variant> {
    let fits = |edits: &[((usize, usize), char)]| {
        let at = |l: usize, c: usize| edited(text, edits, l, c);
        check_of(field, at).ok
            && (!field.name.ends_with("_date") && !field.name.starts_with("date_")
                || is_date(field.positions().map(|(l, c)| at(l, c))))
    };
    let mut out = Vec::new();
    if check_of(field, |l, c| text[l][c]).ok {
        out.push(Variant { edits: Vec::new(), cost: 0.0 });
        return out;
    }
    let all: Vec<((usize, usize), char, f32)> = field
        .positions()
        .chain([field.at])
        .flat_map(|at| options(at).into_iter().map(move |(c, cost)| (at, c, cost)))
        .collect();
    for (i, (at, c, cost)) in all.iter().enumerate() {
        if *cost <= MOST_COST && fits(&[(*at, *c)]) {
            out.push(Variant { edits: vec![(*at, *c)], cost: *cost });
        }
        for (other, d, more) in &all[i + 1..] {
            let edits = [(*at, *c), (*other, *d)];
            if at != other && cost + more <= MOST_PAIR_COST && fits(&edits) {
                out.push(Variant { edits: edits.to_vec(), cost: cost + more });
            }
        }
    }
    out.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    out.truncate(KEPT);
    out
}

/// Whether six characters can be YYMMDD, unknown parts as fillers.
fn is_date(characters: impl Iterator<Item = char>) -> bool {
    let text: String = characters.collect();
    let part = |range: std::ops::Range<usize>, allowed: std::ops::RangeInclusive<u32>| {
        text.get(range).is_some_and(|p| p == "<<" || p.parse().is_ok_and(|n| allowed.contains(&n)))
    };
    part(0..2, 0..=99) && part(2..4, 1..=12) && part(4..6, 1..=31)
}

fn single_best(mut variants: Vec<Variant>) -> Option<Variant> {
    variants.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    let mut rest = variants.into_iter();
    let best = rest.next()?;
    let rival = rest.find(|v| v.edits != best.edits);
    rival.is_none_or(|r| r.cost - best.cost >= MARGIN).then_some(best)
}

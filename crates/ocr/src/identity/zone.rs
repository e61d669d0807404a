//! Where a machine-readable zone stands on a page, and reading it there.

use innkeeper_core::{Picture, Point, Rect, Resampling};
use innkeeper_runtime::Ticket;

use super::mrz::{self, Glyph, Mrz, Proof};
use crate::text::turn::Quarter;
use crate::{Alphabet, Line, OcrError, PageText, Quad, Reading, TextReader};

/// The characters of a zone.
pub(super) const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<";

/// A zone that was read.
pub(super) struct Zone {
    pub mrz: Mrz,
    /// Its lines, in pixels of the page.
    pub quads: Vec<Quad>,
}

/// A row of what may be a zone.
#[derive(Clone)]
struct Row {
    quad: Quad,
    text: String,
}

/// Fillers, as recognisers with many scripts see them.
const FILLERS: [char; 8] = ['<', '«', '‹', '〈', '《', '＜', '≤', '≪'];

/// Text without spaces, fillers made plain.
fn packed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).map(|c| if FILLERS.contains(&c) { '<' } else { c }).collect()
}

fn fillers(text: &str) -> usize {
    text.chars().filter(|c| *c == '<').count()
}

/// Whether a line of text can be a line of a zone, or a part of one: capitals, digits and fillers.
fn is_like(text: &str, least: usize) -> bool {
    let n = text.chars().count();
    let fits = text.chars().filter(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '<').count();
    n >= least && fits * 100 >= n * 85
}

/// Whether a line of a page belongs to a zone rather than to the print.
pub(super) fn is_zone_line(line: &Line) -> bool {
    let text = packed(&line.text);
    is_like(&text, 10) && fillers(&text) >= 2
}

/// Whether more than half of a line's own area lies inside one of the quadrangles of a zone. Intersection over union
/// does not tell: a part of a line, however short, is a part of the zone.
pub(super) fn covers(quads: &[Quad], line: &Quad) -> bool {
    const ALONG: usize = 16;
    const ACROSS: usize = 4;
    let [a, b, c, d] = line.0;
    let between =
        |p: Point, q: Point, share: f32| Point { x: p.x + (q.x - p.x) * share, y: p.y + (q.y - p.y) * share };
    let share = |step: usize, of: usize| (step as f32 + 0.5) / of as f32;
    let samples: Vec<Point> = (0..ALONG * ACROSS)
        .map(|at| {
            let x = share(at % ALONG, ALONG);
            between(between(a, b, x), between(d, c, x), share(at / ALONG, ACROSS))
        })
        .collect();
    quads.iter().any(|quad| samples.iter().filter(|p| holds(quad, **p)).count() * 2 > samples.len())
}

/// Whether a point lies inside a convex quadrangle.
fn holds(quad: &Quad, p: Point) -> bool {
    let [a, b, c, d] = quad.0;
    let sides = [(a, b), (b, c), (c, d), (d, a)];
    let turn = |(q, r): &(Point, Point)| (r.x - q.x) * (p.y - q.y) - (r.y - q.y) * (p.x - q.x);
    sides.iter().all(|side| turn(side) >= 0.0) || sides.iter().all(|side| turn(side) <= 0.0)
}

fn height(quad: &Quad) -> f32 {
    let [a, b, c, d] = quad.0;
    let side = |p: Point, q: Point| (p.x - q.x).hypot(p.y - q.y);
    side(a, d).max(side(b, c)).max(1.0)
}

fn middle(quad: &Quad) -> Point {
    quad.bounds().centre()
}

/// The rows of a page that may be lines of a zone; parts of one line are joined.
fn rows(lines: &[(Quad, String)]) -> Vec<Row> {
    let mut parts: Vec<Row> = lines
        .iter()
        .map(|(quad, text)| Row { quad: *quad, text: packed(text) })
        .filter(|row| is_like(&row.text, 2) && row.quad.bounds().w > row.quad.bounds().h)
        .collect();
    parts.sort_by(|a, b| a.quad.bounds().x.total_cmp(&b.quad.bounds().x));
    let mut out: Vec<Row> = Vec::new();
    for part in parts {
        let h = height(&part.quad);
        // A part goes on where the line before it points, at most a few characters further on.
        let before = out.iter_mut().find(|row| {
            let [_, right, low, _] = row.quad.0;
            let gap = part.quad.0[0].x - right.x;
            let drop = (middle(&part.quad).y - f32::midpoint(right.y, low.y)).abs();
            gap > -0.6 * h
                && gap < 4.0 * h
                && drop < 0.5 * h
                && height(&row.quad) < 1.8 * h
                && h < 1.8 * height(&row.quad)
        });
        match before {
            Some(row) => {
                row.quad = Quad([row.quad.0[0], part.quad.0[1], part.quad.0[2], row.quad.0[3]]);
                row.text.push_str(&part.text);
            }
            None => out.push(part),
        }
    }
    out.retain(|row| is_like(&row.text, 15));
    out.sort_by(|a, b| middle(&a.quad).y.total_cmp(&middle(&b.quad).y));
    out
}

/// Two or three rows, one below the other at line distance, equally long, with fillers among them.
fn groups(rows: &[Row]) -> Vec<Vec<Row>> {
    let follows = |a: &Row, b: &Row| {
        let (h, (ra, rb)) =
            (f32::midpoint(height(&a.quad), height(&b.quad)), (a.quad.bounds(), b.quad.bounds()));
        // On a slanted page the distance is taken where both rows are.
        let apart = middle(&b.quad).y - middle(&a.quad).y;
        let common = ra.right().min(rb.right()) - ra.x.max(rb.x);
        apart > 0.6 * h && apart < 3.8 * h && common > 0.7 * ra.w.min(rb.w)
    };
    let mut out = Vec::new();
    for (at, first) in rows.iter().enumerate() {
        for (next, second) in rows.iter().enumerate().skip(at + 1).filter(|(_, b)| follows(first, b)) {
            out.push(vec![first.clone(), second.clone()]);
            for third in rows.iter().skip(next + 1).filter(|c| follows(second, c)) {
                out.push(vec![first.clone(), second.clone(), third.clone()]);
            }
        }
    }
    out.retain(|group| group.iter().map(|row| fillers(&row.text)).sum::<usize>() >= 4);
    // Longest first: three rows of a card hold two rows that look like another format.
    out.sort_by_key(|group| std::cmp::Reverse(group.iter().map(|row| fillers(&row.text)).sum::<usize>()));
    out.truncate(4);
    out
}

/// The rows stretched to the leftmost and the rightmost end among them, each along its own direction, and
/// grown by `share` of their height on every side.
fn stretched(group: &[Row], share: f32) -> Vec<Quad> {
    let left =
        group.iter().map(|r| f32::midpoint(r.quad.0[0].x, r.quad.0[3].x)).fold(f32::INFINITY, f32::min);
    let right =
        group.iter().map(|r| f32::midpoint(r.quad.0[1].x, r.quad.0[2].x)).fold(f32::NEG_INFINITY, f32::max);
    group
        .iter()
        .map(|row| {
            let [a, b, c, d] = row.quad.0;
            let h = height(&row.quad) * share;
            let reach = |p: Point, q: Point, x: f32| {
                let slope = if (q.x - p.x).abs() > 1.0 { (q.y - p.y) / (q.x - p.x) } else { 0.0 };
                Point { x, y: p.y + slope * (x - p.x) }
            };
            // The ends of a row lean; only the amount is taken over from the others.
            let (out_left, out_right) =
                (left - f32::midpoint(a.x, d.x) - h, right - f32::midpoint(b.x, c.x) + h);
            let up = |p: Point| Point { x: p.x, y: p.y - h };
            let down = |p: Point| Point { x: p.x, y: p.y + h };
            Quad([
                up(reach(a, b, a.x + out_left)),
                up(reach(a, b, b.x + out_right)),
                down(reach(d, c, c.x + out_right)),
                down(reach(d, c, d.x + out_left)),
            ])
        })
        .collect()
}

fn glyphs(reading: &Reading) -> Vec<Glyph> {
    reading
        .characters
        .iter()
        .filter(|c| !c.character.is_whitespace())
        .map(|c| Glyph {
            character: c.character,
            confidence: c.confidence,
            centre: c.centre,
            alternatives: c.alternatives.clone(),
        })
        .collect()
}

/// How much a reading is worth against another of the same zone.
fn rank(mrz: &Mrz) -> (bool, usize, usize, f32) {
    let right = mrz.checks.iter().filter(|c| c.ok).count();
    let moved = mrz.repaired.iter().filter(|r| r.proof != Proof::PositionType).count();
    (mrz.valid, right, usize::MAX - moved - 2 * mrz.unknown_codes.len(), mrz.character_confidence())
}

fn better(a: &Mrz, b: &Mrz) -> bool {
    let (a, b) = (rank(a), rank(b));
    (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)).then(a.3.total_cmp(&b.3)).is_gt()
}

/// Whether a zone whose check digits do not all come out is one all the same: what was read without an
/// alphabet shows runs of fillers, and a check digit or the state comes out.
fn is_zone(mrz: &Mrz, group: &[Row]) -> bool {
    let seen: usize = group.iter().map(|row| fillers(&row.text)).sum();
    let right = mrz.checks.iter().filter(|c| c.ok && c.found != '<').count();
    mrz.valid || (seen >= 6 && (right >= 2 || (right >= 1 && mrz.unknown_codes.len() < 2)))
}

/// A picture and how it lies on the page.
struct View<'a> {
    picture: &'a Picture,
    /// Where its part of the page begins.
    origin: Point,
    scale: f32,
    /// How the page was turned to make it, and the size of the page.
    turn: Quarter,
    size: (f32, f32),
}

impl<'a> View<'a> {
    fn whole(picture: &'a Picture) -> Self {
        let size = (picture.width() as f32, picture.height() as f32);
        Self { picture, origin: Point { x: 0.0, y: 0.0 }, scale: 1.0, turn: Quarter::None, size }
    }

    fn on_page(&self, quad: &Quad) -> Quad {
        Quad(quad.0.map(|p| {
            let p = Point { x: self.origin.x + p.x / self.scale, y: self.origin.y + p.y / self.scale };
            self.turn.undone(p, self.size)
        }))
    }
}

/// Reads the zone of an upright page, if it has one: from the lines that were found on it, then from lines that
/// stand on their head or side (the other page of an open passport decides which way is up), then from the part
/// round what looked like a zone or the lower half, enlarged and detected anew. A reading whose check digits all
/// come out ends the search; otherwise the best one is the answer.
pub(super) fn read(
    text: &TextReader,
    alphabet: &Alphabet,
    picture: &Picture,
    page: &PageText,
    ticket: &Ticket,
) -> Result<Option<Zone>, OcrError> {
    let lines: Vec<(Quad, String)> = page.lines.iter().map(|l| (l.quad, l.text.clone())).collect();
    let mut best = read_groups(text, alphabet, &View::whole(picture), &lines, ticket)?;
    if best.is_none() {
        best = read_turned(text, alphabet, picture, ticket)?;
    }
    if best.as_ref().is_some_and(|zone| zone.mrz.valid) {
        return Ok(best);
    }
    for area in second_looks(picture, &lines) {
        ticket.check()?;
        // Lines of a zone read best at twenty pixels and more; the widest holds 44 characters.
        let scale = (1600.0 / area.w).clamp(0.5, 3.0);
        let side = |of: f32| ((of * scale).round() as u32).max(1);
        let resampling = if scale < 1.0 { Resampling::Area } else { Resampling::Lanczos };
        let part = picture.resized_part(&area, side(area.w), side(area.h), resampling)?;
        let quads = text.detect(&part, ticket)?;
        let readings = text.read_quads(&part, &quads, None, ticket)?;
        let lines: Vec<(Quad, String)> =
            quads.into_iter().zip(readings.into_iter().map(|r| r.text)).collect();
        let origin = Point { x: area.x, y: area.y };
        let view = View { picture: &part, origin, scale, ..View::whole(picture) };
        let found = read_groups(text, alphabet, &view, &lines, ticket)?;
        best = match (best, found) {
            (Some(a), Some(b)) => Some(if better(&b.mrz, &a.mrz) { b } else { a }),
            (a, b) => a.or(b),
        };
        if best.as_ref().is_some_and(|zone| zone.mrz.valid) {
            break;
        }
    }
    Ok(best)
}

/// Reads the long lines of a page the other ways up.
fn read_turned(
    text: &TextReader,
    alphabet: &Alphabet,
    picture: &Picture,
    ticket: &Ticket,
) -> Result<Option<Zone>, OcrError> {
    // A line of thirty characters is some fifteen times as long as high; its box has a margin.
    const LONG: f32 = 8.0;
    let found = text.detect(picture, ticket)?;
    let size = (picture.width() as f32, picture.height() as f32);
    for turn in [Quarter::Half, Quarter::Right, Quarter::Left] {
        ticket.check()?;
        let lies = turn == Quarter::Half;
        let (back, turned_size) = match turn {
            Quarter::Right => (Quarter::Left, (size.1, size.0)),
            Quarter::Left => (Quarter::Right, (size.1, size.0)),
            _ => (turn, size),
        };
        let quads: Vec<Quad> = found
            .iter()
            .filter(|quad| {
                // By its sides: the box round a slanted line is far higher than the line.
                let [a, b, _, d] = quad.0;
                let side = |p: Point, q: Point| (p.x - q.x).hypot(p.y - q.y).max(1.0);
                let (w, h) = (side(a, b), side(a, d));
                if lies { w > LONG * h } else { h > LONG * w }
            })
            .map(|quad| {
                // What is on top changes with the turn.
                let [a, b, c, d] = quad.0.map(|p| back.undone(p, turned_size));
                Quad(match turn {
                    Quarter::Right => [d, a, b, c],
                    Quarter::Left => [b, c, d, a],
                    _ => [c, d, a, b],
                })
            })
            .collect();
        if quads.len() < 2 {
            continue;
        }
        let turned = turn.of(picture)?;
        let readings = text.read_quads(&turned, &quads, None, ticket)?;
        let lines: Vec<(Quad, String)> =
            quads.into_iter().zip(readings.into_iter().map(|r| r.text)).collect();
        let view = View { turn, size, ..View::whole(&turned) };
        let zone = read_groups(text, alphabet, &view, &lines, ticket)?;
        if zone.is_some() {
            return Ok(zone);
        }
    }
    Ok(None)
}

/// Where to look again: round the lines that look like a zone, else the lower half.
fn second_looks(picture: &Picture, lines: &[(Quad, String)]) -> Vec<Rect> {
    let (w, h) = (picture.width() as f32, picture.height() as f32);
    let like: Vec<Rect> = lines
        .iter()
        .filter(|(_, text)| {
            let text = packed(text);
            is_like(&text, 8) && fillers(&text) >= 2
        })
        .map(|(quad, _)| quad.bounds())
        .collect();
    let mut out = Vec::new();
    if let Some(first) = like.first() {
        let all = like.iter().fold(*first, |a, b| {
            Rect::from_corners(
                a.x.min(b.x),
                a.y.min(b.y),
                a.right().max(b.right()),
                a.bottom().max(b.bottom()),
            )
        });
        let tall = like.iter().map(|r| r.h).fold(1.0, f32::max);
        // Two lines more on either side, and as much text as a zone may be longer than what was seen of it.
        let reach = (all.w * 0.5).max(2.0 * tall);
        out.push(
            Rect::from_corners(
                all.x - reach,
                all.y - 5.0 * tall,
                all.right() + reach,
                all.bottom() + 5.0 * tall,
            )
            .clipped(picture.width(), picture.height()),
        );
    } else {
        out.push(Rect { x: 0.0, y: h * 0.55, w, h: h * 0.45 });
        if w.max(h) < 900.0 {
            out.push(Rect { x: 0.0, y: 0.0, w, h });
        }
    }
    // Whole pixels: a part that ends a rounding error beyond the picture cannot be cut out.
    for r in &mut out {
        let (x, y) = (r.x.max(0.0).floor(), r.y.max(0.0).floor());
        *r = Rect::from_corners(x, y, r.right().floor().min(w), r.bottom().floor().min(h));
    }
    out.retain(|r| r.w >= 16.0 && r.h >= 8.0);
    out
}

/// The best reading of any group of rows.
fn read_groups(
    text: &TextReader,
    alphabet: &Alphabet,
    view: &View<'_>,
    lines: &[(Quad, String)],
    ticket: &Ticket,
) -> Result<Option<Zone>, OcrError> {
    let mut best: Option<Zone> = None;
    for group in groups(&rows(lines)) {
        ticket.check()?;
        let plain = mrz::parse_read(&group.iter().map(|r| r.text.as_str()).collect::<Vec<_>>());
        let detected: Vec<Quad> = group.iter().map(|r| r.quad).collect();
        let mut attempts: Vec<(Mrz, Vec<Quad>)> =
            plain.into_iter().map(|mrz| (mrz, detected.clone())).collect();
        for quads in [detected, stretched(&group, 0.0), stretched(&group, 0.12), stretched(&group, -0.06)] {
            let readings = text.read_quads(view.picture, &quads, Some(alphabet), ticket)?;
            let lines: Vec<Vec<Glyph>> = readings.iter().map(glyphs).collect();
            if let Some(mrz) = mrz::parse_glyphs(&lines) {
                let done = mrz.valid && mrz.repaired.is_empty() && mrz.character_confidence() > 0.97;
                attempts.push((mrz, quads));
                if done {
                    break;
                }
            }
        }
        attempts.retain(|(mrz, _)| is_zone(mrz, &group));
        let found = chosen(attempts);
        if let Some((mrz, quads)) = found
            && best.as_ref().is_none_or(|known| better(&mrz, &known.mrz))
        {
            best = Some(Zone { mrz, quads: quads.iter().map(|q| view.on_page(q)).collect() });
        }
        if best.as_ref().is_some_and(|zone| zone.mrz.valid) {
            break;
        }
    }
    Ok(best)
}

/// The best of several readings of one zone. Between valid ones, which differ only where no check digit covers,
/// the one that agrees most with the others.
fn chosen(mut attempts: Vec<(Mrz, Vec<Quad>)>) -> Option<(Mrz, Vec<Quad>)> {
    if attempts.iter().any(|(mrz, _)| mrz.valid) {
        attempts.retain(|(mrz, _)| mrz.valid);
        let votes: Vec<usize> =
            attempts.iter().map(|(a, _)| attempts.iter().map(|(b, _)| agreement(a, b)).sum()).collect();
        let most = votes.iter().copied().max().unwrap_or(0);
        let mut vote = votes.iter();
        attempts.retain(|_| vote.next() == Some(&most));
    }
    attempts.into_iter().reduce(|a, b| if better(&b.0, &a.0) { b } else { a })
}

/// How many characters two readings share.
fn agreement(a: &Mrz, b: &Mrz) -> usize {
    a.lines
        .iter()
        .zip(&b.lines)
        .map(
            |(a, b)| {
                if a.len() == b.len() { a.bytes().zip(b.bytes()).filter(|(a, b)| a == b).count() } else { 0 }
            },
        )
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(x: f32, y: f32, text: &str) -> (Quad, String) {
        let rect = Rect { x, y, w: text.chars().count() as f32 * 12.0, h: 20.0 };
        (Quad::from_rect(&rect), text.to_owned())
    }

    const PASSPORT: [&str; 2] =
        ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"];

    #[test]
    fn a_line_that_was_found_in_parts_is_one_row() {
        let (head, tail) = PASSPORT[1].split_at(28);
        let lines =
            [line(40.0, 400.0, PASSPORT[0]), line(40.0, 440.0, head), line(40.0 + 28.0 * 12.0, 441.0, tail)];
        let rows = rows(&lines);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1].text, PASSPORT[1]);
        assert!((rows[1].quad.bounds().w - 44.0 * 12.0).abs() < 1.0);
    }

    #[test]
    fn a_part_of_a_zone_line_is_not_taken_for_print() {
        let whole = line(40.0, 440.0, PASSPORT[1]).0;
        let part = line(40.0, 441.0, "L898902C36UTO740812").0;
        assert!(whole.bounds().iou(&part.bounds()) < 0.5);
        assert!(covers(&[whole], &part));
        assert!(!covers(&[whole], &line(40.0, 405.0, "ERIKSSON").0), "print above the zone was taken for it");
        assert!(
            !covers(&[whole], &line(40.0, 428.0, "ERIKSSON").0),
            "print that touches the zone was taken for it"
        );
        assert!(!covers(&[], &part));
    }

    #[test]
    fn the_print_above_a_zone_is_not_part_of_the_best_group() {
        let lines = [
            line(40.0, 360.0, "UNITED KINGDOM OF GREAT BRITAIN"),
            line(40.0, 400.0, PASSPORT[0]),
            line(40.0, 440.0, PASSPORT[1]),
        ];
        let found = groups(&rows(&lines));
        assert!(found.iter().any(|g| g.len() == 2 && g[0].text == PASSPORT[0]));
    }

    #[test]
    fn print_without_fillers_is_no_zone() {
        let lines = [
            line(40.0, 400.0, "TOTAL 1234567890123456789012345678901234567890"),
            line(40.0, 440.0, "GST 1234567890123456789012345678901234567890AB"),
        ];
        assert!(groups(&rows(&lines)).is_empty());
    }

    #[test]
    fn a_second_look_never_leaves_the_picture() {
        for (width, height) in [(701, 433), (250, 159), (31, 900), (7, 7)] {
            let picture =
                Picture::from_rgb(width, height, vec![0; (width * height * 3) as usize]).expect("a picture");
            let zone = line(width as f32 * 0.7, height as f32 * 0.93, PASSPORT[0]);
            for lines in [vec![zone], Vec::new()] {
                for area in second_looks(&picture, &lines) {
                    assert!(picture.resized_part(&area, 40, 20, Resampling::Lanczos).is_ok(), "{area:?}");
                }
            }
        }
    }

    #[test]
    fn rows_are_stretched_to_the_longest_of_them() {
        let short = &PASSPORT[0][..24];
        let rows = rows(&[line(40.0, 400.0, short), line(40.0, 440.0, PASSPORT[1])]);
        let quads = stretched(&rows, 0.0);
        assert!((quads[0].bounds().w - quads[1].bounds().w).abs() < 1.0);
    }
}

//! Counts of booking requests by night of arrival, room type, lead time and price on sale, with the days on which a room
//! could be had.
//!
//! A day counts as the share of stays that found a room on each of their nights, by the lengths of stay of the room type:
//! a type that is full on the night itself has no exposure, one that is full on the night after it has that of stays of one
//! night, and only those count. Which bookings were refused is not known and not needed.

use std::collections::HashSet;

use chrono::Datelike;
use innkeeper_hotel::RoomTypeName;

use super::input::{DemandError, History, Note};
use super::layout::{BUCKETS, EventKind, Layout, MAX_LEAD, bucket_of};
use super::offer::{Offer, Seen};
use super::stays::{LONGEST, Medians, Stays};

/// Nights before the last known day that are learnt from: four years.
const LONGEST_HISTORY: i32 = 1_461;
/// Most cells before prices that lie near each other are taken together.
const MOST_CELLS: usize = 400_000;
const LEADS: usize = MAX_LEAD as usize + 1;

/// Days of one night, room type, bucket and price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    /// Counted from the first night.
    pub night: usize,
    pub kind: usize,
    pub bucket: usize,
    /// Longest lead time: its first day.
    pub far: u16,
    /// Shortest lead time: its last day.
    pub near: u16,
    /// Days, weighed by the share of stays that found a room; above 0.
    pub exposure: f64,
    /// Bookings.
    pub count: f64,
    /// The price on sale, or what stands for it.
    pub price: Option<f64>,
    /// What competitors asked.
    pub competitor: Option<Seen>,
    /// Whether the price was drawn by chance.
    pub tested: bool,
}

/// What the cells are made from.
#[derive(Debug)]
pub(super) struct Ground {
    pub stays: Stays,
    pub offer: Offer,
    pub medians: Medians,
    pub lengths: Vec<Vec<f64>>,
    /// Rooms by type, where they are known.
    pub rooms: Vec<Option<u32>>,
    /// First night that is learnt from, in days of the common era.
    pub first: i32,
    /// Nights, those to come included.
    pub nights: usize,
    pub as_of: i32,
    /// First day on which bookings were recorded.
    begin: i32,
    /// Spans that are not sold, of a type or of all.
    pub closed: Vec<(i32, i32, Option<usize>)>,
    tests: HashSet<(usize, i32)>,
    pub events: Vec<EventKind>,
    /// Bookings that count, by night and lead time, over all types.
    pub by_day: Vec<u16>,
    pub notes: Vec<Note>,
}

impl Ground {
    /// Reads what was known on the last day.
    pub fn read(history: &History<'_>) -> Result<Self, DemandError> {
        let mut notes = Vec::new();
        let stays = Stays::read(history, &mut notes)?;
        let as_of = history.as_of.num_days_from_ce();
        let oldest = as_of - LONGEST_HISTORY;
        let newest = as_of + i32::from(MAX_LEAD);
        let inside = || stays.list.iter().filter(|stay| (oldest..=newest).contains(&stay.arrival));
        let none = || DemandError::NoBookings(history.as_of);
        let first = inside().map(|stay| stay.arrival).min().ok_or_else(none)?.min(as_of);
        let begin = inside().map(|stay| stay.booked).min().ok_or_else(none)?;
        let last = if inside().any(|stay| stay.arrival > as_of) {
            newest
        } else {
            notes.push(Note::NoArrivalsToCome);
            as_of
        };
        let known = as_of - first + 1;
        if known < 365 {
            notes.push(Note::NoYear { nights: usize::try_from(known).unwrap_or(0) });
        }
        let rooms: Vec<Option<u32>> =
            stays.kinds.iter().map(|kind| history.rooms.get(kind).copied()).collect();
        for (kind, rooms) in stays.kinds.iter().zip(&rooms) {
            match rooms {
                None => notes.push(Note::UnknownRooms { room_type: kind.clone() }),
                Some(0) => notes.push(Note::NoRooms { room_type: kind.clone() }),
                Some(_) => {}
            }
        }
        let place = |name: &RoomTypeName| stays.kinds.iter().position(|kind| kind == name);
        let closed: Vec<(i32, i32, Option<usize>)> = history
            .closures
            .iter()
            .filter_map(|closure| {
                let span = (closure.from.num_days_from_ce(), closure.until.num_days_from_ce());
                match &closure.room_type {
                    None => Some((span.0, span.1, None)),
                    Some(name) => place(name).map(|kind| (span.0, span.1, Some(kind))),
                }
            })
            .collect();
        let closed = merged(closed);
        let tests = history
            .tests
            .iter()
            .filter_map(|(night, name)| place(name).map(|kind| (kind, night.num_days_from_ce())))
            .collect();
        let offer = Offer::read(history, &stays.kinds, &mut notes);
        let nights = usize::try_from(last - first + 1).unwrap_or(1);
        Ok(Self {
            medians: stays.medians(),
            lengths: stays.lengths(),
            events: events(history, first, newest),
            by_day: vec![0; nights * (LEADS + 1)],
            stays,
            offer,
            rooms,
            first,
            nights,
            as_of,
            begin,
            closed,
            tests,
            notes,
        })
    }

    /// The layout of the regression on these cells.
    pub fn layout(&self) -> Layout {
        Layout { kinds: self.stays.kinds.len(), events: self.events.clone(), as_of: self.as_of }
    }

    /// Whether a night is closed for a type.
    fn is_closed(&self, night: i32, kind: usize) -> bool {
        self.closed
            .iter()
            .any(|(from, until, of)| (*from..=*until).contains(&night) && of.is_none_or(|of| of == kind))
    }

    /// The cells, by room type, night and lead time from far to near. None reaches over the end of `split`.
    pub fn cells(&mut self, split: Option<i32>) -> Vec<Cell> {
        let mut tolerance = 0.005;
        let (mut cells, mut left) = self.cells_of(split, tolerance);
        while cells.len() > MOST_CELLS && tolerance < 1.0 {
            tolerance *= 4.0;
            (cells, left) = self.cells_of(split, tolerance);
            self.notes.retain(|note| !matches!(note, Note::MergedPrices { .. }));
            self.notes.push(Note::MergedPrices { share: tolerance });
        }
        if left.while_full > 0 {
            self.notes.push(Note::WhileFull { bookings: left.while_full });
        }
        if left.early > 0 {
            self.notes.push(Note::TooEarly { bookings: left.early });
        }
        if left.unpriced > 0.0 {
            self.notes.push(Note::UnpricedDays { share: left.unpriced });
        }
        cells
    }

    fn cells_of(&mut self, split: Option<i32>, tolerance: f64) -> (Vec<Cell>, LeftOut) {
        let mut cells = Vec::new();
        let mut left = LeftOut::default();
        let (mut priced, mut unpriced) = (0.0, 0.0);
        let mut by_day = vec![0_u16; self.nights * (LEADS + 1)];
        for kind in 0..self.stays.kinds.len() {
            if self.rooms[kind] == Some(0) {
                continue;
            }
            let runs = self.runs(kind);
            let mut counts = vec![0_u16; self.nights * LEADS];
            for stay in self.stays.list.iter().filter(|stay| stay.kind == kind) {
                let Some(night) = self.offset(stay.arrival) else { continue };
                match usize::try_from(stay.lead()) {
                    Ok(lead) if lead < LEADS => {
                        let place = night * LEADS + lead;
                        if usize::from(stay.nights).min(LONGEST) <= usize::from(runs[place]) {
                            counts[place] = counts[place].saturating_add(1);
                        } else {
                            left.while_full += 1;
                        }
                    }
                    _ => left.early += 1,
                }
            }
            // Chance of a stay to need no more than this many nights.
            let mut within = vec![0.0; LONGEST + 1];
            for nights in 1..=LONGEST {
                within[nights] = within[nights - 1] + self.lengths[kind][nights - 1];
            }
            for night in 0..self.nights {
                let date = self.first + night as i32;
                let tested = self.tests.contains(&(kind, date));
                let nearest = (date - self.as_of).max(0);
                let farthest = (date - self.begin).min(i32::from(MAX_LEAD));
                let mut open: Option<Open> = None;
                for lead in (nearest..=farthest).rev() {
                    let place = night * LEADS + lead as usize;
                    let count = counts[place];
                    let exposure = within[usize::from(runs[place]).min(LONGEST)];
                    if exposure <= 0.0 {
                        continue;
                    }
                    let Some(bucket) = bucket_of(lead as u16) else { continue };
                    let day = date - lead;
                    let price = if self.offer.known[kind] {
                        self.offer.price(kind, date, day)
                    } else {
                        self.medians.at(kind, date, bucket)
                    };
                    if price.is_none() && self.offer.known[kind] {
                        unpriced += exposure;
                        continue;
                    }
                    priced += exposure;
                    let daily = &mut by_day[night * (LEADS + 1) + lead as usize];
                    *daily = daily.saturating_add(count);
                    let competitor = self.offer.competitor(kind, date, day);
                    let fits = open.as_ref().is_some_and(|open| {
                        open.cell.bucket == bucket
                            && near(open.cell.price, price, tolerance)
                            && alike(open.cell.competitor, competitor)
                            && split.is_none_or(|split| (day > split) == (open.last_day > split))
                    });
                    if !fits && let Some(done) = open.take() {
                        cells.push(done.close());
                    }
                    let open = open.get_or_insert(Open {
                        cell: Cell {
                            night,
                            kind,
                            bucket,
                            far: lead as u16,
                            near: lead as u16,
                            exposure: 0.0,
                            count: 0.0,
                            price,
                            competitor,
                            tested,
                        },
                        logs: 0.0,
                        last_day: day,
                    });
                    open.cell.near = lead as u16;
                    open.last_day = day;
                    open.cell.exposure += exposure;
                    open.cell.count += f64::from(count);
                    open.logs += exposure * price.map_or(0.0, f64::ln);
                }
                if let Some(done) = open {
                    cells.push(done.close());
                }
            }
        }
        self.by_day = by_day;
        left.unpriced = if unpriced > 0.0 { unpriced / (priced + unpriced) } else { 0.0 };
        (cells, left)
    }

    fn offset(&self, day: i32) -> Option<usize> {
        usize::try_from(day - self.first).ok().filter(|night| *night < self.nights)
    }

    /// Nights in a row, from a night on, that could surely be had at a lead time; night-major.
    ///
    /// On the day on which a type fills, some who asked were refused, and nobody wrote down how many. Such a day cannot be
    /// left out for what happened on it. Days that began with fewer rooms than a busy day of that lead time takes are left
    /// out instead: that was settled before the day.
    fn runs(&self, kind: usize) -> Vec<u8> {
        let rows = LEADS + 1;
        let mut booked = vec![0_i32; self.nights * rows];
        let mut taken = vec![0_u16; self.nights * LEADS];
        if self.rooms[kind].is_some() {
            for stay in self.stays.list.iter().filter(|stay| stay.kind == kind) {
                for night in stay.arrival..stay.arrival + i32::from(stay.nights) {
                    let Some(at) = self.offset(night) else { continue };
                    let lead = (night - stay.booked).clamp(0, MAX_LEAD.into()) as usize;
                    booked[at * rows + lead + 1] += 1;
                    let taken = &mut taken[at * LEADS + lead];
                    *taken = taken.saturating_add(1);
                    if let Some(released) = stay.released
                        && let Ok(lead) = usize::try_from(night - released)
                    {
                        booked[at * rows + (lead + 1).min(LEADS)] -= 1;
                    }
                }
            }
        }
        // After this, place `lead + 1` holds what was booked at the end of the day with this lead time; the morning of a
        // day is the end of the day before it.
        for row in booked.chunks_exact_mut(rows) {
            for lead in (0..LEADS).rev() {
                row[lead] += row[lead + 1];
            }
        }
        let rooms = self.rooms[kind].map(|rooms| i32::try_from(rooms).unwrap_or(i32::MAX));
        let busy = rooms.map(|rooms| self.busy_days(&booked, &taken, rooms));
        let mut runs = vec![0_u8; self.nights * LEADS];
        for night in (0..self.nights).rev() {
            if self.is_closed(self.first + night as i32, kind) {
                continue;
            }
            let row = &booked[night * rows..(night + 1) * rows];
            for lead in 0..LEADS {
                let bucket = bucket_of(lead as u16).unwrap_or(BUCKETS.len() - 1);
                let before = row.get(lead + 2).copied().unwrap_or(0);
                let scarce =
                    rooms.zip(busy.as_ref()).is_some_and(|(rooms, busy)| rooms - before < busy[bucket]);
                if scarce {
                    continue;
                }
                let after = if night + 1 < self.nights {
                    runs[(night + 1) * LEADS + (lead + 1).min(LEADS - 1)]
                } else {
                    LONGEST as u8
                };
                runs[night * LEADS + lead] = (after + 1).min(LONGEST as u8);
            }
        }
        runs
    }

    /// Rooms that a busy day takes of a night, by bucket: two and a half standard deviations above the mean of days that began
    /// with a third of the rooms free; at least 1, at most a third of the rooms.
    fn busy_days(&self, booked: &[i32], taken: &[u16], rooms: i32) -> Vec<i32> {
        let mut sums = vec![(0.0, 0.0, 0.0); BUCKETS.len()];
        for night in 0..self.nights {
            let date = self.first + night as i32;
            let (nearest, farthest) =
                ((date - self.as_of).max(0), (date - self.begin).min(i32::from(MAX_LEAD)));
            for lead in nearest..=farthest {
                let lead = lead as usize;
                let before = if lead + 2 > LEADS { 0 } else { booked[night * (LEADS + 1) + lead + 2] };
                if rooms - before >= (rooms / 3).max(1)
                    && let Some(bucket) = bucket_of(lead as u16)
                {
                    let taken = f64::from(taken[night * LEADS + lead]);
                    let sum = &mut sums[bucket];
                    *sum = (sum.0 + 1.0, sum.1 + taken, sum.2 + taken * taken);
                }
            }
        }
        sums.into_iter()
            .map(|(days, sum, squares)| {
                let mean = sum / f64::max(days, 1.0);
                let spread = (squares / f64::max(days, 1.0) - mean * mean).max(0.0).sqrt();
                ((mean + 2.5 * spread).ceil() as i32).clamp(1, (rooms / 3).max(1))
            })
            .collect()
    }
}

/// What was not learnt from.
#[derive(Debug, Default, Clone, Copy)]
struct LeftOut {
    while_full: usize,
    early: usize,
    /// Share of the days on sale.
    unpriced: f64,
}

/// A cell that grows.
struct Open {
    cell: Cell,
    /// Log prices, weighed by exposure.
    logs: f64,
    last_day: i32,
}

impl Open {
    fn close(self) -> Cell {
        let price = self.cell.price.map(|_| (self.logs / self.cell.exposure).exp());
        Cell { price, ..self.cell }
    }
}

fn near(a: Option<f64>, b: Option<f64>, tolerance: f64) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= tolerance * a.abs(),
        (None, None) => true,
        _ => false,
    }
}

fn alike(a: Option<Seen>, b: Option<Seen>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.by_then == b.by_then && (a.ratio - b.ratio).abs() <= 0.005,
        (None, None) => true,
        _ => false,
    }
}

/// Events that were known, by kind; kinds in the order of their names.
fn events(history: &History<'_>, first: i32, last: i32) -> Vec<EventKind> {
    let mut kinds: std::collections::BTreeMap<&str, Vec<(i32, i32)>> = std::collections::BTreeMap::new();
    for event in history.events {
        let (from, until) = (event.from.num_days_from_ce(), event.until.num_days_from_ce());
        let known = event.known_on.is_none_or(|day| day <= history.as_of);
        if known && from <= until && until >= first && from <= last {
            kinds.entry(&event.kind).or_default().push((from, until));
        }
    }
    // More kinds than this would be fitted by chance.
    kinds.into_iter().take(32).map(|(name, spans)| EventKind { name: name.to_owned(), spans }).collect()
}

/// Days of a bucket.
pub(super) fn days(bucket: usize) -> f64 {
    f64::from(BUCKETS[bucket].until - BUCKETS[bucket].from + 1)
}

/// Spans of days that touch or overlap, as one: closures may come as one row a night.
fn merged(mut spans: Vec<(i32, i32, Option<usize>)>) -> Vec<(i32, i32, Option<usize>)> {
    spans.sort_unstable_by_key(|(from, until, kind)| (*kind, *from, *until));
    let mut merged: Vec<(i32, i32, Option<usize>)> = Vec::new();
    for (from, until, kind) in spans {
        match merged.last_mut() {
            Some(last) if last.2 == kind && from <= last.1.saturating_add(1) => last.1 = last.1.max(until),
            _ => merged.push((from, until, kind)),
        }
    }
    merged
}

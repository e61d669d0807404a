use std::collections::BTreeMap;

use polars::prelude::*;

use crate::columns::{amount, counts, dates, flags, full_days_of, reals, texts};
use crate::frame::{ColumnType, FrameDescription, full, open};
use crate::{AsOf, FramesError, Window, day_number};

/// Most rows of the frame: 1,000 room types over 27 years.
const MAX_ROWS: usize = 10_000_000;

pub(crate) const DESCRIPTION: FrameDescription = FrameDescription {
    name: "nights",
    version: 1,
    row: "a room type and a night, for each room type that has a room or a booking and each night of the window",
    sorted_by: &["room_type", "night"],
    point_in_time: true,
    columns: &[
        full("room_type", ColumnType::Text, "", "the room type that was booked", "at booking"),
        full("night", ColumnType::Date, "", "the night", "always"),
        open("rooms", ColumnType::Count, "rooms", "rooms of the type; empty where none is listed", "always"),
        full("closed", ColumnType::Flag, "", "the hotel or the type is not sold", "taken as known always"),
        full(
            "rooms_on_books",
            ColumnType::Count,
            "rooms",
            "bookings that cover the night and had not been cancelled or found a no-show",
            "as of the day",
        ),
        full(
            "revenue_on_books",
            ColumnType::Real,
            "money a night",
            "sum of the rates of the rooms on the books",
            "as of the day",
        ),
        full(
            "unpriced_on_books",
            ColumnType::Count,
            "rooms",
            "rooms on the books without a usable rate; revenue holds nothing for them",
            "as of the day",
        ),
        full(
            "arrivals",
            ColumnType::Count,
            "rooms",
            "rooms on the books whose first night it is",
            "as of the day",
        ),
        full(
            "departures",
            ColumnType::Count,
            "rooms",
            "stays of a night or more that end on this day, on the books",
            "as of the day",
        ),
        full(
            "stay_overs",
            ColumnType::Count,
            "rooms",
            "rooms on the books that were taken by the same booking the night before",
            "as of the day",
        ),
        full(
            "day_uses",
            ColumnType::Count,
            "rooms",
            "stays of no night on this day, on the books",
            "as of the day",
        ),
        open(
            "rooms_sold",
            ColumnType::Count,
            "rooms",
            "rooms taken that night; empty for nights after the day",
            "that night",
        ),
        open(
            "revenue_sold",
            ColumnType::Real,
            "money a night",
            "room revenue of that night; empty for nights after the day",
            "that night",
        ),
        open(
            "departed",
            ColumnType::Count,
            "rooms",
            "check-outs of that day; empty after the day",
            "that day",
        ),
    ],
};

/// Sums of one room type over the window, first as steps, then as levels.
struct Sums {
    rooms: Vec<i64>,
    revenue: Vec<i128>,
    unpriced: Vec<i64>,
    arrivals: Vec<u32>,
    departures: Vec<u32>,
    day_uses: Vec<u32>,
}

fn running<T: Copy + Default + std::ops::AddAssign>(steps: &mut [T]) {
    let mut level = T::default();
    for step in steps {
        level += *step;
        *step = level;
    }
}

fn add<T: std::ops::AddAssign>(values: &mut [T], place: usize, by: T) {
    if let Some(value) = values.get_mut(place) {
        *value += by;
    }
}

impl Sums {
    fn new(nights: usize) -> Self {
        Self {
            rooms: vec![0; nights + 1],
            revenue: vec![0; nights + 1],
            unpriced: vec![0; nights + 1],
            arrivals: vec![0; nights],
            departures: vec![0; nights],
            day_uses: vec![0; nights],
        }
    }

    /// A stay is a step up on its first night and a step down on its departure, whatever its length.
    fn stay(&mut self, part: (usize, usize), rate: Option<i64>) {
        let (start, end) = part;
        add(&mut self.rooms, start, 1);
        add(&mut self.rooms, end, -1);
        if let Some(rate) = rate {
            add(&mut self.revenue, start, i128::from(rate));
            add(&mut self.revenue, end, -i128::from(rate));
        } else {
            add(&mut self.unpriced, start, 1);
            add(&mut self.unpriced, end, -1);
        }
    }

    fn level(&mut self) {
        running(&mut self.rooms);
        running(&mut self.revenue);
        running(&mut self.unpriced);
        self.rooms.pop();
        self.revenue.pop();
        self.unpriced.pop();
    }
}

/// Rooms and revenue on the books per room type and night, as known at the end of the day, with what was sold on the
/// nights that have passed. [`describe`](crate::describe) says what each column is.
///
/// Sums are made of steps (up on the first night, down on the departure) in one pass over the bookings, so that a
/// stay of 300 nights costs what a stay of one costs; money is added in whole ten-thousandths, so that the order of the
/// rows cannot change a sum.
///
/// # Errors
/// [`FramesError::TooLarge`] when room types times nights pass ten million; [`FramesError::Engine`] when a table
/// cannot be read.
pub fn nights(as_of: &AsOf, window: Window) -> Result<DataFrame, FramesError> {
    let stays = as_of.stays()?;
    let rooms = as_of.rooms().select([col("room_type")]).collect()?;
    let mut kinds = BTreeMap::<&str, Option<u32>>::new();
    for word in &stays.room_type.words {
        kinds.insert(word, None);
    }
    for kind in rooms.column("room_type")?.str()?.iter().flatten() {
        *kinds.entry(kind).or_default().get_or_insert(0) += 1;
    }
    // With neither rooms nor bookings there is nothing to have nights.
    let nights = window.nights();
    let rows = kinds.len().saturating_mul(nights);
    if rows > MAX_ROWS {
        return Err(FramesError::TooLarge { frame: DESCRIPTION.name, rows, most: MAX_ROWS });
    }
    let mut sums: Vec<Sums> = kinds.keys().map(|_| Sums::new(nights)).collect();
    let sorted: Vec<&str> = kinds.keys().copied().collect();
    let places: Vec<usize> = stays
        .room_type
        .words
        .iter()
        .map(|word| sorted.binary_search(&word.as_str()).unwrap_or(usize::MAX))
        .collect();
    for row in 0..stays.len() {
        let (Some(code), Some(arrival), Some(rate)) =
            (stays.room_type.codes.get(row), stays.arrival.get(row), stays.rate.get(row))
        else {
            continue;
        };
        let place = places.get(*code as usize).copied().unwrap_or(usize::MAX);
        let Some(sums) = sums.get_mut(place).filter(|_| stays.holds(row)) else { continue };
        let arrival = i64::from(*arrival);
        let departure = stays.departure(row);
        if departure <= arrival {
            if let Some(place) = window.place(arrival) {
                add(&mut sums.day_uses, place, 1);
            }
            continue;
        }
        if let Some(place) = window.place(arrival) {
            add(&mut sums.arrivals, place, 1);
        }
        if let Some(place) = window.place(departure) {
            add(&mut sums.departures, place, 1);
        }
        if let Some(part) = window.part(arrival, departure) {
            sums.stay(part, *rate);
        }
    }
    for sums in &mut sums {
        sums.level();
    }
    let closed = closed_nights(as_of, window, &kinds)?;
    assemble(as_of, window, &kinds, &sums, &closed)
}

/// For each room type and night whether it is not sold.
fn closed_nights(
    as_of: &AsOf,
    window: Window,
    kinds: &BTreeMap<&str, Option<u32>>,
) -> Result<Vec<bool>, FramesError> {
    let nights = window.nights();
    let closures = as_of.closures().collect()?;
    let mut closed = vec![false; kinds.len() * nights];
    let from = full_days_of(&closures, "from")?;
    let until = full_days_of(&closures, "until")?;
    for ((from, until), closed_kind) in
        from.into_iter().zip(until).zip(closures.column("room_type")?.str()?.iter())
    {
        let Some((start, end)) = window.part(i64::from(from), i64::from(until) + 1) else { continue };
        for (place, kind) in kinds.keys().enumerate() {
            if closed_kind.is_none_or(|closed| closed == *kind)
                && let Some(part) = closed.get_mut(place * nights + start..place * nights + end)
            {
                part.fill(true);
            }
        }
    }
    Ok(closed)
}

fn assemble(
    as_of: &AsOf,
    window: Window,
    kinds: &BTreeMap<&str, Option<u32>>,
    sums: &[Sums],
    closed: &[bool],
) -> Result<DataFrame, FramesError> {
    let nights = window.nights();
    let rows = kinds.len() * nights;
    let first = window.first_day();
    // Nights up to and including the day have passed.
    let passed = (i64::from(day_number(as_of.day())) - i64::from(first) + 1).clamp(0, nights as i64) as usize;
    let known = |place: usize| place % nights < passed;
    let by_night = || kinds.iter().flat_map(|kind| std::iter::repeat_n(kind, nights));
    let rooms = || sums.iter().flat_map(|sums| sums.rooms.iter().map(|rooms| *rooms as u32));
    let revenue = || sums.iter().flat_map(|sums| sums.revenue.iter().map(|fixed| amount(*fixed)));
    let departures = || sums.iter().flat_map(|sums| sums.departures.iter().copied());
    let each = |of: fn(&Sums) -> &Vec<u32>| sums.iter().flat_map(move |sums| of(sums).iter().copied());
    let stay_overs = sums.iter().flat_map(|sums| {
        sums.rooms.iter().zip(&sums.arrivals).map(|(rooms, arrivals)| (*rooms - i64::from(*arrivals)) as u32)
    });
    let columns = vec![
        texts("room_type", by_night().map(|(kind, _)| Some(*kind))),
        dates("night", (0..rows).map(|place| Some(first + (place % nights) as i32))),
        counts("rooms", by_night().map(|(_, rooms)| *rooms)),
        flags("closed", closed.iter().map(|closed| Some(*closed))),
        counts("rooms_on_books", rooms().map(Some)),
        reals("revenue_on_books", revenue().map(Some)),
        counts(
            "unpriced_on_books",
            sums.iter().flat_map(|sums| sums.unpriced.iter().map(|rooms| Some(*rooms as u32))),
        ),
        counts("arrivals", each(|sums| &sums.arrivals).map(Some)),
        counts("departures", departures().map(Some)),
        counts("stay_overs", stay_overs.map(Some)),
        counts("day_uses", each(|sums| &sums.day_uses).map(Some)),
        counts("rooms_sold", rooms().enumerate().map(|(place, rooms)| known(place).then_some(rooms))),
        reals("revenue_sold", revenue().enumerate().map(|(place, revenue)| known(place).then_some(revenue))),
        counts("departed", departures().enumerate().map(|(place, gone)| known(place).then_some(gone))),
    ];
    DESCRIPTION.assemble(rows, columns)
}

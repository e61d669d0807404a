//! What a hotel's tables know, in the form that forecasts read: loaded once, shared by all questions.

use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use innkeeper_core::{ErrorCode, HotelId, RoomNumber};
use innkeeper_forecast::History;
use innkeeper_forecast::housekeeping::{Cleaning, CleaningKind, CleaningTimes, DefaultMinutes};
use innkeeper_frames::curves::BookingCurves;
use innkeeper_hotel::{Booking, Closure, Currency, Event, RoomTypeName};
use innkeeper_store::{BookingFilter, CleaningTime, Fingerprint, HotelStore, HotelTable, StoreError};
use uuid::Uuid;

use super::report::{DataReport, ImportReport, RoomTypeReport};
use crate::problem::Problem;

/// Tables that a forecast looks at.
const READ: [HotelTable; 4] =
    [HotelTable::Bookings, HotelTable::Rooms, HotelTable::Events, HotelTable::Closures];
/// How far back cleanings are read, in days before the last known one.
const CLEANINGS_BACK: u64 = 800;
/// Cleanings of so many days before a forecast tell how long cleaning takes.
const CLEANINGS_LEARNT: u64 = 365;
/// What a booking weighs in memory once it is read, in bytes.
const RECORD_BYTES: usize = 40;

/// The state of the tables: two that are equal give the same forecasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    hotel: HotelId,
    tables: [Fingerprint; READ.len()],
    cleaning: Option<Uuid>,
}

impl Mark {
    /// The state now.
    pub async fn of(rows: &HotelStore, hotel: &HotelId) -> Result<Self, StoreError> {
        let mut tables = [Fingerprint::default(); READ.len()];
        for (table, fingerprint) in rows.fingerprints().await? {
            if let Some(place) = READ.iter().position(|read| *read == table)
                && let Some(slot) = tables.get_mut(place)
            {
                *slot = fingerprint;
            }
        }
        let cleaning = rows.cleanings(1).await?.first().map(|cleaning| cleaning.id);
        Ok(Self { hotel: hotel.clone(), tables, cleaning })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.hotel)?;
        for fingerprint in &self.tables {
            write!(f, " {fingerprint}")?;
        }
        self.cleaning.map_or(Ok(()), |id| write!(f, " {id}"))
    }
}

/// A cleaning with what was to be done, as the bookings of the room tell it.
#[derive(Debug, Clone)]
struct Cleaned {
    day: NaiveDate,
    cleaning: Cleaning,
}

/// What the tables of a hotel hold.
pub(crate) struct Known {
    pub mark: Mark,
    hotel: HotelId,
    /// Every booking, the cancelled ones too.
    pub bookings: BookingCurves,
    /// Rooms by type.
    pub capacity: Vec<(RoomTypeName, u32)>,
    pub events: Vec<Event>,
    pub closures: Vec<Closure>,
    /// The commonest currency of the bookings.
    pub currency: Option<Currency>,
    /// Bookings in another one.
    pub foreign: usize,
    until: Option<NaiveDate>,
    first_night: Option<NaiveDate>,
    cleanings: Vec<Cleaned>,
}

/// Rows as they come from the store.
pub(crate) struct Rows {
    mark: Mark,
    hotel: HotelId,
    bookings: Vec<Booking>,
    capacity: Vec<(RoomTypeName, u32)>,
    events: Vec<Event>,
    closures: Vec<Closure>,
    cleanings: Vec<CleaningTime>,
    until: Option<NaiveDate>,
}

impl Rows {
    /// Reads a hotel. What changes meanwhile is not in the mark, and read at the next question.
    pub async fn read(rows: &HotelStore, hotel: &HotelId) -> Result<Self, Problem> {
        let mark = Mark::of(rows, hotel).await?;
        let mut bookings: Vec<Booking> = Vec::new();
        let (mut told, mut last_arrival): (Option<NaiveDate>, Option<NaiveDate>) = (None, None);
        let take = |booking: Booking| {
            told = told.max(Some(booking.told_on()));
            last_arrival = last_arrival.max(Some(booking.stay.arrival));
            // No forecast looks at these.
            bookings.push(Booking {
                guest: None,
                channel: None,
                country: None,
                meal: None,
                payment_method: None,
                assigned_room_type: None,
                ..booking
            });
            Ok::<(), StoreError>(())
        };
        rows.for_each_booking(&BookingFilter::default(), take).await?;
        // A file that was cut by arrival tells of departures weeks after its last one, and of no other guests there.
        let until = told.min(last_arrival);
        let always = NaiveDate::MIN..NaiveDate::MAX;
        let cleanings = match until.and_then(|until| until.checked_sub_days(Days::new(CLEANINGS_BACK))) {
            Some(since) => {
                let since = since.and_time(chrono::NaiveTime::MIN).and_utc();
                rows.cleaning_times(since..DateTime::<Utc>::MAX_UTC).await?
            }
            None => Vec::new(),
        };
        let capacity = rows.room_types().await?;
        Ok(Self {
            mark,
            hotel: hotel.clone(),
            bookings,
            capacity: capacity
                .into_iter()
                .map(|(name, rooms)| (name, u32::try_from(rooms).unwrap_or(u32::MAX)))
                .collect(),
            events: rows.events(always.clone()).await?,
            closures: rows.closures(always).await?,
            cleanings,
            until,
        })
    }
}

/// The currency that most bookings name.
fn commonest(bookings: &[Booking]) -> Option<Currency> {
    let mut counts: HashMap<Currency, usize> = HashMap::new();
    for currency in bookings.iter().filter(|booking| booking.rate.is_some()).filter_map(|b| b.currency) {
        *counts.entry(currency).or_insert(0) += 1;
    }
    let by_count = |one: &(Currency, usize), other: &(Currency, usize)| {
        one.1.cmp(&other.1).then_with(|| other.0.code().cmp(one.0.code()))
    };
    counts.into_iter().max_by(by_count).map(|(currency, _)| currency)
}

/// Nights of each room: first night and day of departure, by first night.
struct Stayed(HashMap<RoomNumber, Vec<(NaiveDate, NaiveDate)>>);

impl Stayed {
    fn of(bookings: &[Booking]) -> Self {
        let mut rooms: HashMap<RoomNumber, Vec<(NaiveDate, NaiveDate)>> = HashMap::new();
        for booking in bookings.iter().filter(|booking| booking.status.takes_a_room()) {
            if let Some(room) = &booking.room_number {
                let stay = (booking.stay.arrival, booking.stay.departure());
                rooms.entry(room.clone()).or_default().push(stay);
            }
        }
        for stays in rooms.values_mut() {
            stays.sort_unstable();
        }
        Self(rooms)
    }

    /// What was to be cleaned in a room on a day; `None` where the bookings do not say.
    fn kind(&self, room: &RoomNumber, day: NaiveDate) -> Option<CleaningKind> {
        let stays = self.0.get(room)?;
        let begun = stays.partition_point(|(arrival, _)| *arrival <= day);
        // Of the stays that began until then the last ones can matter: one leaves on the day another one comes.
        let near: Vec<_> = stays.get(..begun)?.iter().rev().take(2).collect();
        if near.iter().any(|(_, departure)| *departure == day) {
            Some(CleaningKind::Full)
        } else if near.iter().any(|(arrival, departure)| *arrival < day && day < *departure) {
            Some(CleaningKind::Light)
        } else {
            near.iter().any(|(arrival, _)| *arrival == day).then_some(CleaningKind::Arrival)
        }
    }
}

fn cleaned(times: Vec<CleaningTime>, stayed: &Stayed, zone: Tz) -> Vec<Cleaned> {
    let one = |time: CleaningTime| {
        let day = time.started_at.with_timezone(&zone).date_naive();
        let minutes = time.finished_at.signed_duration_since(time.started_at).num_seconds() as f64 / 60.0;
        Cleaned {
            day,
            cleaning: Cleaning {
                room_type: time.room_type.as_deref().and_then(|name| name.parse().ok()),
                kind: stayed.kind(&time.room_number, day),
                minutes,
            },
        }
    };
    times.into_iter().map(one).collect()
}

impl Known {
    /// Orders the rows; takes a moment for each hundred thousand of them.
    pub fn new(rows: Rows, zone: Tz) -> Self {
        let Rows { mark, hotel, mut bookings, capacity, events, closures, cleanings, until } = rows;
        let currency = commonest(&bookings);
        let mut foreign = 0;
        for booking in &mut bookings {
            // A sum of several currencies is no money.
            if booking.rate.is_some() && booking.currency.is_some() && booking.currency != currency {
                booking.rate = None;
                foreign += 1;
            }
        }
        let cleanings =
            if cleanings.is_empty() { Vec::new() } else { cleaned(cleanings, &Stayed::of(&bookings), zone) };
        let curves = BookingCurves::new(&bookings);
        Self {
            mark,
            hotel,
            first_night: curves.first_arrival(),
            bookings: curves,
            capacity,
            events,
            closures,
            currency,
            foreign,
            until,
            cleanings,
        }
    }

    /// What the library of forecasts reads.
    pub fn history(&self) -> History<'_> {
        History {
            bookings: &self.bookings,
            capacity: &self.capacity,
            events: &self.events,
            closures: &self.closures,
        }
    }

    /// The last day of which the bookings say anything.
    pub fn until(&self) -> Result<NaiveDate, Problem> {
        self.until.ok_or_else(|| Problem::new(ErrorCode::HistoryTooShort, super::no_bookings(&self.hotel)))
    }

    /// Kinds of room that rooms or bookings name, sorted.
    pub fn room_types(&self) -> Vec<RoomTypeName> {
        let rooms = self.capacity.iter().map(|(name, _)| name);
        let mut names: Vec<RoomTypeName> = rooms.chain(self.bookings.room_types()).cloned().collect();
        names.sort();
        names.dedup();
        names
    }

    /// How long cleaning took, as far as it was known at the end of a day.
    pub fn cleaning_times(&self, as_of: NaiveDate) -> CleaningTimes {
        let since = as_of.checked_sub_days(Days::new(CLEANINGS_LEARNT)).unwrap_or(as_of);
        let recent = self.cleanings.iter().filter(|cleaned| since < cleaned.day && cleaned.day <= as_of);
        let recent: Vec<Cleaning> = recent.map(|cleaned| cleaned.cleaning.clone()).collect();
        CleaningTimes::learn(&recent, Some(&DefaultMinutes::default()))
    }

    /// What it weighs in memory, in bytes.
    pub fn bytes(&self) -> usize {
        let rows = self.bookings.records().len() + self.cleanings.len() + self.events.len();
        rows.saturating_mul(RECORD_BYTES).saturating_add(4096)
    }

    /// The same for people.
    pub fn report(&self, imports: Vec<ImportReport>) -> DataReport {
        let rooms = |name: &RoomTypeName| {
            self.capacity.iter().find(|(known, _)| known == name).map(|(_, rooms)| *rooms)
        };
        DataReport {
            hotel: self.hotel.to_string(),
            bookings: self.bookings.records().len() as u64,
            first_night: self.first_night,
            known_until: self.until,
            rooms: self.history().rooms(None),
            room_types: self
                .room_types()
                .into_iter()
                .map(|name| RoomTypeReport { rooms: rooms(&name), room_type: name.to_string() })
                .collect(),
            events: self.events.len() as u64,
            closures: self.closures.len() as u64,
            cleanings: self.cleanings.len() as u64,
            imports,
        }
    }
}

#[cfg(test)]
mod tests {
    use innkeeper_hotel::Stay;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect(text)
    }

    fn booking(room: &str, arrival: &str, nights: u16) -> Booking {
        let id = format!("{room}-{arrival}").parse().expect("an id");
        let stay = Stay { arrival: day(arrival), nights };
        let mut booking =
            Booking::confirmed(id, day("2024-01-01"), stay, "standard".parse().expect("a kind"));
        booking.room_number = Some(room.parse().expect("a room"));
        booking
    }

    #[test]
    fn what_was_cleaned_is_what_the_guests_of_the_day_did() {
        let stayed = Stayed::of(&[
            booking("101", "2024-03-01", 3),
            booking("101", "2024-03-04", 2),
            booking("102", "2024-03-01", 1),
        ]);
        let kind = |room: &str, date: &str| stayed.kind(&room.parse().expect("a room"), day(date));
        assert_eq!(kind("101", "2024-03-01"), Some(CleaningKind::Arrival));
        assert_eq!(kind("101", "2024-03-02"), Some(CleaningKind::Light));
        assert_eq!(kind("101", "2024-03-04"), Some(CleaningKind::Full), "one leaves, another one comes");
        assert_eq!(kind("101", "2024-03-05"), Some(CleaningKind::Light));
        assert_eq!(kind("102", "2024-03-02"), Some(CleaningKind::Full));
        assert_eq!((kind("102", "2024-03-03"), kind("103", "2024-03-01")), (None, None));
    }

    #[test]
    fn the_currency_is_the_one_that_most_bookings_name() {
        let priced = |code: &str, nights: u16| {
            let mut booking = booking(code, "2024-03-01", nights);
            booking.rate = Some(rust_decimal::Decimal::from(100));
            booking.currency = code.parse().ok();
            booking
        };
        let rows = [priced("EUR", 1), priced("EUR", 2), priced("USD", 1), booking("9", "2024-03-01", 1)];
        assert_eq!(commonest(&rows).map(Currency::code), Some("EUR"));
        assert_eq!(commonest(&rows[3..]), None);
    }
}

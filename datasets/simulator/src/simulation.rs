use chrono::NaiveDate;
use innkeeper_core::HotelId;
use innkeeper_hotel::{Booking, BookingId, Closure, Event, Guest, Rate, Room, ServiceUse};
use rand_chacha::ChaCha8Rng;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::behaviour::{Behaviour, Names};
use crate::calendar::Calendar;
use crate::cleaning::Cleaning;
use crate::layout::Layout;
use crate::random::{Stream, stream};
use crate::record::{Record, Records, Wanted};
use crate::truth::Truth;
use crate::{MAX_DAYS, MAX_ROOMS, SimulatorError};

/// What hotel is simulated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// The same seed gives the same hotel; two seeds give two.
    pub seed: u64,
    /// Rooms, 1 to [`MAX_ROOMS`].
    pub rooms: u32,
    /// Nights of the history, 1 to [`MAX_DAYS`]. The hotel opens on the first of them.
    pub days: u32,
    /// The last known day, itself part of the history.
    pub end: NaiveDate,
    /// The hotel, as the tables name it.
    pub hotel: HotelId,
    /// Nights on which the hotel or a room type is not sold.
    pub closures: Vec<Closure>,
}

impl Settings {
    /// A hotel that is never closed.
    pub fn new(seed: u64, rooms: u32, days: u32, end: NaiveDate, hotel: HotelId) -> Self {
        Self { seed, rooms, days, end, hotel, closures: Vec::new() }
    }
}

/// A hotel that can be lived through, as often as is asked.
///
/// What it holds is in proportion to the days and the rooms; bookings are made while they are read. Each reader starts at
/// the first day, and what it reads does not depend on what else was read. [`Simulation::records`] reads several tables
/// in one go.
#[derive(Debug, Clone)]
pub struct Simulation {
    pub(crate) settings: Settings,
    pub(crate) truth: Truth,
    pub(crate) layout: Layout,
    pub(crate) calendar: Calendar,
    pub(crate) behaviours: Vec<Behaviour>,
    pub(crate) countries: Names,
    /// Days before arrival at whose end prices are set anew, each once.
    pub(crate) reviews: Vec<usize>,
    /// Share of rooms that is expected to be sold, by room type and lead time.
    pub(crate) pace: Vec<Vec<f64>>,
    /// The smallest step of a price.
    pub(crate) step: Decimal,
    /// The start of every guest's numbers.
    pub(crate) guests: ChaCha8Rng,
}

impl Simulation {
    /// A hotel of these settings with this truth.
    ///
    /// # Errors
    /// [`SimulatorError`]: a size or a day that cannot be simulated, or a number of the truth outside its range.
    pub fn new(settings: Settings, truth: Truth) -> Result<Self, SimulatorError> {
        if settings.rooms == 0 || settings.rooms > MAX_ROOMS {
            return Err(SimulatorError::Rooms(settings.rooms));
        }
        if settings.days == 0 || settings.days > MAX_DAYS {
            return Err(SimulatorError::Days(settings.days));
        }
        truth.check()?;
        let layout = Layout::new(settings.rooms, &truth);
        let calendar = Calendar::new(&settings, &truth, &layout)?;
        let behaviours = truth
            .segments
            .iter()
            .map(|segment| Behaviour::new(&truth, segment))
            .collect::<Result<Vec<_>, _>>()?;
        let step = Decimal::try_from(truth.price.step)
            .ok()
            .filter(|step| truth.currency.round(*step) == *step)
            .ok_or_else(|| SimulatorError::Truth {
                field: "price, step".to_owned(),
                reason: format!("{} cannot be paid in {}", truth.price.step, truth.currency),
            })?;
        let mut reviews: Vec<usize> = truth.price.reviews.iter().map(|days| usize::from(*days)).collect();
        reviews.sort_unstable();
        reviews.dedup();
        let pace = crate::prices::pace(&truth, &layout, &behaviours);
        Ok(Self {
            guests: stream(settings.seed, Stream::Traits),
            countries: Names::new(&truth.countries),
            step,
            settings,
            truth,
            layout,
            calendar,
            behaviours,
            reviews,
            pace,
        })
    }

    /// What was asked for.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is true of the hotel.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// First night of the history.
    pub fn start(&self) -> NaiveDate {
        self.calendar.date(self.calendar.first_night)
    }

    /// The rooms, by number.
    pub fn rooms(&self) -> impl Iterator<Item = Room> + '_ {
        self.layout.rooms(&self.truth)
    }

    /// Holidays, festivals and fairs of the history and the nights on sale, as far as they were known by the last known
    /// day; by their first day.
    pub fn events(&self) -> impl Iterator<Item = Event> + '_ {
        let end = self.settings.end;
        self.calendar
            .events
            .iter()
            .map(|dated| &dated.event)
            .filter(move |event| event.known_on.is_none_or(|day| day <= end))
            .cloned()
    }

    /// Nights that are not sold, as the settings say.
    pub fn closures(&self) -> impl Iterator<Item = Closure> + '_ {
        self.settings.closures.iter().cloned()
    }

    /// Several tables in one go; a guest comes before his first booking, a booking before the services used.
    pub fn records(&self, wanted: Wanted) -> Records<'_> {
        Records::new(self, wanted, false)
    }

    /// Every guest who booked, in the order of the first booking.
    pub fn guests(&self) -> impl Iterator<Item = Guest> + '_ {
        self.records(Wanted { guests: true, ..Wanted::NONE }).filter_map(|record| match record {
            Record::Guest(guest) => Some(guest),
            _ => None,
        })
    }

    /// Every booking made by the last known day, in the order in which they were made, as it stood at the end of that
    /// day: a booking that will be cancelled later is confirmed.
    pub fn bookings(&self) -> impl Iterator<Item = Booking> + '_ {
        self.records(Wanted { bookings: true, ..Wanted::NONE }).filter_map(|record| match record {
            Record::Booking(booking) => Some(*booking),
            _ => None,
        })
    }

    /// Every price that was on sale, in the order in which it was set. It is on sale from the end of that day on, for
    /// whoever arrives on the night: the rate of a booking holds for all of its nights.
    pub fn rates(&self) -> impl Iterator<Item = Rate> + '_ {
        self.records(Wanted { rates: true, ..Wanted::NONE }).filter_map(|record| match record {
            Record::Rate(rate) => Some(rate),
            _ => None,
        })
    }

    /// Services used by the last known day, in the order of their bookings.
    pub fn service_uses(&self) -> impl Iterator<Item = ServiceUse> + '_ {
        self.records(Wanted { service_uses: true, ..Wanted::NONE }).filter_map(|record| match record {
            Record::ServiceUse(service) => Some(service),
            _ => None,
        })
    }

    /// Every cleaning by the last known day, by day.
    pub fn cleanings(&self) -> impl Iterator<Item = Cleaning> + '_ {
        self.records(Wanted { cleanings: true, ..Wanted::NONE }).filter_map(|record| match record {
            Record::Cleaning(cleaning) => Some(cleaning),
            _ => None,
        })
    }

    /// The number of a booking, counted from 0: `BOOK001` is the first.
    pub(crate) fn booking_id(number: u64) -> Option<BookingId> {
        format!("BOOK{:03}", number + 1).parse().ok()
    }
}

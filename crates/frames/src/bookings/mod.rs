//! One row per booking: what was known when it was made, and its outcome as known.

mod history;
mod schema;

use chrono::{Datelike, NaiveDate};
use innkeeper_hotel::{Booking, BookingId};
use polars::prelude::*;

use crate::columns::{FIXED, counts, counts_of, dates, days_of, flags, full_days_of, integers, reals};
use crate::stays::prices_of;
use crate::{AsOf, FramesError, TablesBuilder, date_of};
use history::{Earlier, RateHistory};
pub(crate) use schema::{BOOKING_TIME, FINAL_VALUES};

/// Which features a frame of bookings holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FeatureSet {
    /// Only what is known when a booking is made: frame `bookings`. The features of a booking are the same as of any
    /// day after it was made; only its outcome changes.
    BookingTime,
    /// Those, and fields as they stand in the source at the end: frame `bookings_final_values`. **Not point-in-time**: the
    /// values are filled in or changed after the booking, some by its outcome. For comparison with published work that
    /// uses them.
    FinalValues,
}

/// What the rows of the frame draw on beside their own booking: earlier rates of the same room type and month, earlier
/// bookings of the guest and the agent. The same code makes the rows to learn from and the row to answer for.
pub struct BookingContext {
    as_of: AsOf,
    rates: RateHistory,
    guests: Earlier,
    agents: Earlier,
}

impl BookingContext {
    /// Reads the bookings known on the day.
    ///
    /// # Errors
    /// [`FramesError::Engine`] when they cannot be read.
    pub fn new(as_of: &AsOf) -> Result<Self, FramesError> {
        let columns = [
            "room_type",
            "booked_on",
            "arrival",
            "nights",
            "status",
            "status_on",
            "rate",
            "currency",
            "guest",
            "agent",
        ];
        let known = as_of.bookings().select(columns.map(col)).collect()?;
        Ok(Self {
            rates: RateHistory::new(&known, as_of.currency()?)?,
            guests: Earlier::new(&known, "guest")?,
            agents: Earlier::new(&known, "agent")?,
            as_of: as_of.clone(),
        })
    }

    /// The rows of all bookings known on the day, sorted by day of booking and id.
    ///
    /// # Errors
    /// [`FramesError::Engine`] when they cannot be read.
    pub fn frame(&self, set: FeatureSet) -> Result<DataFrame, FramesError> {
        self.rows(&self.as_of, set, None)
    }

    /// The rows of some of the bookings known on the day, as [`Self::frame`] has them; ids that are not known on
    /// the day have no row.
    ///
    /// # Errors
    /// [`FramesError::Engine`] when they cannot be read.
    pub fn rows_of(&self, ids: &[BookingId], set: FeatureSet) -> Result<DataFrame, FramesError> {
        self.rows(&self.as_of, set, Some(ids))
    }

    /// The rows of bookings that need not be in the tables (one that is being made, a what-if), against the history
    /// in the tables. A booking made after the day has no row.
    ///
    /// # Errors
    /// [`FramesError::Engine`] when the rows cannot be made.
    pub fn rows_for(&self, bookings: &[Booking], set: FeatureSet) -> Result<DataFrame, FramesError> {
        let mut builder = TablesBuilder::new();
        for booking in bookings {
            builder.push_booking(booking)?;
        }
        self.rows(&builder.finish()?.as_of(self.as_of.day()), set, None)
    }

    /// The rows of the bookings in `of`, with the history of this context.
    fn rows(&self, of: &AsOf, set: FeatureSet, ids: Option<&[BookingId]>) -> Result<DataFrame, FramesError> {
        let known = sorted(of.bookings(), ids)?;
        let height = known.height();
        let booked = full_days_of(&known, "booked_on")?;
        let arrival = full_days_of(&known, "arrival")?;
        let nights = counts_of(&known, "nights")?;
        let prices = prices_of(&known, "rate", self.as_of.currency()?)?;
        let (adults, children, babies) =
            (counts_of(&known, "adults")?, counts_of(&known, "children")?, counts_of(&known, "babies")?);
        let booked_dates: Vec<NaiveDate> = booked.iter().map(|day| date_of(*day)).collect();
        let arrival_dates: Vec<NaiveDate> = arrival.iter().map(|day| date_of(*day)).collect();
        let stays = || arrival_dates.iter().zip(&nights);
        let weekend = || stays().map(|(arrival, nights)| weekend_nights(*arrival, *nights));
        let departures = arrival.iter().zip(&nights).map(|(arrival, nights)| {
            Some(crate::columns::clamp_day(i64::from(*arrival) + i64::from(*nights)))
        });
        let means: Vec<Option<(u32, f64)>> = known
            .column("room_type")?
            .str()?
            .iter()
            .zip(arrival_dates.iter().zip(&booked))
            .map(|(room_type, (arrival, booked))| self.rates.before(room_type?, *arrival, *booked))
            .collect();
        let rates = || prices.iter().map(|price| price.map(|price| price as f64 / FIXED));

        let mut columns = vec![
            text(&known, "id")?,
            dates("booked_on", booked.iter().copied().map(Some)),
            dates("arrival", arrival.iter().copied().map(Some)),
            dates("departure", departures),
            integers(
                "lead_days",
                arrival.iter().zip(&booked).map(|(arrival, booked)| Some(arrival.saturating_sub(*booked))),
            ),
            counts("nights", nights.iter().copied().map(Some)),
            counts("weekend_nights", weekend().map(Some)),
            counts(
                "week_nights",
                weekend().zip(&nights).map(|(weekend, all)| Some(all.saturating_sub(weekend))),
            ),
            counts("adults", adults.iter().copied().map(Some)),
            counts("children", children.iter().copied().map(Some)),
            counts("babies", babies.iter().copied().map(Some)),
            counts(
                "party",
                adults.iter().zip(&children).zip(&babies).map(|((adults, children), babies)| {
                    Some(adults.saturating_add(*children).saturating_add(*babies))
                }),
            ),
        ];
        let as_booked = [
            "room_type",
            "segment",
            "channel",
            "customer_type",
            "meal",
            "deposit",
            "payment_method",
            "agent",
            "company",
        ];
        for name in as_booked {
            columns.push(text(&known, name)?);
        }
        columns.extend([
            reals("rate", rates()),
            reals("stay_price", rates().zip(&nights).map(|(rate, nights)| Some(rate? * f64::from(*nights)))),
            reals("rate_mean_before", means.iter().map(|mean| mean.map(|(_, mean)| mean))),
            counts("rate_bookings_before", means.iter().map(|mean| Some(mean.map_or(0, |(count, _)| count)))),
            reals(
                "rate_ratio",
                rates().zip(&means).map(|(rate, mean)| match (rate, mean) {
                    (Some(rate), Some((_, mean))) if *mean > 0.0 => Some(rate / mean),
                    _ => None,
                }),
            ),
            flags("repeated_guest", known.column("repeated_guest")?.bool()?.iter()),
            counts("previous_stays_recorded", known.column("previous_stays")?.u32()?.iter()),
            counts("previous_cancellations_recorded", known.column("previous_cancellations")?.u32()?.iter()),
        ]);
        let guests = self.guests.before(&known, &booked)?;
        columns.extend([
            counts("guest_bookings_before", guests.iter().map(|seen| seen.map(|seen| seen.bookings))),
            counts("guest_stays_before", guests.iter().map(|seen| seen.map(|seen| seen.stays))),
            counts(
                "guest_cancellations_before",
                guests.iter().map(|seen| seen.map(|seen| seen.cancellations)),
            ),
        ]);
        let agents = self.agents.before(&known, &booked)?;
        columns.extend([
            counts("agent_bookings_before", agents.iter().map(|seen| seen.map(|seen| seen.bookings))),
            counts(
                "agent_cancellations_before",
                agents.iter().map(|seen| seen.map(|seen| seen.cancellations)),
            ),
            counts(
                "arrival_weekday",
                arrival_dates.iter().map(|day| Some(day.weekday().number_from_monday())),
            ),
            counts("arrival_month", arrival_dates.iter().map(|day| Some(day.month()))),
            counts("arrival_day_of_year", arrival_dates.iter().map(|day| Some(day.ordinal()))),
            counts("booked_weekday", booked_dates.iter().map(|day| Some(day.weekday().number_from_monday()))),
            counts("booked_month", booked_dates.iter().map(|day| Some(day.month()))),
        ]);
        let description = match set {
            FeatureSet::BookingTime => &BOOKING_TIME,
            FeatureSet::FinalValues => {
                let last = sorted(of.bookings_final_values(), ids)?;
                columns.push(text(&last, "country")?);
                for name in ["changes", "waiting_days", "parking_spaces", "special_requests"] {
                    columns.push(counts(name, last.column(name)?.u32()?.iter()));
                }
                &FINAL_VALUES
            }
        };
        let status = known.column("status")?.str()?;
        let lost = status.iter().map(|status| match status {
            Some("cancelled" | "no_show") => Some(true),
            Some("completed") => Some(false),
            _ => None,
        });
        columns.extend([
            text(&known, "status")?,
            dates("status_on", days_of(&known, "status_on")?.into_iter()),
            flags("lost", lost),
        ]);
        description.assemble(height, columns)
    }
}

/// The bookings sorted by day of booking and id, so that the order in which a source hands them over does not show.
fn sorted(bookings: LazyFrame, ids: Option<&[BookingId]>) -> Result<DataFrame, FramesError> {
    let mut frame = bookings.collect()?;
    if let Some(ids) = ids {
        let wanted: std::collections::HashSet<&str> = ids.iter().map(BookingId::as_str).collect();
        let found = frame.column("id")?.str()?.iter().map(|id| id.map(|id| wanted.contains(id)));
        let mask = BooleanChunked::from_iter_options("wanted".into(), found);
        frame = frame.filter(&mask)?;
    }
    Ok(frame.sort(["booked_on", "id"], SortMultipleOptions::default().with_maintain_order(true))?)
}

fn text(frame: &DataFrame, name: &str) -> PolarsResult<Column> {
    Ok(frame.column(name)?.rechunk())
}

/// Nights of Saturday and Sunday among the nights of a stay.
fn weekend_nights(arrival: NaiveDate, nights: u32) -> u32 {
    let first = arrival.weekday().num_days_from_monday();
    let rest = (0..nights % 7).filter(|night| (first + night) % 7 >= 5).count() as u32;
    nights / 7 * 2 + rest
}

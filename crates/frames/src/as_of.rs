use std::collections::HashMap;
use std::sync::OnceLock;

use chrono::NaiveDate;
use polars::prelude::*;

use crate::columns::day_number;
use crate::stays::{Coded, Stays};
use crate::tables::{BOOKINGS, FILLED_IN_LATER, TableDescription};
use crate::{FramesError, Tables, Window};

/// Nights before and after the day that a default window can reach: the longest lead time that is believed, ten years.
const REACH: i64 = 3_653;

/// Days that the default window of the calendar reaches ahead.
const CALENDAR_AHEAD: i64 = 365;

/// The tables as they were known at the end of a day.
///
/// The rule is that of [`innkeeper_hotel::Booking::known_at`]: bookings made later are not there; one that was
/// cancelled, completed or found a no-show later stands as confirmed. What systems fill in or change after a booking was
/// made (room, room type given, country, changes, waiting days, parking spaces, special requests) is empty until
/// the outcome of the booking was known: what it was on the day is not recorded. Prices set or seen later, events
/// learnt of later and services used later are not there. Rooms and closures carry no day on which they became
/// known and are taken as known; so are events without one.
#[derive(Debug, Clone)]
pub struct AsOf {
    tables: Tables,
    day: NaiveDate,
    currency: OnceLock<Option<String>>,
}

/// A day as a value of an expression.
fn on(day: NaiveDate) -> Expr {
    lit(day_number(day)).cast(DataType::Date)
}

fn empty_of(table: &TableDescription, name: &str) -> Expr {
    let dtype = table.columns.iter().find(|column| column.name == name).map(|column| column.dtype.dtype());
    lit(NULL).cast(dtype.unwrap_or(DataType::Null))
}

impl AsOf {
    pub(crate) fn new(tables: Tables, day: NaiveDate) -> Self {
        Self { tables, day, currency: OnceLock::new() }
    }

    /// The day; everything known at its end is here.
    pub fn day(&self) -> NaiveDate {
        self.day
    }

    /// The tables underneath, the future included.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Bookings known on the day, with the columns and the order of the table.
    pub fn bookings(&self) -> LazyFrame {
        let settled = || col("status").neq(lit("confirmed")).and(col("status_on").lt_eq(on(self.day)));
        let columns: Vec<Expr> = BOOKINGS
            .columns
            .iter()
            .map(|column| match column.name {
                "status" => when(settled()).then(col("status")).otherwise(lit("confirmed")).alias("status"),
                name if name == "status_on" || FILLED_IN_LATER.contains(&name) => {
                    when(settled()).then(col(name)).otherwise(empty_of(&BOOKINGS, name)).alias(name)
                }
                name => col(name),
            })
            .collect();
        self.made(self.tables.bookings()).select(columns)
    }

    /// Bookings made by the day, every field as it stands in the source: not point-in-time.
    pub(crate) fn bookings_final_values(&self) -> LazyFrame {
        self.made(self.tables.bookings())
    }

    fn made(&self, bookings: &DataFrame) -> LazyFrame {
        bookings.clone().lazy().filter(col("booked_on").lt_eq(on(self.day)))
    }

    /// Rooms that can be sold.
    pub fn rooms(&self) -> LazyFrame {
        self.tables.rooms().clone().lazy()
    }

    /// Prices on sale, set by the day.
    pub fn rates(&self) -> LazyFrame {
        self.tables.rates().clone().lazy().filter(col("set_on").lt_eq(on(self.day)))
    }

    /// Prices of competitors, seen by the day.
    pub fn competitor_prices(&self) -> LazyFrame {
        self.tables.competitor_prices().clone().lazy().filter(col("seen_on").lt_eq(on(self.day)))
    }

    /// Events that the hotel knew of.
    pub fn events(&self) -> LazyFrame {
        let known = col("known_on").is_null().or(col("known_on").lt_eq(on(self.day)));
        self.tables.events().clone().lazy().filter(known)
    }

    /// Nights that are not sold.
    pub fn closures(&self) -> LazyFrame {
        self.tables.closures().clone().lazy()
    }

    /// Services used by the day.
    pub fn service_uses(&self) -> LazyFrame {
        self.tables.service_uses().clone().lazy().filter(col("used_on").lt_eq(on(self.day)))
    }

    /// The currency of the hotel's money: the most frequent one among the rates of the bookings known on the day, the
    /// first by the alphabet among equals; `None` where no booking names one. Amounts in other currencies count as
    /// absent in every frame, for adding them up would be wrong.
    ///
    /// # Errors
    /// [`FramesError::Engine`] when the bookings cannot be read.
    pub fn currency(&self) -> Result<Option<&str>, FramesError> {
        if self.currency.get().is_none() {
            let known = self
                .made(self.tables.bookings())
                .filter(col("rate").is_not_null())
                .select([col("currency")])
                .collect()?;
            let mut counts = HashMap::<&str, usize>::new();
            for code in known.column("currency")?.str()?.iter().flatten() {
                *counts.entry(code).or_default() += 1;
            }
            let most = counts.into_iter().max_by(|one, other| one.1.cmp(&other.1).then(other.0.cmp(one.0)));
            let _ = self.currency.set(most.map(|(code, _)| code.to_owned()));
        }
        Ok(self.currency.get().and_then(Option::as_deref))
    }

    /// The bookings known on the day as flat columns, in the order of the table.
    ///
    /// # Errors
    /// [`FramesError::Engine`] when the bookings cannot be read.
    pub fn stays(&self) -> Result<Stays, FramesError> {
        Stays::new(self)
    }

    /// A text column of the bookings known on the day, as numbers of words; its rows are those of [`Self::stays`].
    ///
    /// # Errors
    /// [`FramesError::Engine`] when there is no such column or it is no text.
    pub fn coded(&self, column: &str) -> Result<Coded, FramesError> {
        let frame = self.bookings().select([col(PlSmallStr::from(column))]).collect()?;
        Ok(Coded::new(frame.column(column)?.str()?))
    }

    /// The nights of the default frame: from the first arrival that is known to the last night on the books, at least to
    /// the day itself, and no further than ten years from it on either side. Without bookings it is the day alone.
    ///
    /// # Errors
    /// [`FramesError::Engine`] when the bookings cannot be read.
    pub fn window(&self) -> Result<Window, FramesError> {
        let stays = self.stays()?;
        let day = i64::from(day_number(self.day));
        let first = stays.arrival.iter().map(|arrival| i64::from(*arrival)).min().unwrap_or(day);
        let held = (0..stays.len()).filter(|row| stays.holds(*row));
        let last = held.map(|row| stays.departure(row) - 1).max().unwrap_or(day);
        let from = first.clamp(day - REACH, day + REACH);
        Ok(Window::of_days(from, last.max(day).min(day + REACH + 366)))
    }

    /// The nights of the default calendar: those of [`Self::window`], and a year ahead of the day.
    ///
    /// # Errors
    /// As [`Self::window`].
    pub fn calendar_window(&self) -> Result<Window, FramesError> {
        let window = self.window()?;
        let ahead = i64::from(day_number(self.day)) + CALENDAR_AHEAD;
        let last = i64::from(day_number(window.until()));
        Ok(Window::of_days(i64::from(window.first_day()), last.max(ahead)))
    }
}

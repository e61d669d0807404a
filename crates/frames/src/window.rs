use chrono::NaiveDate;

use crate::FramesError;
use crate::columns::{clamp_day, date_of, day_number};

/// Most nights of a window: about 54 years.
pub const MAX_NIGHTS: i64 = 20_000;

/// The nights of a frame, the first and the last included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    from: NaiveDate,
    until: NaiveDate,
}

impl Window {
    /// The nights from `from` to `until`, both included.
    ///
    /// # Errors
    /// [`FramesError::Window`] when it ends before it begins or is longer than [`MAX_NIGHTS`].
    pub fn new(from: NaiveDate, until: NaiveDate) -> Result<Self, FramesError> {
        let nights = (until - from).num_days() + 1;
        if !(1..=MAX_NIGHTS).contains(&nights) {
            return Err(FramesError::Window { from, until, most: MAX_NIGHTS });
        }
        Ok(Self { from, until })
    }

    /// The nights around a day, kept inside the calendar and inside [`MAX_NIGHTS`].
    pub(crate) fn of_days(from: i64, until: i64) -> Self {
        let from = clamp_day(from);
        let until = clamp_day(until.clamp(i64::from(from), i64::from(from) + MAX_NIGHTS - 1));
        Self { from: date_of(from), until: date_of(until) }
    }

    /// First night.
    pub fn from(self) -> NaiveDate {
        self.from
    }

    /// Last night.
    pub fn until(self) -> NaiveDate {
        self.until
    }

    /// How many nights, 1 or more.
    pub fn nights(self) -> usize {
        (day_number(self.until) - day_number(self.from) + 1).max(1) as usize
    }

    pub(crate) fn first_day(self) -> i32 {
        day_number(self.from)
    }

    /// Place of a day in the window, if it lies in it.
    pub(crate) fn place(self, day: i64) -> Option<usize> {
        let place = day - i64::from(self.first_day());
        (place >= 0 && place < self.nights() as i64).then_some(place as usize)
    }

    /// The part of the days `[from, until)` that lies in the window, as places; `None` where nothing does.
    pub(crate) fn part(self, from: i64, until: i64) -> Option<(usize, usize)> {
        let first = i64::from(self.first_day());
        let start = (from - first).max(0);
        let end = (until - first).min(self.nights() as i64);
        (start < end).then_some((start as usize, end as usize))
    }
}

//! The frames by name, and what each of their columns means.

use std::fmt;
use std::str::FromStr;

use polars::prelude::{Column, DataFrame, DataType};
use serde::Serialize;

use crate::{AsOf, BookingContext, FeatureSet, FramesError, bookings, calendar, guests, nights};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// A day of the calendar (`Date`).
    Date,
    /// A text (`String`).
    Text,
    /// 0 or more (`UInt32`).
    Count,
    /// A whole number (`Int32`).
    Integer,
    /// A real number, never NaN (`Float64`).
    Real,
    /// True or false (`Boolean`).
    Flag,
}

impl ColumnType {
    /// The engine's name of it.
    pub fn dtype(self) -> DataType {
        match self {
            Self::Date => DataType::Date,
            Self::Text => DataType::String,
            Self::Count => DataType::UInt32,
            Self::Integer => DataType::Int32,
            Self::Real => DataType::Float64,
            Self::Flag => DataType::Boolean,
        }
    }

    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Text => "text",
            Self::Count => "count",
            Self::Integer => "integer",
            Self::Real => "real",
            Self::Flag => "flag",
        }
    }
}

/// A column of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ColumnDescription {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub dtype: ColumnType,
    /// Whether it can be empty.
    pub nullable: bool,
    /// Its unit; empty where it has none.
    pub unit: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// When its value becomes known.
    pub known: &'static str,
}

/// A frame, for people and for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FrameDescription {
    /// Its name.
    pub name: &'static str,
    /// Version of the code that makes it; a cached frame of another version is not used.
    pub version: u32,
    /// What a row is.
    pub row: &'static str,
    /// Columns by which the rows are sorted.
    pub sorted_by: &'static [&'static str],
    /// Whether it holds only what was known at the end of its day.
    pub point_in_time: bool,
    /// The columns, in order.
    pub columns: &'static [ColumnDescription],
}

/// A column that always has a value.
pub(crate) const fn full(
    name: &'static str,
    dtype: ColumnType,
    unit: &'static str,
    meaning: &'static str,
    known: &'static str,
) -> ColumnDescription {
    ColumnDescription { name, dtype, nullable: false, unit, meaning, known }
}

/// A column that can be empty.
pub(crate) const fn open(
    name: &'static str,
    dtype: ColumnType,
    unit: &'static str,
    meaning: &'static str,
    known: &'static str,
) -> ColumnDescription {
    ColumnDescription { name, dtype, nullable: true, unit, meaning, known }
}

/// A frame by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Frame {
    /// Per room type and night: rooms and revenue on the books, arrivals, departures.
    Nights,
    /// Per booking: what was known when it was made, and its outcome as known.
    Bookings,
    /// Per booking, with fields as they stand in the source whatever the day: not point-in-time.
    BookingsFinalValues,
    /// Per guest: recency, frequency, tenure, money.
    Guests,
    /// Per night: weekday, season, events, closures.
    Calendar,
}

impl Frame {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Nights, Self::Bookings, Self::BookingsFinalValues, Self::Guests, Self::Calendar];

    /// What it holds.
    pub fn description(self) -> &'static FrameDescription {
        match self {
            Self::Nights => &nights::DESCRIPTION,
            Self::Bookings => &bookings::BOOKING_TIME,
            Self::BookingsFinalValues => &bookings::FINAL_VALUES,
            Self::Guests => &guests::DESCRIPTION,
            Self::Calendar => &calendar::DESCRIPTION,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.description().name
    }

    /// Makes it, over the default window where it has one.
    ///
    /// # Errors
    /// What the frame's own function answers.
    pub fn build(self, as_of: &AsOf) -> Result<DataFrame, FramesError> {
        match self {
            Self::Nights => nights::nights(as_of, as_of.window()?),
            Self::Bookings => BookingContext::new(as_of)?.frame(FeatureSet::BookingTime),
            Self::BookingsFinalValues => BookingContext::new(as_of)?.frame(FeatureSet::FinalValues),
            Self::Guests => guests::guests(as_of),
            Self::Calendar => calendar::calendar(as_of, as_of.calendar_window()?),
        }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Frame {
    type Err = FramesError;
    fn from_str(text: &str) -> Result<Self, FramesError> {
        Self::ALL
            .into_iter()
            .find(|frame| frame.name() == text.trim())
            .ok_or_else(|| FramesError::UnknownFrame(text.chars().take(32).collect()))
    }
}

/// Every frame, described.
pub fn describe() -> Vec<FrameDescription> {
    Frame::ALL.into_iter().map(|frame| *frame.description()).collect()
}

pub(crate) fn names() -> String {
    Frame::ALL.map(Frame::name).join(", ")
}

impl FrameDescription {
    /// Says how a frame differs from the description; `None` where it does not.
    pub fn difference(&self, frame: &DataFrame) -> Option<String> {
        if frame.width() != self.columns.len() {
            return Some(format!("{} columns, not {}", frame.width(), self.columns.len()));
        }
        self.columns.iter().zip(frame.columns()).find_map(|(described, column)| {
            if column.name().as_str() != described.name {
                return Some(format!("column {} where {} should be", column.name(), described.name));
            }
            if *column.dtype() != described.dtype.dtype() {
                return Some(format!(
                    "{} is {}, not {}",
                    described.name,
                    column.dtype(),
                    described.dtype.word()
                ));
            }
            (!described.nullable && column.null_count() > 0)
                .then(|| format!("{} is empty in {} rows", described.name, column.null_count()))
        })
    }

    /// The columns as a frame, if they are the described ones.
    pub(crate) fn assemble(&self, height: usize, columns: Vec<Column>) -> Result<DataFrame, FramesError> {
        let frame = DataFrame::new(height, columns)?;
        match self.difference(&frame) {
            None => Ok(frame),
            Some(detail) => Err(FramesError::Undescribed { frame: self.name, detail }),
        }
    }
}

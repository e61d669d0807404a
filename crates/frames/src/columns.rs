//! Values into columns and columns into values: the only place that knows how the engine stores a date.

use chrono::{Datelike, NaiveDate};
use polars::prelude::*;

use crate::frame::ColumnType;

/// Days from the first day of the common era to 1970-01-01.
const EPOCH_FROM_CE: i32 = 719_163;

/// The day as tables count it: days since 1970-01-01, negative before.
pub fn day_number(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH_FROM_CE
}

/// The date of a day number; the nearest date there is where the number is outside the calendar.
pub fn date_of(day: i32) -> NaiveDate {
    day.checked_add(EPOCH_FROM_CE).and_then(NaiveDate::from_num_days_from_ce_opt).unwrap_or(if day < 0 {
        NaiveDate::MIN
    } else {
        NaiveDate::MAX
    })
}

/// A sum of 64-bit day numbers, kept inside the calendar.
pub(crate) fn clamp_day(day: i64) -> i32 {
    day.clamp(i64::from(day_number(NaiveDate::MIN)), i64::from(day_number(NaiveDate::MAX))) as i32
}

/// Units of [`fixed`] in one unit of money.
pub(crate) const FIXED: f64 = 10_000.0;

/// An amount in ten-thousandths, so that sums do not depend on the order of the rows; `None` for what is no price: not
/// a number, below zero, above 10^9.
pub(crate) fn fixed(amount: Option<f64>) -> Option<i64> {
    let amount = amount?;
    (amount.is_finite() && (0.0..=1e9).contains(&amount)).then(|| (amount * FIXED).round() as i64)
}

/// Ten-thousandths as an amount.
pub(crate) fn amount(fixed: i128) -> f64 {
    fixed as f64 / FIXED
}

/// One value of a row.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Day(NaiveDate),
    Text(&'a str),
    Count(u32),
    Integer(i32),
    Real(f64),
    Flag(bool),
    Null,
}

/// A column that is filled row by row.
pub(crate) enum Filler {
    Date(PrimitiveChunkedBuilder<Int32Type>),
    Text(StringChunkedBuilder),
    Count(PrimitiveChunkedBuilder<UInt32Type>),
    Integer(PrimitiveChunkedBuilder<Int32Type>),
    Real(PrimitiveChunkedBuilder<Float64Type>),
    Flag(BooleanChunkedBuilder),
}

impl Filler {
    pub(crate) fn new(name: &str, dtype: ColumnType, capacity: usize) -> Self {
        let name = PlSmallStr::from(name);
        match dtype {
            ColumnType::Date => Self::Date(PrimitiveChunkedBuilder::new(name, capacity)),
            ColumnType::Text => Self::Text(StringChunkedBuilder::new(name, capacity)),
            ColumnType::Count => Self::Count(PrimitiveChunkedBuilder::new(name, capacity)),
            ColumnType::Integer => Self::Integer(PrimitiveChunkedBuilder::new(name, capacity)),
            ColumnType::Real => Self::Real(PrimitiveChunkedBuilder::new(name, capacity)),
            ColumnType::Flag => Self::Flag(BooleanChunkedBuilder::new(name, capacity)),
        }
    }

    /// Adds a value; one of another kind counts as none.
    pub(crate) fn push(&mut self, value: Value<'_>) {
        match (self, value) {
            (Self::Date(column), Value::Day(day)) => column.append_value(day_number(day)),
            (Self::Text(column), Value::Text(text)) => column.append_value(text),
            (Self::Count(column), Value::Count(count)) => column.append_value(count),
            (Self::Integer(column), Value::Integer(integer)) => column.append_value(integer),
            (Self::Real(column), Value::Real(real)) => column.append_value(real),
            (Self::Flag(column), Value::Flag(flag)) => column.append_value(flag),
            (Self::Date(column) | Self::Integer(column), _) => column.append_null(),
            (Self::Text(column), _) => column.append_null(),
            (Self::Count(column), _) => column.append_null(),
            (Self::Real(column), _) => column.append_null(),
            (Self::Flag(column), _) => column.append_null(),
        }
    }

    pub(crate) fn finish(self) -> Column {
        match self {
            Self::Date(column) => column.finish().into_date().into_column(),
            Self::Text(column) => column.finish().into_column(),
            Self::Count(column) => column.finish().into_column(),
            Self::Integer(column) => column.finish().into_column(),
            Self::Real(column) => column.finish().into_column(),
            Self::Flag(column) => column.finish().into_column(),
        }
    }
}

pub(crate) fn dates(name: &str, values: impl Iterator<Item = Option<i32>>) -> Column {
    Int32Chunked::from_iter_options(name.into(), values).into_date().into_column()
}

pub(crate) fn integers(name: &str, values: impl Iterator<Item = Option<i32>>) -> Column {
    Int32Chunked::from_iter_options(name.into(), values).into_column()
}

pub(crate) fn counts(name: &str, values: impl Iterator<Item = Option<u32>>) -> Column {
    UInt32Chunked::from_iter_options(name.into(), values).into_column()
}

pub(crate) fn reals(name: &str, values: impl Iterator<Item = Option<f64>>) -> Column {
    Float64Chunked::from_iter_options(name.into(), values).into_column()
}

pub(crate) fn flags(name: &str, values: impl Iterator<Item = Option<bool>>) -> Column {
    BooleanChunked::from_iter_options(name.into(), values).into_column()
}

pub(crate) fn texts<'a>(name: &str, values: impl Iterator<Item = Option<&'a str>>) -> Column {
    StringChunked::from_iter_options(name.into(), values).into_column()
}

/// The day numbers of a date column.
pub(crate) fn days_of(frame: &DataFrame, name: &str) -> PolarsResult<Vec<Option<i32>>> {
    Ok(frame.column(name)?.date()?.physical().iter().collect())
}

/// The day numbers of a date column that is never empty.
pub(crate) fn full_days_of(frame: &DataFrame, name: &str) -> PolarsResult<Vec<i32>> {
    Ok(frame.column(name)?.date()?.physical().iter().map(Option::unwrap_or_default).collect())
}

/// The counts of a column; none counts as 0.
pub(crate) fn counts_of(frame: &DataFrame, name: &str) -> PolarsResult<Vec<u32>> {
    Ok(frame.column(name)?.u32()?.iter().map(Option::unwrap_or_default).collect())
}

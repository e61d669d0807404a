use std::collections::HashMap;

use polars::prelude::*;

use crate::columns::{counts_of, days_of, fixed, full_days_of};
use crate::{AsOf, FramesError};

/// The code of an empty text.
pub const NO_WORD: u32 = u32::MAX;

/// [`Stays::gone_on`] of a booking that still took its room at the end of the day.
pub const STILL_HELD: i32 = i32::MAX;

/// A column of texts as numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coded {
    /// The different texts, sorted.
    pub words: Vec<String>,
    /// For each row the place of its text in `words`, or [`NO_WORD`].
    pub codes: Vec<u32>,
}

impl Coded {
    pub(crate) fn new(column: &StringChunked) -> Self {
        let mut seen = HashMap::<&str, u32>::new();
        let mut codes: Vec<u32> = Vec::with_capacity(column.len());
        for text in column.iter() {
            codes.push(match text {
                None => NO_WORD,
                Some(text) => {
                    let next = seen.len() as u32;
                    *seen.entry(text).or_insert(next)
                }
            });
        }
        let mut sorted: Vec<(&str, u32)> = seen.into_iter().collect();
        sorted.sort_unstable();
        let mut places = vec![0_u32; sorted.len()];
        for (place, (_, code)) in sorted.iter().enumerate() {
            if let Some(slot) = places.get_mut(*code as usize) {
                *slot = place as u32;
            }
        }
        for code in &mut codes {
            *code = places.get(*code as usize).copied().unwrap_or(NO_WORD);
        }
        Self { words: sorted.into_iter().map(|(word, _)| word.to_owned()).collect(), codes }
    }

    /// The number of a text, if a row holds it.
    pub fn code(&self, text: &str) -> Option<u32> {
        self.words.binary_search_by(|word| word.as_str().cmp(text)).ok().map(|place| place as u32)
    }
}

/// The bookings known at the end of a day, as flat columns: row `i` of each is one booking. Days are numbers since
/// 1970-01-01 ([`crate::day_number`]).
#[derive(Debug, Clone)]
pub struct Stays {
    /// The room types that were booked: words and numbers, never [`NO_WORD`].
    pub room_type: Coded,
    /// Day of booking, never after the day.
    pub booked_on: Vec<i32>,
    /// First night.
    pub arrival: Vec<i32>,
    /// Nights; 0 is a room used by day.
    pub nights: Vec<u32>,
    /// Day on which the booking was cancelled or found a no-show, never after the day; [`STILL_HELD`] otherwise.
    pub gone_on: Vec<i32>,
    /// Price a night in ten-thousandths of the hotel's currency; `None` where it is not recorded, is no price, or is in
    /// another currency than [`AsOf::currency`].
    pub rate: Vec<Option<i64>>,
}

impl Stays {
    pub(crate) fn new(as_of: &AsOf) -> Result<Self, FramesError> {
        let columns =
            ["room_type", "booked_on", "arrival", "nights", "status", "status_on", "rate", "currency"];
        let frame = as_of.bookings().select(columns.map(col)).collect()?;
        let gone = frame.column("status")?.str()?.iter().map(|status| {
            // The two outcomes in which the booking takes no room.
            matches!(status, Some("cancelled" | "no_show"))
        });
        let gone_on = days_of(&frame, "status_on")?
            .into_iter()
            .zip(gone)
            .map(|(on, gone)| on.filter(|_| gone).unwrap_or(STILL_HELD))
            .collect();
        Ok(Self {
            room_type: Coded::new(frame.column("room_type")?.str()?),
            booked_on: full_days_of(&frame, "booked_on")?,
            arrival: full_days_of(&frame, "arrival")?,
            nights: counts_of(&frame, "nights")?,
            gone_on,
            rate: prices_of(&frame, "rate", as_of.currency()?)?,
        })
    }

    /// How many bookings.
    pub fn len(&self) -> usize {
        self.arrival.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.arrival.is_empty()
    }

    /// Day of departure of a row; 64 bits, for a hostile file can hold stays that leave the calendar. 0 past the end.
    pub fn departure(&self, row: usize) -> i64 {
        match (self.arrival.get(row), self.nights.get(row)) {
            (Some(arrival), Some(nights)) => i64::from(*arrival) + i64::from(*nights),
            _ => 0,
        }
    }

    /// Whether a row took (or takes) a room, as known at the end of the day.
    pub fn holds(&self, row: usize) -> bool {
        self.gone_on.get(row) == Some(&STILL_HELD)
    }
}

/// A column of amounts in ten-thousandths of `currency`, beside its column `currency`; an amount without a code is the hotel's.
pub(crate) fn prices_of(
    frame: &DataFrame,
    name: &str,
    currency: Option<&str>,
) -> PolarsResult<Vec<Option<i64>>> {
    let amounts = frame.column(name)?.f64()?;
    let codes = frame.column("currency")?.str()?;
    Ok(amounts
        .iter()
        .zip(codes.iter())
        .map(|(amount, code)| match (code, currency) {
            (Some(code), Some(currency)) if code != currency => None,
            _ => fixed(amount),
        })
        .collect())
}

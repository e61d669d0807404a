use std::collections::HashMap;

use polars::prelude::*;

use crate::columns::{amount, counts, counts_of, dates, full_days_of, integers, reals, texts};
use crate::frame::{ColumnType, FrameDescription, full, open};
use crate::stays::{Coded, prices_of};
use crate::{AsOf, FramesError, day_number};

const AS_OF: &str = "as of the day";

pub(crate) const DESCRIPTION: FrameDescription = FrameDescription {
    name: "guests",
    version: 1,
    row: "a guest who is named in a booking known on the day; a stay is a booking that was kept and whose departure has \
          passed, or that is recorded as completed",
    sorted_by: &["guest"],
    point_in_time: true,
    columns: &[
        full("guest", ColumnType::Text, "", "number of the guest; a key, no feature", "at the first booking"),
        full("first_booked_on", ColumnType::Date, "", "day of the first booking", "at the first booking"),
        full("last_booked_on", ColumnType::Date, "", "day of the last booking", AS_OF),
        full("bookings", ColumnType::Count, "bookings", "all bookings", AS_OF),
        full("stays", ColumnType::Count, "bookings", "stays", AS_OF),
        full("cancellations", ColumnType::Count, "bookings", "bookings cancelled", AS_OF),
        full("no_shows", ColumnType::Count, "bookings", "bookings to which the guest never came", AS_OF),
        full("upcoming", ColumnType::Count, "bookings", "bookings that hold and have not ended", AS_OF),
        full("nights", ColumnType::Count, "nights", "nights of the stays", AS_OF),
        open("first_arrival", ColumnType::Date, "", "arrival of the first stay", AS_OF),
        open("last_arrival", ColumnType::Date, "", "arrival of the last stay", AS_OF),
        full(
            "frequency",
            ColumnType::Count,
            "days",
            "different days of arrival after the first: the x of purchase-count models",
            AS_OF,
        ),
        open(
            "recency_days",
            ColumnType::Integer,
            "days",
            "from the first arrival to the last: the t_x of purchase-count models",
            AS_OF,
        ),
        open("tenure_days", ColumnType::Integer, "days", "from the first arrival to the day: their T", AS_OF),
        open("days_since_last", ColumnType::Integer, "days", "from the last arrival to the day", AS_OF),
        full(
            "room_revenue",
            ColumnType::Real,
            "money",
            "rate times nights over the stays that have a rate",
            AS_OF,
        ),
        full("service_uses", ColumnType::Count, "uses", "services used", AS_OF),
        full("service_revenue", ColumnType::Real, "money", "charged for them, where that is known", AS_OF),
        full("monetary_total", ColumnType::Real, "money", "room and service revenue", AS_OF),
        open(
            "monetary_mean",
            ColumnType::Real,
            "money a stay",
            "the total over the stays; empty without one",
            AS_OF,
        ),
        full(
            "lead_days_mean",
            ColumnType::Real,
            "days",
            "mean time from booking to arrival over all bookings",
            AS_OF,
        ),
    ],
};

/// What is added up for a guest.
#[derive(Clone, Default)]
struct Account {
    booked: Option<(i32, i32)>,
    bookings: u32,
    stays: u32,
    cancellations: u32,
    no_shows: u32,
    upcoming: u32,
    nights: u32,
    arrivals: Vec<i32>,
    lead_days: i64,
    room: i128,
    uses: u32,
    services: i128,
}

/// Recency, frequency, tenure and money of each guest, as known at the end of the day. [`describe`](crate::describe) says what each
/// column is.
///
/// # Errors
/// [`FramesError::Engine`] when a table cannot be read.
pub fn guests(as_of: &AsOf) -> Result<DataFrame, FramesError> {
    let columns = ["id", "guest", "booked_on", "arrival", "nights", "status", "rate", "currency"];
    let bookings = as_of.bookings().filter(col("guest").is_not_null()).select(columns.map(col)).collect()?;
    let Coded { words, codes } = Coded::new(bookings.column("guest")?.str()?);
    let mut accounts = vec![Account::default(); words.len()];
    let day = i64::from(day_number(as_of.day()));
    let booked = full_days_of(&bookings, "booked_on")?;
    let arrival = full_days_of(&bookings, "arrival")?;
    let nights = counts_of(&bookings, "nights")?;
    let prices = prices_of(&bookings, "rate", as_of.currency()?)?;
    let status = bookings.column("status")?.str()?;
    let rows = booked.iter().zip(&arrival).zip(nights.iter().zip(&prices)).zip(status.iter().zip(&codes));
    for (((booked, arrival), (nights, price)), (status, code)) in rows {
        let Some(account) = accounts.get_mut(*code as usize) else { continue };
        let (first, last) = account.booked.unwrap_or((*booked, *booked));
        account.booked = Some((first.min(*booked), last.max(*booked)));
        account.bookings += 1;
        account.lead_days += i64::from(*arrival) - i64::from(*booked);
        let ended = i64::from(*arrival) + i64::from(*nights) <= day;
        match status {
            Some("cancelled") => account.cancellations += 1,
            Some("no_show") => account.no_shows += 1,
            Some("confirmed") if !ended => account.upcoming += 1,
            _ => {
                account.stays += 1;
                account.nights = account.nights.saturating_add(*nights);
                account.arrivals.push(*arrival);
                account.room += i128::from(price.unwrap_or(0)) * i128::from(*nights);
            }
        }
    }
    add_services(as_of, &bookings, &words, &codes, &mut accounts)?;
    for account in &mut accounts {
        account.arrivals.sort_unstable();
        account.arrivals.dedup();
    }
    assemble(&words, &accounts, day)
}

/// Adds the services of each guest: of the guest the row names, or of the guest of its booking.
fn add_services(
    as_of: &AsOf,
    bookings: &DataFrame,
    words: &[String],
    codes: &[u32],
    accounts: &mut [Account],
) -> Result<(), FramesError> {
    let services = as_of.service_uses().collect()?;
    if services.height() == 0 {
        return Ok(());
    }
    let by_booking: HashMap<&str, u32> =
        bookings.column("id")?.str()?.iter().zip(codes).filter_map(|(id, code)| Some((id?, *code))).collect();
    let amounts = prices_of(&services, "amount", as_of.currency()?)?;
    let quantities = counts_of(&services, "quantity")?;
    let named = services.column("guest")?.str()?.iter();
    let booked = services.column("booking")?.str()?.iter();
    for ((guest, booking), (price, quantity)) in named.zip(booked).zip(amounts.iter().zip(&quantities)) {
        let code = match guest {
            Some(guest) => words.binary_search_by(|word| word.as_str().cmp(guest)).ok(),
            None => booking.and_then(|id| by_booking.get(id)).map(|code| *code as usize),
        };
        if let Some(account) = code.and_then(|code| accounts.get_mut(code)) {
            account.uses = account.uses.saturating_add(*quantity);
            account.services += i128::from(price.unwrap_or(0));
        }
    }
    Ok(())
}

fn assemble(words: &[String], accounts: &[Account], day: i64) -> Result<DataFrame, FramesError> {
    let days = |from: i32, until: i64| {
        (until - i64::from(from)).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
    };
    let first = || accounts.iter().map(|account| account.arrivals.first().copied());
    let last = || accounts.iter().map(|account| account.arrivals.last().copied());
    let booked =
        |of: fn((i32, i32)) -> i32| accounts.iter().map(move |account| Some(account.booked.map_or(0, of)));
    let count = |of: fn(&Account) -> u32| accounts.iter().map(move |account| Some(of(account)));
    let total = |account: &Account| account.room.saturating_add(account.services);
    let columns = vec![
        texts("guest", words.iter().map(|word| Some(word.as_str()))),
        dates("first_booked_on", booked(|(first, _)| first)),
        dates("last_booked_on", booked(|(_, last)| last)),
        counts("bookings", count(|account| account.bookings)),
        counts("stays", count(|account| account.stays)),
        counts("cancellations", count(|account| account.cancellations)),
        counts("no_shows", count(|account| account.no_shows)),
        counts("upcoming", count(|account| account.upcoming)),
        counts("nights", count(|account| account.nights)),
        dates("first_arrival", first()),
        dates("last_arrival", last()),
        counts("frequency", count(|account| account.arrivals.len().saturating_sub(1) as u32)),
        integers(
            "recency_days",
            first().zip(last()).map(|(first, last)| Some(days(first?, i64::from(last?)))),
        ),
        integers("tenure_days", first().map(|first| Some(days(first?, day)))),
        integers("days_since_last", last().map(|last| Some(days(last?, day)))),
        reals("room_revenue", accounts.iter().map(|account| Some(amount(account.room)))),
        counts("service_uses", count(|account| account.uses)),
        reals("service_revenue", accounts.iter().map(|account| Some(amount(account.services)))),
        reals("monetary_total", accounts.iter().map(|account| Some(amount(total(account))))),
        reals(
            "monetary_mean",
            accounts.iter().map(|account| {
                (account.stays > 0).then(|| amount(total(account)) / f64::from(account.stays))
            }),
        ),
        reals(
            "lead_days_mean",
            accounts
                .iter()
                .map(|account| Some(account.lead_days as f64 / f64::from(account.bookings.max(1)))),
        ),
    ];
    DESCRIPTION.assemble(words.len(), columns)
}

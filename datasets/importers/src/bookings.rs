//! A row as a booking.

use chrono::{Days, NaiveDate};
use innkeeper_hotel::{
    Booking, BookingError, BookingId, BookingStatus, Currency, Deposit, Party, RoomTypeName, Stay,
};
use rust_decimal::Decimal;

use crate::cells::{Cells, Flaw};
use crate::dates;
use crate::fields::{Field, Table};
use crate::mapping::MissingStatusDay;
use crate::outcome::RejectCode;
use crate::rows::sealed::Read;
use crate::words::{self, shown, squeezed};

/// Longest stay that is believed, in nights; `Booking::check` has the same.
const MAX_NIGHTS: i64 = 366;
/// Longest lead time that can be subtracted from a day without thought.
const MAX_LEAD: i64 = 36_600;
/// Decimals kept of an amount divided by nights.
const RATE_DECIMALS: u32 = 6;

impl Read for Booking {
    const TABLE: Table = Table::Bookings;
    const KEY: Option<Field> = Some(Field::Id);

    fn read(cells: &mut Cells<'_>) -> Result<Self, Flaw> {
        let arrival = arrival(cells)?;
        let nights = nights(cells, arrival)?;
        let booked_on = booked_on(cells, arrival)?;
        let (status, status_on) = status(cells, arrival)?;
        let (rate, currency) = rate(cells, nights)?;
        let room_type = cells.room_type(Field::RoomType)?;
        let room_type: RoomTypeName = cells.needed(Field::RoomType, room_type)?;
        let mut booking = Self {
            status,
            status_on,
            party: Party {
                adults: cells.people(Field::Adults)?,
                children: cells.people(Field::Children)?,
                babies: cells.people(Field::Babies)?,
            },
            rate,
            currency,
            guest: cells.named(Field::GuestId)?,
            room_number: cells.named(Field::RoomNumber)?,
            assigned_room_type: cells.room_type(Field::AssignedRoomType)?,
            segment: cells.kept(Field::Segment)?,
            channel: cells.kept(Field::Channel)?,
            customer_type: cells.kept(Field::CustomerType)?,
            agent: cells.kept(Field::Agent)?,
            company: cells.kept(Field::Company)?,
            country: cells.kept(Field::Country)?,
            meal: cells.kept(Field::Meal)?,
            payment_method: cells.kept(Field::PaymentMethod)?,
            deposit: deposit(cells)?,
            repeated_guest: cells.yes_or_no(Field::RepeatedGuest)?,
            previous_cancellations: cells.count(Field::PreviousCancellations)?,
            previous_stays: cells.count(Field::PreviousStays)?,
            changes: cells.count(Field::Changes)?,
            waiting_days: cells.count(Field::WaitingDays)?,
            parking_spaces: cells.count(Field::ParkingSpaces)?,
            special_requests: cells.count(Field::SpecialRequests)?,
            ..Self::confirmed(pending()?, booked_on, Stay { arrival, nights }, room_type)
        };
        booking.check().map_err(|error| disagreement(&error))?;
        booking.id = id(cells)?;
        Ok(booking)
    }
}

/// A number to be replaced once the rest of the row is known to hold: a row that is refused must not be counted as one that
/// stands before an equal row.
fn pending() -> Result<BookingId, Flaw> {
    id_of("pending")
}

fn id(cells: &mut Cells<'_>) -> Result<BookingId, Flaw> {
    if let Some(id) = cells.named(Field::Id)? {
        return Ok(id);
    }
    cells.memory.assumed.ids += 1;
    id_of(&cells.memory.identity.derived(cells.record))
}

fn id_of(text: &str) -> Result<BookingId, Flaw> {
    text.parse().map_err(|error| Flaw::new(RejectCode::BadId, &[Field::Id], format!("{error}")))
}

fn arrival(cells: &mut Cells<'_>) -> Result<NaiveDate, Flaw> {
    const PARTS: [Field; 3] = [Field::ArrivalYear, Field::ArrivalMonth, Field::ArrivalDay];
    if cells.layout.feeds(Field::Arrival) {
        let day = cells.day(Field::Arrival)?;
        return cells.needed(Field::Arrival, day);
    }
    let year = cells.needed(Field::ArrivalYear, cells.whole(Field::ArrivalYear)?)?;
    let month = cells.needed(Field::ArrivalMonth, cells.text(Field::ArrivalMonth)?)?;
    let day: u32 = cells.needed(Field::ArrivalDay, cells.count(Field::ArrivalDay)?)?;
    let month = words::month(month).ok_or_else(|| {
        Flaw::new(RejectCode::BadDate, &[Field::ArrivalMonth], format!("{} is not a month", shown(month)))
    })?;
    dates::from_parts(year, month, day).map_err(|reason| Flaw::new(RejectCode::BadDate, &PARTS, reason))
}

fn nights(cells: &mut Cells<'_>, arrival: NaiveDate) -> Result<u16, Flaw> {
    const PARTS: [Field; 2] = [Field::WeekendNights, Field::WeekNights];
    let (written, fields): (Option<i64>, &[Field]) = if cells.layout.feeds(Field::Nights) {
        (cells.whole(Field::Nights)?, &[Field::Nights])
    } else if PARTS.iter().all(|field| cells.layout.feeds(*field)) {
        let mut sum = 0i64;
        for field in PARTS {
            let nights = cells.needed(field, cells.whole(field)?)?;
            // One of the two below zero is wrong even where the other hides it.
            sum = if nights < 0 { nights } else { sum.saturating_add(nights) };
            if sum < 0 {
                break;
            }
        }
        (Some(sum), &PARTS)
    } else {
        (None, &[])
    };
    let departure = cells.day(Field::Departure)?;
    let between = departure.map(|departure| (departure - arrival).num_days());
    let nights = match (written, between) {
        (Some(nights), _) if nights < 0 => {
            return Err(Flaw::new(RejectCode::NegativeNights, fields, format!("{nights} nights")));
        }
        (_, Some(between)) if between < 0 => {
            return Err(Flaw::new(
                RejectCode::EndsBeforeItBegins,
                &[Field::Arrival, Field::Departure],
                format!("the departure is {} days before the arrival {arrival}", between.unsigned_abs()),
            ));
        }
        (Some(nights), Some(between)) if nights != between => {
            return Err(Flaw::new(
                RejectCode::NightsDisagree,
                &[Field::Arrival, Field::Departure, Field::Nights],
                format!("{nights} nights are written, {between} lie between arrival and departure"),
            ));
        }
        (Some(nights), _) | (None, Some(nights)) => nights,
        (None, None) => {
            let field = if cells.layout.feeds(Field::Departure) { Field::Departure } else { Field::Nights };
            return cells.needed(field, None);
        }
    };
    u16::try_from(nights).ok().filter(|_| nights <= MAX_NIGHTS).ok_or_else(|| {
        let reason = format!("{nights} nights are more than {MAX_NIGHTS}");
        Flaw::new(RejectCode::TooManyNights, &[fields, &[Field::Departure]].concat(), reason)
    })
}

/// The day of booking; where it is not written, the arrival less the lead time.
fn booked_on(cells: &mut Cells<'_>, arrival: NaiveDate) -> Result<NaiveDate, Flaw> {
    if let Some(day) = cells.day(Field::BookedOn)? {
        return Ok(day);
    }
    if !cells.layout.feeds(Field::LeadDays) {
        return cells.needed(Field::BookedOn, None);
    }
    let lead = cells.needed(Field::LeadDays, cells.whole(Field::LeadDays)?)?;
    if lead < 0 {
        return Err(Flaw::new(
            RejectCode::BookedAfterArrival,
            &[Field::LeadDays],
            format!("a lead time of {lead} days"),
        ));
    }
    let too_long = || {
        let reason = format!("a lead time of {lead} days is not believed");
        Flaw::new(RejectCode::LeadTooLong, &[Field::LeadDays], reason)
    };
    if lead > MAX_LEAD {
        return Err(too_long());
    }
    arrival.checked_sub_days(Days::new(lead.unsigned_abs())).ok_or_else(too_long)
}

fn status(cells: &mut Cells<'_>, arrival: NaiveDate) -> Result<(BookingStatus, Option<NaiveDate>), Flaw> {
    let word = cells.text(Field::Status)?;
    let named = match word {
        None => None,
        Some(word) => Some(status_of(cells, word)?),
    };
    let status = match (named, cells.yes_or_no(Field::Cancelled)?) {
        (Some(status), Some(cancelled)) if status.takes_a_room() == cancelled => {
            let reason = format!("the status is {}, the flag says {cancelled}", status.word());
            return Err(Flaw::new(RejectCode::StatusDisagrees, &[Field::Status, Field::Cancelled], reason));
        }
        (Some(status), _) => status,
        (None, Some(true)) => BookingStatus::Cancelled,
        (None, Some(false)) => BookingStatus::Confirmed,
        (None, None) => return cells.needed(Field::Status, None),
    };
    let on = cells.day(Field::StatusOn)?;
    let on = match (status, on) {
        // A booking that merely holds has no day on which that became known.
        (BookingStatus::Confirmed, on) => {
            cells.memory.assumed.status_days_left_out += u64::from(on.is_some());
            None
        }
        (BookingStatus::Cancelled | BookingStatus::NoShow, None) => match cells.layout.missing_status_day {
            MissingStatusDay::Arrival => {
                cells.memory.assumed.status_days += 1;
                Some(arrival)
            }
            MissingStatusDay::Reject => {
                return Err(Flaw::new(
                    RejectCode::StatusWithoutDay,
                    &[Field::Status, Field::StatusOn],
                    format!("{} without the day on which that became known", status.word()),
                ));
            }
        },
        (_, on) => on,
    };
    Ok((status, on))
}

fn status_of(cells: &Cells<'_>, word: &str) -> Result<BookingStatus, Flaw> {
    let form = squeezed(word);
    let own = cells.layout.statuses.get(form.as_ref()).copied();
    own.or_else(|| words::status(&form)).ok_or_else(|| {
        let reason = format!(
            "{} is not a status that is known; [statuses] of a mapping can say what it means",
            shown(word)
        );
        Flaw::new(RejectCode::UnknownWord, &[Field::Status], reason)
    })
}

/// The price a night, and its currency.
fn rate(cells: &mut Cells<'_>, nights: u16) -> Result<(Option<Decimal>, Option<Currency>), Flaw> {
    let currency = cells.currency()?;
    if let Some(rate) = cells.amount(Field::Rate)? {
        return Ok((Some(rate), currency));
    }
    let Some(total) = cells.amount(Field::TotalAmount)? else { return Ok((None, currency)) };
    // A room used by day has no price a night.
    let Some(rate) = total.checked_div(Decimal::from(nights)) else {
        cells.memory.assumed.not_divided += 1;
        return Ok((None, currency));
    };
    cells.memory.assumed.divided += 1;
    Ok((Some(rate.round_dp(RATE_DECIMALS).normalize()), currency))
}

fn deposit(cells: &Cells<'_>) -> Result<Option<Deposit>, Flaw> {
    let Some(word) = cells.text(Field::Deposit)? else { return Ok(None) };
    words::deposit(&squeezed(word)).map(Some).ok_or_else(|| {
        let reason = format!("{} is neither none, refundable nor non_refundable", shown(word));
        Flaw::new(RejectCode::UnknownWord, &[Field::Deposit], reason)
    })
}

/// What `Booking::check` found, as a report shows it.
fn disagreement(error: &BookingError) -> Flaw {
    const ARRIVAL: [Field; 4] = [Field::Arrival, Field::ArrivalYear, Field::ArrivalMonth, Field::ArrivalDay];
    let (code, fields): (_, &[Field]) = match error {
        BookingError::EndsBeforeItBegins { .. } => (RejectCode::EndsBeforeItBegins, &ARRIVAL),
        BookingError::TooLong(_) => (RejectCode::TooManyNights, &[Field::Nights]),
        BookingError::BookedAfterArrival { .. } => {
            (RejectCode::BookedAfterArrival, &[Field::BookedOn, Field::Arrival])
        }
        BookingError::TooEarly(_) => (RejectCode::LeadTooLong, &[Field::BookedOn, Field::LeadDays]),
        BookingError::StatusBeforeBooking { .. } => (
            RejectCode::StatusBeforeBooking,
            &[Field::Status, Field::StatusOn, Field::BookedOn, Field::LeadDays],
        ),
        BookingError::StatusWithoutDay(_) => (RejectCode::StatusWithoutDay, &[Field::StatusOn]),
        BookingError::Rate(_) => (RejectCode::BadRate, &[Field::Rate, Field::TotalAmount]),
    };
    Flaw::new(code, fields, error.to_string())
}

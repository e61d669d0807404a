//! The values of one row, each read as what it should be.

use std::collections::HashMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use csv::ByteRecord;
use innkeeper_hotel::{Currency, RoomTypeName};
use rust_decimal::Decimal;

use crate::dates::{self, DateOrder, DayFlaw};
use crate::fields::{Field, Table};
use crate::identity::Identity;
use crate::layout::Layout;
use crate::numbers;
use crate::outcome::{RejectCode, Rejection};
use crate::words::{self, shown};

/// Longest text of a field that is no name, in bytes.
pub(crate) const LONGEST_TEXT: usize = 128;
/// Room types that are remembered; more are read anew each time.
const REMEMBERED: usize = 4_096;

/// Why a row is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    pub(crate) code: RejectCode,
    pub(crate) reason: String,
    pub(crate) fields: Vec<Field>,
}

impl Flaw {
    pub(crate) fn new(code: RejectCode, fields: &[Field], reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), fields: fields.to_vec() }
    }

    /// The flaw as a report shows it.
    pub(crate) fn rejection(self, line: u64, layout: &Layout, record: &ByteRecord) -> Rejection {
        let value = |field: Field| {
            // The id of a row of guests is the number of a guest.
            if field.is_personal() || (field == Field::Id && layout.table == Table::Guests) {
                return None;
            }
            let column = layout.column(field)?;
            let value = shown(&String::from_utf8_lossy(record.get(column)?));
            Some((layout.heading(field).to_owned(), value.trim_matches('"').to_owned()))
        };
        let values = self.fields.iter().filter_map(|field| value(*field)).collect();
        Rejection { line, code: self.code, reason: self.reason, values }
    }
}

/// How often something had to be assumed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Assumed {
    /// Cancelled bookings and no-shows whose day was not written.
    pub(crate) status_days: u64,
    /// Days given to bookings that merely hold.
    pub(crate) status_days_left_out: u64,
    /// Numbers of people that were not written.
    pub(crate) people: u64,
    /// Amounts of a whole stay, divided by its nights.
    pub(crate) divided: u64,
    /// Amounts of a stay without nights, which make no price a night.
    pub(crate) not_divided: u64,
    /// Ids made of the row.
    pub(crate) ids: u64,
    /// Events without a last day.
    pub(crate) one_day_events: u64,
    /// Instants read without a time zone.
    pub(crate) zoneless: u64,
    /// Instants read in the hotel's zone, and those of them that are midnight as written.
    pub(crate) zoned: u64,
    pub(crate) midnights: u64,
}

/// What is remembered from row to row.
pub(crate) struct Memory {
    pub(crate) zone: Option<Tz>,
    pub(crate) order: Option<DateOrder>,
    /// Set where a row needs the order of day and month, and nobody has decided it.
    pub(crate) undecided: Option<Field>,
    pub(crate) assumed: Assumed,
    pub(crate) identity: Identity,
    room_types: HashMap<String, RoomTypeName>,
}

impl Memory {
    pub(crate) fn new(zone: Option<Tz>, order: Option<DateOrder>) -> Self {
        Self {
            zone,
            order,
            undecided: None,
            assumed: Assumed::default(),
            identity: Identity::default(),
            room_types: HashMap::new(),
        }
    }
}

/// One row.
pub struct Cells<'a> {
    pub(crate) record: &'a ByteRecord,
    pub(crate) layout: &'a Layout,
    pub(crate) memory: &'a mut Memory,
}

impl<'a> Cells<'a> {
    /// The text of a field without the blanks around it; `None` where it says nothing.
    pub(crate) fn text(&self, field: Field) -> Result<Option<&'a str>, Flaw> {
        let written = match self.layout.column(field) {
            Some(column) => self.written(field, self.record.get(column).unwrap_or_default())?,
            None => None,
        };
        Ok(written.or(self.layout.constant(field)))
    }

    fn written(&self, field: Field, bytes: &'a [u8]) -> Result<Option<&'a str>, Flaw> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            let heading = self.layout.heading(field);
            return Err(Flaw::new(RejectCode::NotUtf8, &[], format!("{heading} is not UTF-8")));
        };
        let text = text.trim();
        if text.is_empty() || self.layout.missing.iter().any(|word| word == text) {
            return Ok(None);
        }
        let plain = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if !plain && text.chars().any(char::is_control) {
            let heading = self.layout.heading(field);
            let reason = format!("{heading} holds a control character");
            return Err(Flaw::new(RejectCode::ControlCharacter, &[field], reason));
        }
        Ok(Some(text))
    }

    /// A text that is kept, at most 128 bytes.
    pub(crate) fn kept(&self, field: Field) -> Result<Option<String>, Flaw> {
        match self.text(field)? {
            Some(text) if text.len() > LONGEST_TEXT => {
                let reason = format!("{} is longer than {LONGEST_TEXT} bytes", self.layout.heading(field));
                Err(Flaw::new(RejectCode::TooLong, &[field], reason))
            }
            text => Ok(text.map(str::to_owned)),
        }
    }

    /// What a field must hold.
    pub(crate) fn needed<T>(&self, field: Field, value: Option<T>) -> Result<T, Flaw> {
        value.ok_or_else(|| {
            let reason = format!("{} is missing", self.layout.heading(field));
            Flaw::new(RejectCode::MissingValue, &[field], reason)
        })
    }

    /// A day.
    pub(crate) fn day(&mut self, field: Field) -> Result<Option<NaiveDate>, Flaw> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        match dates::day(text, self.memory.zone, self.memory.order) {
            Ok(day) => {
                if day.instant {
                    let assumed = &mut self.memory.assumed;
                    if self.memory.zone.is_none() {
                        assumed.zoneless += 1;
                    } else {
                        assumed.zoned += 1;
                        assumed.midnights += u64::from(day.midnight);
                    }
                }
                Ok(Some(day.date))
            }
            Err(DayFlaw::Undecided) => {
                self.memory.undecided = Some(field);
                Err(Flaw::new(RejectCode::BadDate, &[field], "the order of day and month is not decided"))
            }
            Err(DayFlaw::Wrong(reason)) => Err(Flaw::new(RejectCode::BadDate, &[field], reason)),
        }
    }

    /// A whole number of any sign.
    pub(crate) fn whole(&self, field: Field) -> Result<Option<i64>, Flaw> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        match numbers::whole(text, self.layout.mark) {
            Ok(number) => Ok(Some(number)),
            Err(reason) => Err(Flaw::new(RejectCode::BadNumber, &[field], reason)),
        }
    }

    /// A count that fits its field.
    pub(crate) fn count<T: TryFrom<i64>>(&self, field: Field) -> Result<Option<T>, Flaw> {
        let Some(number) = self.whole(field)? else { return Ok(None) };
        T::try_from(number).map(Some).map_err(|_| {
            let reason = format!("{} cannot be {number}", self.layout.heading(field));
            Flaw::new(RejectCode::OutOfRange, &[field], reason)
        })
    }

    /// People of one age; where nothing is written, none, and that is noted.
    pub(crate) fn people(&mut self, field: Field) -> Result<u16, Flaw> {
        let people = self.count(field)?;
        if people.is_none() && self.layout.column(field).is_some() {
            self.memory.assumed.people += 1;
        }
        Ok(people.unwrap_or(0))
    }

    /// An amount.
    pub(crate) fn amount(&self, field: Field) -> Result<Option<Decimal>, Flaw> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        match numbers::decimal(text, self.layout.mark) {
            Ok(number) => Ok(Some(number)),
            Err(reason) => Err(Flaw::new(RejectCode::BadNumber, &[field], reason)),
        }
    }

    /// A currency.
    pub(crate) fn currency(&self) -> Result<Option<Currency>, Flaw> {
        let Some(text) = self.text(Field::Currency)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            let reason = format!("{} is not a currency code of ISO 4217", shown(text));
            Flaw::new(RejectCode::UnknownCurrency, &[Field::Currency], reason)
        })
    }

    /// Yes or no.
    pub(crate) fn yes_or_no(&self, field: Field) -> Result<Option<bool>, Flaw> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        words::yes_or_no(text).map(Some).ok_or_else(|| {
            Flaw::new(RejectCode::UnknownWord, &[field], format!("{} is neither yes nor no", shown(text)))
        })
    }

    /// A name or identifier; what is wrong with one is said without repeating it.
    pub(crate) fn named<T>(&self, field: Field) -> Result<Option<T>, Flaw>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let Some(text) = self.text(field)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error| {
            Flaw::new(RejectCode::BadId, &[field], format!("{}: {error}", self.layout.heading(field)))
        })
    }

    /// A room type, whose text all rows share.
    pub(crate) fn room_type(&mut self, field: Field) -> Result<Option<RoomTypeName>, Flaw> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        if let Some(known) = self.memory.room_types.get(text) {
            return Ok(Some(known.clone()));
        }
        let name: Option<RoomTypeName> = self.named(field)?;
        if let Some(name) = &name
            && self.memory.room_types.len() < REMEMBERED
        {
            self.memory.room_types.insert(text.to_owned(), name.clone());
        }
        Ok(name)
    }
}

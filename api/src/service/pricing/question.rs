//! What may be asked of prices, and what is refused before anything is computed.

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use innkeeper_core::ErrorCode;
use innkeeper_hotel::{NameError, RoomTypeName};
use innkeeper_pricing::history::MAX_LEAD;
use serde::Serialize;

use crate::config::Pricing;
use crate::problem::Problem;
use crate::service::forecast::{day_of, last_known, level_of};

/// Most nights and room types of one schedule.
const MAX_CELLS: usize = 10_000;
/// Most room types that may be named.
const MAX_ROOM_TYPES: usize = 100;
fn refused(detail: impl Into<String>) -> Problem {
    Problem::new(ErrorCode::BadRequest, detail)
}

/// A room type as a request names it.
pub(crate) fn room_type(text: &str) -> Result<RoomTypeName, Problem> {
    text.parse().map_err(|e: NameError| refused(e.to_string()))
}

/// A question as a body puts it: nothing of it is checked yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct PricingAsked {
    pub start: String,
    pub end: String,
    pub room_types: Vec<String>,
    pub as_of: Option<String>,
    pub level: Option<f64>,
}

/// A question that makes sense by itself; whether the hotel can answer it, its tables say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct PricingQuestion {
    pub first: NaiveDate,
    /// The last night, itself included.
    pub last: NaiveDate,
    /// None are all that the hotel has.
    pub room_types: Vec<RoomTypeName>,
    pub as_of: Option<NaiveDate>,
    pub level: f64,
}

impl PricingQuestion {
    /// Checks what can be checked without the hotel's tables.
    pub fn new(asked: &PricingAsked, settings: &Pricing, zone: Tz) -> Result<Self, Problem> {
        if asked.room_types.len() > MAX_ROOM_TYPES {
            return Err(refused(format!("room_types names at most {MAX_ROOM_TYPES}")));
        }
        let mut room_types: Vec<RoomTypeName> = Vec::with_capacity(asked.room_types.len());
        for name in &asked.room_types {
            let name = room_type(name)?;
            if room_types.contains(&name) {
                return Err(refused(format!("room_types names {name} twice")));
            }
            room_types.push(name);
        }
        let question = Self {
            first: day_of("date_range.start", &asked.start, zone)?,
            last: day_of("date_range.end", &asked.end, zone)?,
            room_types,
            as_of: asked.as_of.as_deref().map(|text| day_of("as_of", text, zone)).transpose()?,
            level: level_of(Some(asked.level.unwrap_or(settings.level)))?,
        };
        question.check_range(settings)?;
        Ok(question)
    }

    fn check_range(&self, settings: &Pricing) -> Result<(), Problem> {
        if self.last < self.first {
            let detail = format!("date_range runs backwards: {} is before {}", self.last, self.first);
            return Err(refused(detail));
        }
        if self.nights() > usize::from(settings.max_nights) {
            let (nights, most) = (self.nights(), settings.max_nights);
            return Err(refused(format!("date_range has {nights} nights; one schedule has at most {most}")));
        }
        if self.nights().saturating_mul(self.room_types.len()) > MAX_CELLS {
            let detail = format!("one schedule has at most {MAX_CELLS} nights times room types");
            return Err(refused(detail));
        }
        Ok(())
    }

    /// Nights of the range; 1 or more.
    pub fn nights(&self) -> usize {
        usize::try_from((self.last - self.first).num_days() + 1).unwrap_or(usize::MAX)
    }

    /// The last day of which everything is taken as known; the nights must be ahead of it.
    pub fn last_known(&self, known_until: NaiveDate, today: NaiveDate) -> Result<NaiveDate, Problem> {
        let as_of = last_known(self.as_of, known_until, today)?;
        if self.first <= as_of {
            return Err(refused(format!(
                "{} has passed: everything until {as_of} is known, and the first night that can have a price is the next one",
                self.first
            )));
        }
        let furthest = as_of.checked_add_days(Days::new(u64::from(MAX_LEAD)));
        if furthest.is_some_and(|furthest| self.last > furthest) {
            return Err(refused(format!(
                "{} is more than {MAX_LEAD} days after {as_of}, the last day that the bookings tell of",
                self.last
            )));
        }
        Ok(as_of)
    }

    /// The room types that are asked for, of those that the hotel has.
    pub fn wanted(&self, of_hotel: &[RoomTypeName]) -> Result<Vec<RoomTypeName>, Problem> {
        for wanted in &self.room_types {
            has(of_hotel, wanted)?;
        }
        if !self.room_types.is_empty() {
            return Ok(self.room_types.clone());
        }
        if of_hotel.len().saturating_mul(self.nights()) > MAX_CELLS {
            let detail = format!(
                "the hotel has {} room types; one schedule has at most {MAX_CELLS} nights times room types",
                of_hotel.len()
            );
            return Err(refused(detail));
        }
        Ok(of_hotel.to_vec())
    }
}

/// Refuses a room type that the hotel does not have.
pub(super) fn has(of_hotel: &[RoomTypeName], wanted: &RoomTypeName) -> Result<(), Problem> {
    if of_hotel.contains(wanted) {
        return Ok(());
    }
    // A hotel of a thousand kinds is not told all of them.
    let listed: Vec<&str> = of_hotel.iter().take(50).map(RoomTypeName::as_str).collect();
    let detail = if listed.is_empty() {
        "no room type of this hotel is known; `innkeeper import rooms FILE` brings them".to_owned()
    } else {
        format!("this hotel has no room type of that name; it has {}", listed.join(", "))
    };
    Err(Problem::new(ErrorCode::UnknownRoomType, detail).with("room_types", serde_json::json!(listed)))
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format, Toml};

    use super::*;

    /// The shipped defaults.
    fn settings() -> Pricing {
        Figment::from(Toml::string(crate::config::DEFAULTS)).extract_inner("pricing").unwrap()
    }

    fn ask(start: &str, end: &str, room_types: &[&str]) -> Result<PricingQuestion, Problem> {
        let asked = PricingAsked {
            start: start.to_owned(),
            end: end.to_owned(),
            room_types: room_types.iter().map(|&name| name.to_owned()).collect(),
            ..PricingAsked::default()
        };
        PricingQuestion::new(&asked, &settings(), Tz::UTC)
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_holds_both_its_ends() {
        assert_eq!(ask("2025-02-01", "2025-02-28", &["suite"]).unwrap().nights(), 28);
        assert_eq!(ask("2025-02-01", "2025-02-01", &[]).unwrap().nights(), 1);
        assert_eq!(ask("2024-01-01", "2024-12-31", &[]).unwrap().nights(), 366);
    }

    #[test]
    fn ranges_that_nobody_can_mean_are_refused() {
        for (start, end) in [
            ("2025-02-02", "2025-02-01"),
            ("2025-01-01", "2026-01-02"),
            ("2025-01-01", "2035-01-01"),
            ("1970-01-01", "8999-12-31"),
        ] {
            assert_eq!(ask(start, end, &[]).unwrap_err().code, ErrorCode::BadRequest, "{start} {end}");
        }
        for (start, end) in
            [("2025-02-30", "2025-03-01"), ("", ""), ("9999-12-31", "9999-12-31"), ("soon", "later")]
        {
            assert_eq!(ask(start, end, &[]).unwrap_err().code, ErrorCode::InvalidTimestamp, "{start} {end}");
        }
        assert!(ask("2025-01-01", "2025-01-02", &["a", " a"]).is_err());
        assert!(ask("2025-01-01", "2025-01-02", &[""]).is_err());
        let many: Vec<String> = (0..101).map(|n| format!("t{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(ask("2025-01-01", "2025-01-02", &many).is_err());
        assert!(ask("2025-01-01", "2025-12-31", &many[..99]).is_err(), "36,000 prices");
    }

    #[test]
    fn nights_that_passed_or_are_years_away_have_no_price() {
        let question = ask("2025-02-01", "2025-02-28", &[]).unwrap();
        let known = |until: &str| question.last_known(day(until), day(until));
        assert_eq!(known("2025-01-31").unwrap(), day("2025-01-31"));
        assert!(known("2025-02-01").is_err());
        assert!(known("2025-06-01").is_err());
        assert!(known("2021-06-01").is_err());
    }
}

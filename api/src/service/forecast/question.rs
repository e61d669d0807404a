//! What may be asked of a forecast, and what is refused before anything is computed.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use innkeeper_core::ErrorCode;
use innkeeper_hotel::RoomTypeName;
use serde::Serialize;

use crate::problem::Problem;

/// Longest horizon, in days.
pub(crate) const MAX_DAYS: u16 = 365;
/// Days ahead where nobody says how many.
pub(crate) const DEFAULT_DAYS: u16 = 30;
/// Share of outcomes that the interval should hold where nobody says which.
pub(crate) const DEFAULT_LEVEL: f64 = 0.8;
/// The room type that means all of them.
pub(crate) const ALL_ROOMS: &str = "all";
/// Most shifts of a day.
pub(crate) const MAX_SHIFTS: usize = 6;
/// Longest name of a shift, in characters.
const LONGEST_SHIFT: usize = 40;

/// What is forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// Rooms taken a night, of those that can be sold.
    Occupancy,
    /// Room revenue a night.
    Revenue,
    /// Minutes of cleaning a day.
    HousekeepingDemand,
}

impl Target {
    /// As paths, rows and metrics spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Occupancy => "occupancy",
            Self::Revenue => "revenue",
            Self::HousekeepingDemand => "housekeeping_demand",
        }
    }
}

/// A shift of the housekeepers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Shift {
    pub name: String,
    /// Minutes that one person cleans in it.
    pub minutes: f64,
    /// Share of the day's work that falls into it; the shares of all shifts add up to one.
    pub share: f64,
}

/// A question as a body, a query or a command line puts it: nothing of it is checked yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub days: Option<u16>,
    pub room_type: Option<String>,
    pub as_of: Option<String>,
    pub level: Option<f64>,
    pub shifts: Option<Vec<Shift>>,
}

/// A question that makes sense by itself; whether the hotel can answer it, its tables say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Question {
    pub target: Target,
    #[serde(rename = "forecast_days")]
    pub days: u16,
    /// None is the whole hotel.
    #[serde(serialize_with = "as_word")]
    pub room_type: Option<RoomTypeName>,
    /// The last day of which everything is taken as known; None is today.
    pub as_of: Option<NaiveDate>,
    pub level: f64,
    /// None divides the day as the hotel usually does.
    pub shifts: Option<Vec<Shift>>,
}

/// The room type as a request names it.
pub(super) fn word_of(room_type: Option<&RoomTypeName>) -> &str {
    room_type.map_or(ALL_ROOMS, RoomTypeName::as_str)
}

#[expect(clippy::ref_option, reason = "the signature that serde calls")]
fn as_word<S: serde::Serializer>(room_type: &Option<RoomTypeName>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(word_of(room_type.as_ref()))
}

fn refused(detail: impl Into<String>) -> Problem {
    Problem::new(ErrorCode::BadRequest, detail)
}

impl Question {
    /// Checks what can be checked without the hotel's tables.
    pub fn new(target: Target, asked: Asked, zone: Tz) -> Result<Self, Problem> {
        let days = asked.days.unwrap_or(DEFAULT_DAYS);
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(refused(format!("forecast_days must be 1 to {MAX_DAYS}")));
        }
        let room_type = match asked.room_type.as_deref().map(str::trim) {
            None | Some("" | ALL_ROOMS) => None,
            Some(name) => Some(name.parse().map_err(|e: innkeeper_hotel::NameError| refused(e.to_string()))?),
        };
        if asked.shifts.is_some() && target != Target::HousekeepingDemand {
            return Err(refused("shifts belong to housekeeping_demand"));
        }
        Ok(Self {
            target,
            days,
            room_type,
            as_of: asked.as_of.as_deref().map(|text| day_of("as_of", text, zone)).transpose()?,
            level: level_of(asked.level)?,
            shifts: asked.shifts.map(check_shifts).transpose()?,
        })
    }

    /// Where the forecast begins: what is known ends with this day. Days of which the tables hold nothing yet are ahead,
    /// also where the calendar has gone on.
    pub fn last_known(&self, known_until: NaiveDate, today: NaiveDate) -> Result<NaiveDate, Problem> {
        last_known(self.as_of, known_until, today)
    }
}

/// Days without any change after which the bookings are taken for a table that ended, not for a quiet hotel.
const QUIET_DAYS: i64 = 14;

/// See [`Question::last_known`].
pub(crate) fn last_known(
    as_of: Option<NaiveDate>,
    known_until: NaiveDate,
    today: NaiveDate,
) -> Result<NaiveDate, Problem> {
    let latest = known_until.max(today);
    // A small hotel may see no booking come or go for some days; a table that ended long ago is an old one.
    let quiet = (today - known_until).num_days() <= QUIET_DAYS;
    match as_of {
        Some(day) if day > latest => Err(refused(format!(
            "as_of {day} lies ahead: today is {today}, the bookings end on {known_until}"
        ))),
        asked => Ok(asked.unwrap_or(today).min(if quiet { latest } else { known_until })),
    }
}

/// Share of outcomes that an interval should hold.
pub(crate) fn level_of(level: Option<f64>) -> Result<f64, Problem> {
    let level = level.unwrap_or(DEFAULT_LEVEL);
    if (0.5..=0.99).contains(&level) { Ok(level) } else { Err(refused("level must be 0.5 to 0.99")) }
}

/// A day, or the day in the hotel's time zone of a moment.
pub(crate) fn day_of(what: &str, text: &str, zone: Tz) -> Result<NaiveDate, Problem> {
    let text = text.trim();
    let wrong = || {
        let detail = format!("{what} is a day (2025-01-31) or an RFC 3339 time of our age");
        Problem::new(ErrorCode::InvalidTimestamp, detail)
    };
    let day = match text.parse::<NaiveDate>() {
        Ok(day) => day,
        Err(_) => DateTime::parse_from_rfc3339(text).map_err(|_| wrong())?.with_timezone(&zone).date_naive(),
    };
    // Arithmetic on days, and columns that hold them, stay far from their ends.
    if (1970..9000).contains(&day.year()) { Ok(day) } else { Err(wrong()) }
}

/// The day that it is in the hotel.
pub(crate) fn today(zone: Tz) -> NaiveDate {
    Utc::now().with_timezone(&zone).date_naive()
}

fn check_shifts(mut shifts: Vec<Shift>) -> Result<Vec<Shift>, Problem> {
    if shifts.is_empty() || shifts.len() > MAX_SHIFTS {
        return Err(refused(format!("shifts holds 1 to {MAX_SHIFTS}")));
    }
    for (place, shift) in shifts.iter().enumerate() {
        let name = shift.name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_SHIFT || name.chars().any(char::is_control) {
            return Err(refused(format!(
                "a shift has a name of one line and at most {LONGEST_SHIFT} characters"
            )));
        }
        if shifts.iter().take(place).any(|other| other.name == shift.name) {
            return Err(refused("two shifts have one name"));
        }
        if !(10.0..=1440.0).contains(&shift.minutes) {
            return Err(refused("a shift has 10 to 1440 minutes for one person"));
        }
        if !(0.0..=1.0).contains(&shift.share) {
            return Err(refused("the share of a shift is 0 to 1"));
        }
    }
    let whole: f64 = shifts.iter().map(|shift| shift.share).sum();
    if (whole - 1.0).abs() > 0.01 {
        return Err(refused("the shares of the shifts must add up to 1"));
    }
    for shift in &mut shifts {
        shift.share /= whole;
    }
    Ok(shifts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect(text)
    }

    fn ask(asked: Asked) -> Result<Question, Problem> {
        Question::new(Target::Occupancy, asked, Tz::UTC)
    }

    #[test]
    fn what_is_left_out_is_thirty_days_of_the_whole_hotel() {
        let question = ask(Asked::default()).expect("a question");
        assert_eq!((question.days, question.room_type, question.as_of), (30, None, None));
        assert!((question.level - 0.8).abs() < 1e-12);
        let named =
            ask(Asked { room_type: Some(" all ".to_owned()), ..Asked::default() }).expect("a question");
        assert_eq!(named.room_type, None);
    }

    #[test]
    fn horizons_and_levels_beyond_their_range_are_refused() {
        for days in [0, 366, u16::MAX] {
            assert!(ask(Asked { days: Some(days), ..Asked::default() }).is_err(), "{days}");
        }
        for level in [0.4, 1.0, -0.8, f64::NAN, f64::INFINITY] {
            assert!(ask(Asked { level: Some(level), ..Asked::default() }).is_err(), "{level}");
        }
        for as_of in ["9999-12-31", "0001-01-01", "2025-02-29", "yesterday", "", "262143-01-01"] {
            assert!(ask(Asked { as_of: Some(as_of.to_owned()), ..Asked::default() }).is_err(), "{as_of}");
        }
    }

    #[test]
    fn a_moment_is_of_the_day_it_is_in_the_hotel() {
        let hanoi = Tz::Asia__Ho_Chi_Minh;
        assert_eq!(day_of("as_of", "2025-01-31T18:00:00Z", hanoi).expect("a day"), day("2025-02-01"));
        assert_eq!(day_of("as_of", "2025-01-31", hanoi).expect("a day"), day("2025-01-31"));
    }

    #[test]
    fn a_forecast_begins_where_the_bookings_end() {
        let (until, today) = (day("2024-12-10"), day("2025-01-20"));
        assert_eq!(last_known(None, until, today).expect("a day"), until);
        assert_eq!(last_known(Some(today), until, today).expect("a day"), until);
        assert_eq!(last_known(Some(day("2024-12-05")), until, today).expect("a day"), day("2024-12-05"));
        // A few days without a booking are a quiet hotel, not the end of its table.
        assert_eq!(last_known(None, day("2025-01-10"), today).expect("a day"), today);
        assert_eq!(last_known(None, day("2025-02-10"), today).expect("a day"), today);
        let ahead = last_known(Some(day("2025-01-21")), until, today).unwrap_err();
        assert_eq!(ahead.code, ErrorCode::BadRequest);
    }

    #[test]
    fn shifts_that_do_not_add_up_are_refused() {
        let shift = |name: &str, minutes: f64, share: f64| Shift { name: name.to_owned(), minutes, share };
        let of = |shifts| {
            let asked = Asked { shifts: Some(shifts), ..Asked::default() };
            Question::new(Target::HousekeepingDemand, asked, Tz::UTC)
        };
        assert!(of(vec![shift("early", 420.0, 0.7), shift("late", 420.0, 0.3)]).is_ok());
        for wrong in [
            vec![],
            vec![shift("early", 420.0, 0.7)],
            vec![shift("", 420.0, 1.0)],
            vec![shift("early", 0.0, 1.0)],
            vec![shift("early", f64::NAN, 1.0)],
            vec![shift("early", 420.0, 0.5), shift("early", 420.0, 0.5)],
            vec![shift("early", 420.0, 2.0), shift("late", 420.0, -1.0)],
        ] {
            assert!(of(wrong.clone()).is_err(), "{wrong:?}");
        }
        assert!(ask(Asked { shifts: Some(vec![shift("early", 420.0, 1.0)]), ..Asked::default() }).is_err());
    }
}

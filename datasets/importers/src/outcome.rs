use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// What became of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<T> {
    /// It was understood.
    Row {
        /// Name of the hotel as written; `None` where the file has no such column or the row leaves it empty.
        hotel: Option<Arc<str>>,
        /// The line on which it begins; the header is line 1.
        line: u64,
        /// What it says.
        row: T,
    },
    /// It was not, for a reason.
    Rejected(Rejection),
}

/// A row that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The line on which it begins; the header is line 1.
    pub line: u64,
    /// The kind of reason.
    pub code: RejectCode,
    /// The reason, in a sentence.
    pub reason: String,
    /// The columns at fault, as headed, with what they hold: at most 40 letters each, never a name, an address, a telephone number
    /// or the number of a guest.
    pub values: Vec<(String, String)>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// Kinds of reasons to reject a row. The words are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum RejectCode {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)*
        }

        impl RejectCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word of reports.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

codes! {
    /// The row has more or fewer columns than the header.
    WrongFieldCount = "wrong_field_count",
    /// A value is not UTF-8.
    NotUtf8 = "not_utf8",
    /// A value holds a control character.
    ControlCharacter = "control_character",
    /// A value is longer than its field.
    TooLong = "too_long",
    /// A value that is needed is missing.
    MissingValue = "missing_value",
    /// A day that is none, or cannot be read.
    BadDate = "bad_date",
    /// A number that is none, or is not finite, or not whole where it must be.
    BadNumber = "bad_number",
    /// A number outside what its field can hold.
    OutOfRange = "out_of_range",
    /// Fewer than 0 nights.
    NegativeNights = "negative_nights",
    /// More nights than a year has.
    TooManyNights = "too_many_nights",
    /// Nights and departure say different things.
    NightsDisagree = "nights_disagree",
    /// The last day is before the first.
    EndsBeforeItBegins = "ends_before_it_begins",
    /// Made after the day of arrival.
    BookedAfterArrival = "booked_after_arrival",
    /// Made more than ten years ahead.
    LeadTooLong = "lead_too_long",
    /// A word for the status, the deposit, or yes and no, that is not known.
    UnknownWord = "unknown_word",
    /// One column says cancelled, another does not.
    StatusDisagrees = "status_disagrees",
    /// The status was set before the booking was made.
    StatusBeforeBooking = "status_before_booking",
    /// Cancelled or never came, without the day on which that became known.
    StatusWithoutDay = "status_without_day",
    /// A price below zero or above what is believed.
    BadRate = "bad_rate",
    /// A currency that ISO 4217 does not have.
    UnknownCurrency = "unknown_currency",
    /// An amount with more decimals than its currency.
    TooFine = "too_fine",
    /// An identifier that cannot be one.
    BadId = "bad_id",
    /// An identifier that an earlier row has, with other values.
    DuplicateId = "duplicate_id",
}

impl fmt::Display for RejectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

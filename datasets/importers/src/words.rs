//! Words of a file, brought to one form before they are compared.

use std::borrow::Cow;

use innkeeper_hotel::{BookingStatus, Deposit};

/// A heading in small letters with single underscores: `Check-In Date` is `check_in_date`.
pub(crate) fn heading(name: &str) -> String {
    let mut form = String::with_capacity(name.len());
    for letter in name.trim().chars() {
        if letter.is_alphanumeric() {
            form.extend(letter.to_lowercase());
        } else if !form.is_empty() && !form.ends_with('_') {
            form.push('_');
        }
    }
    form.truncate(form.trim_end_matches('_').len());
    form
}

/// A word without case, blanks and punctuation: `No-Show`, `no_show` and `NO SHOW` are `noshow`.
pub(crate) fn squeezed(word: &str) -> Cow<'_, str> {
    if word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(word.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect())
}

/// A value as a report shows it: in quotation marks, without control characters, at most 40 letters, and nothing of what looks
/// like an e-mail address in a column where none belongs.
pub(crate) fn shown(value: &str) -> String {
    if value.contains('@') {
        return "\"…@…\"".to_owned();
    }
    let mut letters = value.chars();
    let short: String = letters.by_ref().take(40).collect();
    format!("{short:?}{}", if letters.next().is_some() { "…" } else { "" })
}

/// Where a booking stands, from the words systems use for it.
pub(crate) fn status(squeezed: &str) -> Option<BookingStatus> {
    Some(match squeezed {
        "checkout" | "checkedout" | "completed" | "departed" | "stayed" => BookingStatus::Completed,
        "canceled" | "cancelled" | "cancel" | "cxl" => BookingStatus::Cancelled,
        "noshow" => BookingStatus::NoShow,
        // "Not cancelled" says that the booking held, not that the guest came.
        "confirmed" | "booked" | "reserved" | "guaranteed" | "checkedin" | "checkin" | "inhouse"
        | "notcanceled" | "notcancelled" => BookingStatus::Confirmed,
        _ => return None,
    })
}

/// What was paid ahead.
pub(crate) fn deposit(squeezed: &str) -> Option<Deposit> {
    Some(match squeezed {
        "none" | "nodeposit" => Deposit::None,
        "refundable" => Deposit::Refundable,
        "nonrefundable" | "nonrefund" => Deposit::NonRefundable,
        _ => return None,
    })
}

/// Yes or no.
pub(crate) fn yes_or_no(word: &str) -> Option<bool> {
    const YES: [&str; 6] = ["1", "true", "yes", "y", "t", "1.0"];
    const NO: [&str; 6] = ["0", "false", "no", "n", "f", "0.0"];
    let is = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    if is(&NO) {
        Some(false)
    } else if is(&YES) {
        Some(true)
    } else {
        None
    }
}

/// The month, 1 to 12, from a number or its English name, whole or its first three letters.
pub(crate) fn month(word: &str) -> Option<u32> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    if word.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return word.parse().ok().filter(|month| (1..=12).contains(month));
    }
    let is = |name: &&str| {
        name.eq_ignore_ascii_case(word)
            || (word.len() == 3 && name.get(..3).is_some_and(|n| n.eq_ignore_ascii_case(word)))
    };
    NAMES.iter().position(is).map(|index| index as u32 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_is_found_however_it_is_written() {
        for written in ["Check-In Date", " check_in_date ", "CHECK IN  DATE", "check.in.date."] {
            assert_eq!(heading(written), "check_in_date");
        }
        assert_eq!(heading("Zimmer-Typ (gebucht)"), "zimmer_typ_gebucht");
    }

    #[test]
    fn not_cancelled_is_no_stay() {
        assert_eq!(status(&squeezed("Not_Canceled")), Some(BookingStatus::Confirmed));
        assert_eq!(status(&squeezed("No-Show")), Some(BookingStatus::NoShow));
        assert_eq!(status(&squeezed("Check-Out")), Some(BookingStatus::Completed));
        assert_eq!(status(&squeezed("waitlisted")), None);
    }

    #[test]
    fn months_are_names_or_numbers_and_nothing_else() {
        assert_eq!(
            (month("July"), month("jul"), month("7"), month("07")),
            (Some(7), Some(7), Some(7), Some(7))
        );
        assert_eq!(
            (month("13"), month("0"), month("Ju"), month("julius"), month("é")),
            (None, None, None, None, None)
        );
    }
}

//! Machine-readable zones, composed by ICAO Doc 9303 without the parser's help: whatever the parser gets wrong
//! must not be made right by its own mistake here.

use chrono::NaiveDate;

use super::identity::Holder;

/// A layout of ICAO Doc 9303.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Identity card, three lines of 30 (part 5).
    Td1,
    /// Identity card, two lines of 36 (part 6).
    Td2,
    /// Passport, two lines of 44 (part 4).
    Td3,
    /// Visa, two lines of 44 (part 7).
    MrvA,
    /// Visa, two lines of 36 (part 7).
    MrvB,
}

impl Form {
    pub const ALL: [Self; 5] = [Self::Td1, Self::Td2, Self::Td3, Self::MrvA, Self::MrvB];

    /// Millimetres of the card or page.
    pub fn size(self) -> (f32, f32) {
        match self {
            Self::Td1 => (85.6, 54.0),
            Self::Td2 | Self::MrvB => (105.0, 74.0),
            Self::Td3 => (125.0, 88.0),
            Self::MrvA => (120.0, 80.0),
        }
    }

    /// Characters of a line.
    pub fn width(self) -> usize {
        match self {
            Self::Td1 => 30,
            Self::Td2 | Self::MrvB => 36,
            Self::Td3 | Self::MrvA => 44,
        }
    }
}

/// Weights 7, 3, 1; digits as they are, A = 10 to Z = 35, filler 0 (part 3, section 4.9).
pub fn check_digit(text: &str) -> char {
    let value = |letter: char| match letter {
        '<' => 0,
        '0'..='9' => letter as u32 - '0' as u32,
        'A'..='Z' => letter as u32 - 'A' as u32 + 10,
        _ => panic!("{letter:?} is no character of a machine-readable zone"),
    };
    let sum: u32 = text.chars().zip([7, 3, 1].into_iter().cycle()).map(|(c, weight)| value(c) * weight).sum();
    char::from_digit(sum % 10, 10).expect("below ten")
}

/// A printed name in the letters of the zone (part 3, section 6: the common ones).
pub fn transliterated(name: &str) -> String {
    let mut out = String::new();
    for letter in name.to_uppercase().chars() {
        match letter {
            'A'..='Z' => out.push(letter),
            ' ' | '-' => out.push('<'),
            '\'' => {}
            'Ä' | 'Æ' => out.push_str("AE"),
            'Ö' | 'Ø' => out.push_str("OE"),
            'Ü' => out.push_str("UE"),
            'É' | 'È' | 'Ê' | 'Ế' | 'Ễ' | 'Ệ' => out.push('E'),
            'Á' | 'À' | 'Â' | 'Ầ' | 'Ấ' | 'Ă' => out.push('A'),
            'Ô' | 'Ồ' | 'Ó' => out.push('O'),
            'Ị' | 'Í' => out.push('I'),
            'Đ' => out.push('D'),
            _ => panic!("{letter:?}: teach the kit how it is transliterated"),
        }
    }
    out
}

fn filled(text: &str, width: usize) -> String {
    let mut text: String = text.chars().take(width).collect();
    text.extend(std::iter::repeat_n('<', width - text.len()));
    text
}

fn names(holder: &Holder, width: usize) -> String {
    filled(&format!("{}<<{}", transliterated(&holder.surname), transliterated(&holder.given_names)), width)
}

fn day(date: NaiveDate) -> String {
    date.format("%y%m%d").to_string()
}

/// Text with its check digit behind it.
fn checked(text: &str) -> String {
    format!("{text}{}", check_digit(text))
}

/// The lines of the zone. A number of more than nine characters goes on in the optional field, where the layout
/// allows it (TD1, TD2).
pub fn lines(form: Form, holder: &Holder) -> Vec<String> {
    let code = filled(
        match form {
            Form::Td1 | Form::Td2 => "I",
            Form::Td3 => "P",
            Form::MrvA | Form::MrvB => "V",
        },
        2,
    );
    let issuer = filled(&holder.issuer, 3);
    let nationality = filled(&holder.nationality, 3);
    let (birth, expiry) = (checked(&day(holder.birth)), checked(&day(holder.expiry)));
    let sex = holder.sex;
    let (number, rest) = if holder.number.len() > 9 {
        assert!(matches!(form, Form::Td1 | Form::Td2), "{form:?} has no room for a long number");
        let (first, rest) = holder.number.split_at(9);
        (format!("{first}<"), format!("{rest}{}<", check_digit(&holder.number)))
    } else {
        (checked(&filled(&holder.number, 9)), String::new())
    };
    let optional = |width| filled(&format!("{rest}{}", holder.personal_number), width);
    match form {
        Form::Td1 => {
            let first = format!("{code}{issuer}{number}{}", optional(15));
            let second = format!("{birth}{sex}{expiry}{nationality}{}", filled("", 11));
            let all = format!("{}{}{}{}", &first[5..30], &second[0..7], &second[8..15], &second[18..29]);
            vec![first, format!("{second}{}", check_digit(&all)), names(holder, 30)]
        }
        Form::Td2 => {
            let second = format!("{number}{nationality}{birth}{sex}{expiry}{}", optional(7));
            let all = format!("{}{}{}", &second[0..10], &second[13..20], &second[21..35]);
            vec![format!("{code}{issuer}{}", names(holder, 31)), format!("{second}{}", check_digit(&all))]
        }
        Form::Td3 => {
            let optional = optional(14);
            // Part 4: a check digit of an empty field may be a filler.
            let own = if holder.personal_number.is_empty() { '<' } else { check_digit(&optional) };
            let second = format!("{number}{nationality}{birth}{sex}{expiry}{optional}{own}");
            let all = format!("{}{}{}", &second[0..10], &second[13..20], &second[21..43]);
            vec![format!("{code}{issuer}{}", names(holder, 39)), format!("{second}{}", check_digit(&all))]
        }
        Form::MrvA => vec![
            format!("{code}{issuer}{}", names(holder, 39)),
            format!("{number}{nationality}{birth}{sex}{expiry}{}", optional(16)),
        ],
        Form::MrvB => vec![
            format!("{code}{issuer}{}", names(holder, 31)),
            format!("{number}{nationality}{birth}{sex}{expiry}{}", optional(8)),
        ],
    }
}

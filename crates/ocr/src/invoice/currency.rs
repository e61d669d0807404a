//! Currencies as they are printed, and what the page says about the country.

use serde::{Deserialize, Serialize};

/// A mark that stands at an amount: one currency, or one of several that share the sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// ISO 4217 codes that print this mark. Where there are several, a country decides or nothing does.
    pub codes: &'static [&'static str],
}

/// Longest marks first, so that `US$` is not taken for `$`.
#[rustfmt::skip]
const MARKS: &[(&str, &[&str])] = &[
    ("VNĐ", &["VND"]), ("US$", &["USD"]), ("HK$", &["HKD"]), ("NT$", &["TWD"]), ("RMB", &["CNY"]), ("SFR",
    &["CHF"]), ("RS.", &["INR", "PKR", "LKR"]), ("RM", &["MYR"]), ("S$", &["SGD"]), ("A$", &["AUD"]), ("C$",
    &["CAD"]), ("R$", &["BRL"]), ("RS", &["INR", "PKR", "LKR"]), ("RP", &["IDR"]), ("KR", &["SEK", "NOK",
    "DKK"]), ("ZŁ", &["PLN"]), ("KČ", &["CZK"]), ("FT", &["HUF"]), ("FR", &["CHF"]), ("€", &["EUR"]), ("£",
    &["GBP"]), ("₫", &["VND"]), ("Đ", &["VND"]), ("₹", &["INR"]), ("₩", &["KRW"]), ("฿", &["THB"]), ("₱",
    &["PHP"]), ("₽", &["RUB"]), ("₺", &["TRY"]), ("円", &["JPY"]), ("元", &["CNY", "TWD"]), ("圆",
    &["CNY"]), ("¥", &["CNY", "JPY"]), ("￥", &["CNY", "JPY"]), ("$", &["USD", "SGD", "AUD", "CAD", "NZD",
    "HKD", "MXN"]),
];

/// ISO 4217 codes that are read where they stand beside an amount.
#[rustfmt::skip]
const CODES: &[&[&str]] = &[
    &["AED"], &["AUD"], &["BRL"], &["CAD"], &["CHF"], &["CNY"], &["CZK"], &["DKK"], &["EUR"], &["GBP"],
    &["HKD"], &["HUF"], &["IDR"], &["INR"], &["JPY"], &["KRW"], &["LKR"], &["MXN"], &["MYR"], &["NOK"],
    &["NZD"], &["PHP"], &["PKR"], &["PLN"], &["RUB"], &["SAR"], &["SEK"], &["SGD"], &["THB"], &["TRY"],
    &["TWD"], &["USD"], &["VND"], &["ZAR"],
];

/// Country, its currency, and the words of a page that point to it (folded text, whole words).
#[rustfmt::skip]
const COUNTRIES: &[(&str, &str, &[&str])] = &[
    ("MY", "MYR", &["malaysia", "sdn", "bhd", "selangor", "johor", "kuala lumpur", "jalan", "jln", "taman",
    "petaling", "penang", "sabah", "sarawak", "melaka", "perak", "sst", "gst id"]),
    ("VN", "VND", &["viet nam", "vietnam", "ha noi", "hanoi", "da nang", "ho chi minh", "tp hcm", "quan",
    "phuong", "duong", "hoa don", "ma so thue", "mst", "cong ty", "tong cong", "thanh tien", "cty",
    "tnhh"]),
    ("CN", "CNY", &["中国", "北京", "上海", "广州", "深圳", "发票", "税号", "纳税人", "有限公司", "合计",
    "增值税"]),
    ("JP", "JPY", &["日本", "東京", "大阪", "消費税", "株式会社", "領収書", "請求書", "税込"]),
    ("DE", "EUR", &["deutschland", "germany", "gmbh", "mwst", "ust", "rechnung", "umsatzsteuer", "berlin",
    "munchen", "hamburg"]),
    ("AT", "EUR", &["osterreich", "austria", "wien", "salzburg", "atu"]),
    ("CH", "CHF", &["schweiz", "suisse", "switzerland", "zurich", "geneve", "basel", "bern", "che"]),
    ("FR", "EUR", &["france", "tva", "facture", "siret", "siren", "sarl", "ttc", "paris", "lyon",
    "marseille"]),
    ("NL", "EUR", &["nederland", "netherlands", "btw", "factuur", "amsterdam", "rotterdam", "kvk"]),
    ("IT", "EUR", &["italia", "italy", "fattura", "partita iva", "roma", "milano"]),
    ("ES", "EUR", &["espana", "spain", "factura", "madrid", "barcelona", "cif"]),
    ("GB", "GBP", &["united kingdom", "england", "scotland", "wales", "london", "vat reg", "ltd", "plc"]),
    ("US", "USD", &["usa", "united states", "sales tax", "inc", "llc", "new york", "california", "texas"]),
    ("CA", "CAD", &["canada", "hst", "ontario", "quebec", "toronto", "vancouver"]),
    ("SG", "SGD", &["singapore", "pte", "uen"]),
    ("AU", "AUD", &["australia", "abn", "pty", "sydney", "melbourne", "nsw"]),
    ("IN", "INR", &["india", "gstin", "cgst", "sgst", "igst", "bangalore", "mumbai", "delhi", "karnataka"]),
    ("TH", "THB", &["thailand", "bangkok", "phuket"]),
    ("ID", "IDR", &["indonesia", "jakarta", "npwp", "bali"]),
    ("PH", "PHP", &["philippines", "manila"]),
    ("KR", "KRW", &["korea", "seoul"]),
    ("HK", "HKD", &["hong kong", "kowloon"]),
];

/// International dialling prefixes as printed.
#[rustfmt::skip]
const PREFIXES: &[(&str, &str)] = &[
    ("60", "MY"), ("84", "VN"), ("86", "CN"), ("81", "JP"), ("49", "DE"), ("43", "AT"), ("41", "CH"), ("33",
    "FR"), ("31", "NL"), ("39", "IT"), ("34", "ES"), ("44", "GB"), ("65", "SG"), ("61", "AU"), ("91", "IN"),
    ("66", "TH"), ("62", "ID"), ("63", "PH"), ("82", "KR"), ("852", "HK"),
];

/// The mark at the start of `text` (upper case), with how many characters it takes.
pub(super) fn mark_at_start(text: &[char]) -> Option<(Mark, usize)> {
    for codes in CODES {
        let length = codes.first().map_or(0, |code| code.len());
        if codes.first().is_some_and(|code| starts_with(text, code))
            && !text.get(length).is_some_and(|c| c.is_alphabetic())
        {
            return Some((Mark { codes }, length));
        }
    }
    MARKS.iter().find_map(|(printed, codes)| {
        let length = printed.chars().count();
        let lettered = printed.chars().all(char::is_alphabetic) && printed.is_ascii();
        let followed = text.get(length).is_some_and(|c| c.is_alphabetic());
        (starts_with(text, printed) && !(lettered && followed)).then_some((Mark { codes }, length))
    })
}

/// The mark that is all of `text`, a trailing point apart.
pub(super) fn mark_alone(text: &str) -> Option<Mark> {
    let chars: Vec<char> = upper(text.trim().trim_end_matches(['.', ':']));
    if chars.is_empty() || chars.len() > 4 {
        return None;
    }
    mark_at_start(&chars).filter(|(_, length)| *length == chars.len()).map(|(mark, _)| mark)
}

/// Upper case, one character for one: what has no single upper-case letter stays.
pub(super) fn upper(text: &str) -> Vec<char> {
    text.chars()
        .map(|c| {
            let mut up = c.to_uppercase();
            match (up.next(), up.next()) {
                (Some(u), None) => u,
                _ => c,
            }
        })
        .collect()
}

fn starts_with(text: &[char], prefix: &str) -> bool {
    let mut at = text.iter();
    prefix.chars().all(|p| at.next() == Some(&p))
}

/// Currency of a country (ISO 3166 alpha-2), where it is one this room knows.
pub(super) fn of_country(country: &str) -> Option<&'static str> {
    COUNTRIES.iter().find(|(c, _, _)| c.eq_ignore_ascii_case(country)).map(|(_, currency, _)| *currency)
}

/// Currencies that are known, each counted once.
pub(super) fn known_currencies() -> usize {
    CODES.len()
}

/// The order in which a country writes numeric dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// 31/12/2025.
    DayFirst,
    /// 12/31/2025.
    MonthFirst,
    /// 2025-12-31.
    YearFirst,
}

/// How the country (ISO 3166 alpha-2) writes numeric dates; day first where nothing else is known of it.
pub(super) fn date_order(country: &str) -> DateOrder {
    match country.to_ascii_uppercase().as_str() {
        "US" | "PH" => DateOrder::MonthFirst,
        "CN" | "JP" | "KR" | "TW" | "HU" | "SE" | "LT" => DateOrder::YearFirst,
        _ => DateOrder::DayFirst,
    }
}

/// A country that decides what a page leaves open, and who says so.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Country {
    /// ISO 3166 alpha-2.
    pub code: &'static str,
    /// In words, for a note.
    pub by: String,
    /// How sure it is that amounts without a mark are in its currency, 0 to 1.
    pub confidence: f32,
}

/// A caller knows the country, but a bill of it may be in another currency all the same. Set, not fitted.
const ASKED: f32 = 0.9;
/// Nothing on the page speaks for or against the hotel's own country. Set, not fitted.
const SETTING: f32 = 0.5;

/// Countries in the order in which they decide: the one given with the request, the one the page points to, the one of
/// the setting. Codes that are unknown are left out, and `notes` says so.
pub(super) fn countries(
    asked: Option<&str>,
    page: Option<&CountryEvidence>,
    setting: Option<&str>,
    notes: &mut Vec<String>,
) -> Vec<Country> {
    let mut known = |given: Option<&str>| {
        let given = given?.trim();
        let code = COUNTRIES.iter().map(|(c, _, _)| *c).find(|c| c.eq_ignore_ascii_case(given));
        if code.is_none() {
            notes.push(format!("nothing is known of the country {given:.8}: it decided nothing"));
        }
        code
    };
    let asked = known(asked).map(|code| Country {
        code,
        by: format!("{code}, the country given with the request"),
        confidence: ASKED,
    });
    let setting = known(setting).map(|code| Country {
        code,
        by: format!("{code}, the country of the setting"),
        confidence: SETTING,
    });
    let page = page.map(|p| Country {
        code: p.country,
        by: format!("{}, to which the page points by {}", p.country, p.by.join(", ")),
        confidence: p.confidence(),
    });
    asked.into_iter().chain(page).chain(setting).collect()
}

/// A country the page points to, and by what.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CountryEvidence {
    /// ISO 3166 alpha-2.
    pub country: &'static str,
    /// The words and prefixes that point to it.
    pub by: Vec<String>,
    /// Points of the next best country: the evidence is weak when it is close.
    pub runner_up: usize,
}

impl CountryEvidence {
    /// Share of the pointers that point to this country and not to the next best one, by the rule of succession
    /// (Laplace): few of them say little.
    pub fn confidence(&self) -> f32 {
        let n = self.by.len();
        (n + 1) as f32 / (n + self.runner_up + 2) as f32
    }
}

/// The country that most words of the page point to. `folded` is the page in folded form (see
/// `words::fold`), words separated by single spaces; `raw` the same as printed, for dialling prefixes.
pub(super) fn country(folded: &str, raw: &str) -> Option<CountryEvidence> {
    let padded = format!(" {folded} ");
    let mut best: Vec<(&'static str, Vec<String>)> = COUNTRIES
        .iter()
        .map(|(country, _, words)| {
            let by = words
                .iter()
                .filter(|word| {
                    if word.is_ascii() {
                        padded.contains(&format!(" {word} "))
                    } else {
                        folded.contains(**word)
                    }
                })
                .map(ToString::to_string)
                .collect();
            (*country, by)
        })
        .collect();
    for (prefix, country) in PREFIXES {
        let plus = raw.match_indices('+').any(|(at, _)| {
            let digits: String = raw[at + 1..].chars().take(24).filter(|c| *c != ' ' && *c != '(').collect();
            digits.starts_with(prefix)
                && digits.chars().filter(char::is_ascii_digit).count() >= prefix.len() + 5
        });
        if plus && let Some(entry) = best.iter_mut().find(|(c, _)| c == country) {
            entry.1.push(format!("+{prefix}"));
            entry.1.push(format!("+{prefix} dialled"));
        }
    }
    best.sort_by_key(|(_, by)| std::cmp::Reverse(by.len()));
    let runner_up = best.get(1).map_or(0, |(_, by)| by.len());
    let (country, by) = best.into_iter().next()?;
    (!by.is_empty() && by.len() > runner_up).then_some(CountryEvidence { country, by, runner_up })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_sign_is_not_taken_for_the_shorter_one_in_it() {
        let read = |text: &str| mark_at_start(&upper(text)).map(|(mark, n)| (mark.codes[0], n));
        assert_eq!(read("US$12"), Some(("USD", 3)));
        assert_eq!(read("S$12"), Some(("SGD", 2)));
        assert_eq!(read("RM12"), Some(("MYR", 2)));
        assert_eq!(read("eur 5"), Some(("EUR", 3)));
        assert_eq!(read("FROM"), None, "letters that go on are a word, not a sign");
    }

    #[test]
    fn the_words_of_a_page_point_to_one_country_or_to_none() {
        let country = |text: &str| super::country(text, text).map(|e| e.country);
        assert_eq!(country("jalan ipoh kuala lumpur sdn bhd"), Some("MY"));
        assert_eq!(country("rechnung gmbh mwst 19"), Some("DE"));
        assert_eq!(country("hello"), None);
        assert_eq!(country("tel +84 236 3847 333 room"), Some("VN"));
    }
}

//! Candidates for the name of the seller.

use super::amounts::is_money;
use super::labels::bare_name;
use super::layout::{Layout, Row};
use super::words::{Topics, fold};

/// Rows from the top that may name the seller; further down only rows with a legal form are looked at.
const TOP_ROWS: usize = 14;
/// Names that are compared in one document.
const MOST_NAMES: usize = 80;

/// A name that may be the seller's, with where it stands.
#[derive(Debug, Clone)]
pub(super) struct VendorCandidate {
    /// The name, without the registration number behind it.
    pub value: String,
    /// First row and how many.
    pub rows: Vec<usize>,
    /// Cell of the first row; `None` for the whole row.
    pub cell: Option<usize>,
    /// One number per entry of [`FEATURES`].
    pub features: Vec<f64>,
    /// The legal form was mended.
    pub mended: bool,
}

/// Names of the features, in order, each with the weight a person would give it. Training moves the weights away from
/// these as far as the examples say so; they are what is known of bills that no example shows.
pub(super) const FEATURES: &[(&str, f64)] = &[
    ("first_row", 1.5),
    ("second_row", 0.7),
    ("third_row", 0.3),
    ("rows_from_top", -1.0),
    ("legal_form", 1.5),
    ("line_of_business", 1.0),
    ("share_of_letters", 1.0),
    ("has_digits", -0.7),
    ("text_height", 0.7),
    ("address_words", -1.5),
    ("contact_words", -2.0),
    ("registration_words", -2.0),
    ("title_words", -2.0),
    ("date_words", -2.0),
    ("staff_or_order_words", -2.0),
    ("customer_words", -2.0),
    ("has_amount", -2.0),
    ("registration_below", 0.7),
    ("address_below", 0.7),
    ("contact_below", 0.1),
    ("number_behind", 0.5),
    ("upper_case", 0.3),
    ("two_rows", -1.0),
    ("both_rows_name_a_house", 1.0),
    ("behind_customer_words", -1.5),
    ("named_again", 0.5),
    ("below_totals", -1.0),
    ("short", -1.0),
    ("long", -1.0),
    ("off_centre", -0.5),
    ("reading_confidence", 0.5),
    ("greeting", -2.0),
    ("single_word", -0.3),
    ("first_row_with_legal_form", 0.5),
    ("rows_agree_in_height", 0.3),
    ("greeting_above", 0.0),
];

/// Legal forms of companies, folded, as whole words; the longest first.
#[rustfmt::skip]
const LEGAL_FORMS: &[&str] = &[
    "sdn bhd", "s b", "bhd", "plt", "berhad", "gmbh co kg", "gmbh", "ag", "kg", "ohg", "ug", "e k", "ek",
    "gbr", "se", "ltd", "limited", "llc", "llp", "inc", "incorporated", "corp", "corporation", "co ltd",
    "company", "plc", "sarl", "sas", "sasu", "sa", "eurl", "sci", "b v", "bv", "n v", "nv", "spa", "s p a",
    "srl", "s r l", "pte ltd", "pty ltd", "pte", "pty", "cong ty", "cty", "tnhh", "co phan", "jsc",
    "doanh nghiep", "有限公司", "有限责任公司", "股份", "公司", "株式会社", "集团", "sb", "dnbhd", "sdn",
];

/// Words that say what a house does.
#[rustfmt::skip]
const BUSINESS: &[&str] = &[
    "restaurant", "restoran", "rstoran", "cafe", "kafe", "coffee", "hotel", "hotels", "hostel", "resort",
    "inn", "bistro", "bar", "pub", "kitchen", "kopitiam", "mart", "market", "supermarket", "hypermarket",
    "minimarket", "store", "stores", "shop", "hardware", "trading", "traders", "enterprise", "enterprises",
    "perniagaan", "syarikat", "kedai", "pasar", "centre", "center", "bakery", "bakeries", "baeckerei",
    "backerei", "boulangerie", "patisserie", "pharmacy", "pharmacie", "apotheke", "farmasi", "clinic",
    "klinik", "services", "service", "house", "group", "holdings", "industries", "stationer", "stationery",
    "stationers", "packaging", "petrol", "station", "gasthaus", "gasthof", "brasserie", "nha hang",
    "khach san", "cua hang", "sieu thi", "quan an", "tiem", "酒店", "餐厅", "饭店", "超市", "商店", "餐館",
    "食堂", "宾馆", "handel", "food", "foods", "electrical", "electronics", "furniture", "book", "books",
    "bookstore", "gift", "gifts", "florist", "laundry", "salon", "spa", "travel", "tours", "noodle",
    "seafood", "steamboat", "catering", "delights", "handicraft", "motor", "auto", "workshop", "machinery",
    "supplies", "supply", "distribution", "marketing", "wholesale", "retail", "department", "cash carry",
    "realties", "properties", "parking", "solutions", "consulting", "technologies", "software", "hosting",
    "web services", "medical", "dental", "optical", "jewellers", "fashion", "boutique", "tailoring",
    "sports", "club", "cinema", "theatre",
];

/// Words of addresses.
#[rustfmt::skip]
const ADDRESS: &[&str] = &[
    "jalan", "jln", "jl", "lot", "taman", "tmn", "lorong", "persiaran", "kawasan", "bandar", "lebuh",
    "lebuhraya", "kampung", "seksyen", "section", "selangor", "johor", "kuala lumpur", "petaling",
    "shah alam", "penang", "melaka", "malaysia", "street", "st", "road", "rd", "avenue", "ave", "boulevard",
    "blvd", "lane", "drive", "floor", "level", "suite", "building", "block", "blk", "unit", "plaza",
    "strasse", "str", "platz", "weg", "allee", "rue", "place", "quai", "chemin", "duong", "pho", "quan",
    "phuong", "tp", "thanh pho", "huyen", "xa", "tinh", "路", "街", "区", "市", "省", "县", "號", "号楼",
    "ground", "no", "p o box", "po box", "box", "square", "ramp", "basement", "mall", "near", "opposite",
    "arah", "batu", "dengkil", "cheras",
];

/// Words that introduce a seller.
#[rustfmt::skip]
const INTRODUCTIONS: &[&str] = &[
    "sold by", "seller", "vendor", "from", "verkaufer", "vendeur", "don vi ban", "don vi ban hang", "nguoi ban",
    "销售方", "收款单位", "issued by", "supplier",
];

#[rustfmt::skip]
const GREETING: &[&str] = &[
    "thank", "thanks", "thankyou", "welcome", "come again", "please", "goods sold", "visit", "danke",
    "merci", "bienvenue", "willkommen", "cam on", "hen gap lai", "谢谢", "欢迎", "terima kasih", "sila",
    "copy", "shopping", "refund", "exchange", "tq", "duplicate", "original", "customer copy",
    "merchant copy", "guest check", "self", "reprint",
];

#[rustfmt::skip]
const TITLES: &[&str] = &[
    "invoice", "tax invoice", "receipt", "cash receipt", "cash bill", "cash sale", "simplified tax invoice",
    "bill", "rechnung", "quittung", "kassenbon", "facture", "recu", "ticket", "hoa don", "phieu thanh toan",
    "发票", "收据", "账单", "official receipt", "statement", "order", "delivery note", "credit note",
    "adjustment note", "check", "guest check", "hoa don gia tri gia tang", "增值税", "proforma", "factuur",
    "lieferschein", "kundenbeleg", "bon", "duplicate",
];

/// Whether folded text holds one of the phrases as whole words (without word boundaries in Chinese and Japanese).
fn any_of(folded: &str, phrases: &[&str]) -> bool {
    let padded = format!(" {folded} ");
    phrases.iter().any(|p| if p.is_ascii() { padded.contains(&format!(" {p} ")) } else { folded.contains(p) })
}

/// Whether folded text names a legal form.
pub(super) fn has_legal_form(folded: &str) -> bool {
    any_of(folded, LEGAL_FORMS) || folded.split(' ').any(|w| w.ends_with("gmbh") || w.ends_with("sdnbhd"))
}

/// Whether folded text reads like part of an address.
pub(super) fn has_address_words(folded: &str) -> bool {
    any_of(folded, ADDRESS)
        || folded.split(' ').any(|w| w.len() == 5 && w.chars().all(|c| c.is_ascii_digit()))
        || folded.split(' ').any(|w| w.len() > 6 && (w.ends_with("strasse") || w.ends_with("platz")))
}

/// All candidates with their features.
pub(super) fn candidates(
    layout: &Layout,
    whole: bool,
    first_total: usize,
    notes: &mut Vec<String>,
) -> Vec<VendorCandidate> {
    let mut out: Vec<VendorCandidate> = Vec::new();
    let folded: Vec<&str> = layout.rows.iter().map(|r| r.folded.as_str()).collect();
    // Rows without two letters are logos and noise: they do not count as rows from the top.
    let texts: Vec<usize> = (0..layout.rows.len())
        .filter(|r| layout.rows.get(*r).is_some_and(|row| row.letters() >= 2))
        .collect();
    let legal: Vec<bool> = folded.iter().map(|f| has_legal_form(f)).collect();
    let first_legal = texts.iter().copied().find(|r| legal.get(*r) == Some(&true));
    let bare: Vec<String> = layout.rows.iter().map(|r| bare_name(&r.text)).collect();
    for (rank, r) in texts.iter().copied().enumerate() {
        if out.len() >= MOST_NAMES {
            notes.push(format!(
                "more than {MOST_NAMES} lines may name the seller: the first of them were compared"
            ));
            break;
        }
        let Some(row) = layout.rows.get(r) else { continue };
        if rank >= TOP_ROWS && legal.get(r) != Some(&true) {
            continue;
        }
        let context = Context { layout, whole, first_total, rank, first_legal, bare: &bare };
        let spread = row.cells.windows(2).any(|w| match w {
            [a, b] => b.rect.x - a.rect.right() > 2.0 * layout.text_height,
            _ => false,
        });
        // Columns side by side are names of their own; parts of one line belong together.
        if spread {
            for c in 0..row.cells.len() {
                out.extend(context.candidate(&[r], Some(c)));
            }
        } else {
            out.extend(context.candidate(&[r], None));
            if let Some(next) = texts.get(rank + 1).copied()
                && rank < TOP_ROWS
                && next == r + 1
                && layout.rows.get(next).is_some_and(|n| n.page == row.page && n.letters() >= 3)
            {
                out.extend(context.candidate(&[r, next], None));
            }
        }
    }
    let mut names: Vec<String> = Vec::new();
    out.retain(|c| {
        let name = bare_name(&c.value);
        let new = name.chars().count() >= 2 && !names.contains(&name);
        if new {
            names.push(name);
        }
        new
    });
    out
}

struct Context<'a> {
    layout: &'a Layout,
    whole: bool,
    first_total: usize,
    rank: usize,
    first_legal: Option<usize>,
    bare: &'a [String],
}

impl Context<'_> {
    fn candidate(&self, rows: &[usize], cell: Option<usize>) -> Option<VendorCandidate> {
        let parts: Vec<&Row> = rows.iter().filter_map(|r| self.layout.rows.get(*r)).collect();
        let first = *parts.first()?;
        let last_row = *rows.last()?;
        let raw = match cell {
            Some(c) => first.cells.get(c)?.text.clone(),
            None => parts.iter().map(|r| without_number(&r.text).0).collect::<Vec<_>>().join(" "),
        };
        let (name, numbered) = without_number(&raw);
        let numbered = numbered || parts.last().is_some_and(|r| without_number(&r.text).1);
        let (name, mended) = mend_legal_form(&name);
        let folded = fold(&name);
        let characters = name.chars().count();
        let letters = name.chars().filter(|c| c.is_alphabetic()).count();
        if letters < 2 || characters > 90 {
            return None;
        }
        let t = parts
            .iter()
            .fold(super::words::topics(&folded), |t, r| if cell.is_none() { t.and(r.topics) } else { t });
        let below = |n: usize| self.layout.rows.get(last_row + n).filter(|r| r.page == first.page);
        let is = |b: bool| f64::from(u8::from(b));
        let upper = name.chars().filter(|c| c.is_uppercase()).count();
        let height = parts.iter().map(|r| r.height).fold(0.0_f32, f32::max) / self.layout.text_height;
        let extent = self.layout.extent.get(first.page).copied().unwrap_or_default();
        let rect = cell.and_then(|c| first.cells.get(c)).map_or_else(|| first.rect(), |c| c.rect);
        let off = ((rect.centre().x - extent.centre().x).abs() / extent.w.max(1.0)).min(0.5);
        let registration = |r: &Row| {
            r.topics.has(Topics::REGISTRATION)
                || (r.text.starts_with('(') && r.text.chars().any(|c| c.is_ascii_digit()))
        };
        let behind_customer = (1..=3).any(|n| {
            rows.first().and_then(|r| r.checked_sub(n)).and_then(|r| self.layout.rows.get(r)).is_some_and(
                |r| {
                    r.topics.has(Topics::CUSTOMER)
                        && (r.topics.has(Topics::INVOICE)
                            || r.folded.contains("bill")
                            || r.folded.contains("kunde")
                            || r.folded.contains("khach")
                            || r.folded.contains("customer")
                            || r.folded.contains("sold"))
                },
            )
        });
        let bare = bare_name(&name);
        let again =
            bare.chars().count() >= 6
                && self.bare.iter().enumerate().any(|(i, other)| {
                    i > last_row + 1 && other.contains(bare.as_str()) && i < last_row + 400
                });
        let heights_agree = match parts.as_slice() {
            [a, b] => is((a.height / b.height.max(1.0) - 1.0).abs() < 0.25),
            _ => 0.0,
        };
        let greeting_above = rows
            .first()
            .and_then(|r| r.checked_sub(1))
            .and_then(|r| self.layout.rows.get(r))
            .is_some_and(|r| any_of(&r.folded, GREETING));
        let features = vec![
            is(self.rank == 0),
            is(self.rank == 1),
            is(self.rank == 2),
            (self.rank as f64 / 10.0).min(2.0),
            is(has_legal_form(&folded)),
            is(any_of(&folded, BUSINESS)),
            letters as f64 / characters.max(1) as f64,
            is(name.chars().any(|c| c.is_ascii_digit())),
            f64::from(height - 1.0).clamp(-0.5, 2.0),
            is(has_address_words(&folded)),
            is(t.has(Topics::CONTACT)),
            is(t.has(Topics::REGISTRATION)),
            is(any_of(&folded, TITLES)),
            is(t.has(Topics::DATE.and(Topics::TIME))
                || parts.iter().any(|r| r.cells.iter().any(|c| !c.dates.is_empty()))),
            is(t.has(Topics::STAFF.and(Topics::ORDER))),
            is(t.has(Topics::CUSTOMER)),
            is(parts.iter().flat_map(|r| &r.cells).flat_map(|c| &c.numbers).any(|n| is_money(n, self.whole))),
            is(below(1).is_some_and(registration)),
            is((1..=2).any(|n| {
                below(n).is_some_and(|r| {
                    has_address_words(&r.folded) && r.text.chars().any(|c| c.is_ascii_digit())
                })
            })),
            is(below(1).is_some_and(|r| r.topics.has(Topics::CONTACT))),
            is(numbered),
            upper as f64 / letters.max(1) as f64,
            is(rows.len() > 1),
            is(rows.len() > 1
                && parts.iter().all(|r| has_legal_form(&r.folded) || any_of(&r.folded, BUSINESS))),
            is(behind_customer),
            is(again),
            is(rows.first().is_some_and(|r| *r >= self.first_total)),
            is(characters < 5),
            (characters as f64 / 40.0 - 0.75).max(0.0),
            f64::from(off),
            f64::from(parts.iter().map(|r| r.confidence()).fold(1.0, f32::min)),
            is(any_of(&folded, GREETING)),
            is(!folded.contains(' ')),
            is(rows.first().copied() == self.first_legal
                || (rows.len() > 1 && rows.last().copied() == self.first_legal)),
            heights_agree,
            is(greeting_above),
        ];
        Some(VendorCandidate { value: name, rows: rows.to_vec(), cell, features, mended })
    }
}

/// A name without the registration number behind it: `(139386 X)`, `666770-U`, `(CO. NO: 20154-T)`.
fn without_number(text: &str) -> (String, bool) {
    let mut name = text.trim().to_owned();
    let mut found = false;
    // A bracket that holds more digits than letters, or says that a number follows.
    while let Some(open) = name.rfind(['(', '（', '[']) {
        let inside = name.get(open..).unwrap_or_default();
        let digits = inside.chars().filter(char::is_ascii_digit).count();
        let letters = inside.chars().filter(|c| c.is_alphabetic()).count();
        let behind = inside
            .split([')', '）', ']'])
            .nth(1)
            .map_or(0, |rest| rest.chars().filter(|c| c.is_alphanumeric()).count());
        if digits >= 4 && (digits >= letters || fold(inside).contains("no")) && behind == 0 {
            name.truncate(open);
            name.truncate(name.trim_end().len());
            found = true;
        } else {
            break;
        }
    }
    // A bare registration number at the end: five digits or more, with a check letter.
    if let Some((head, last)) = name.rsplit_once(' ') {
        let digits = last.chars().filter(char::is_ascii_digit).count();
        if digits >= 5 && head.chars().filter(|c| c.is_alphabetic()).count() >= 3 {
            name.truncate(head.trim_end().len());
            found = true;
        }
    }
    // "Sold by: NAME" and the like name what follows.
    let name = match name.split_once(':') {
        Some((before, behind))
            if any_of(&fold(before), INTRODUCTIONS) && behind.trim().chars().count() >= 3 =>
        {
            behind.trim().to_owned()
        }
        _ => name,
    };
    let name = name.trim_matches(|c: char| c.is_whitespace() || "*-=_.,:;|~".contains(c)).to_owned();
    // The point of an abbreviation belongs to the name.
    let name = if text.trim_end().ends_with(&format!("{name}.")) { format!("{name}.") } else { name };
    (name, found)
}

/// Slips in legal forms that are two words long and known: `SON BHD`, `SDN BND`, `SDNBHD`.
fn mend_legal_form(name: &str) -> (String, bool) {
    let words: Vec<&str> = name.split(' ').collect();
    let close = |word: &str, wanted: &str| {
        let word: String =
            word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect();
        word != wanted && word.chars().count() == wanted.len() && strsim::levenshtein(&word, wanted) == 1
    };
    let same = |word: &str, wanted: &str| fold(word) == wanted.to_lowercase();
    let mut out: Vec<String> = words.iter().map(ToString::to_string).collect();
    let mut mended = false;
    for i in 0..words.len().saturating_sub(1) {
        let (Some(a), Some(b)) = (words.get(i), words.get(i + 1)) else { continue };
        let pair = (close(a, "SDN") && same(b, "BHD")) || (same(a, "SDN") && close(b, "BHD"));
        if pair {
            let tail: String = b
                .chars()
                .rev()
                .take_while(|c| !c.is_alphanumeric())
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect();
            if let Some(slot) = out.get_mut(i) {
                "SDN".clone_into(slot);
            }
            if let Some(slot) = out.get_mut(i + 1) {
                *slot = format!("BHD{tail}");
            }
            mended = true;
        }
    }
    (out.join(" "), mended)
}

/// The rule the ranker is measured against: the first row with a legal form, else the first row that is neither a
/// title nor an address.
pub(super) fn by_rule(candidates: &[VendorCandidate]) -> Option<usize> {
    let at = |name: &str, c: &VendorCandidate| {
        FEATURES
            .iter()
            .position(|(f, _)| *f == name)
            .and_then(|i| c.features.get(i))
            .is_some_and(|f| *f > 0.5)
    };
    let plain = |c: &VendorCandidate| c.rows.len() == 1;
    candidates
        .iter()
        .position(|c| plain(c) && at("legal_form", c))
        .or_else(|| {
            candidates.iter().position(|c| {
                plain(c)
                    && !at("title_words", c)
                    && !at("address_words", c)
                    && !at("greeting", c)
                    && !at("short", c)
            })
        })
        .or(if candidates.is_empty() { None } else { Some(0) })
}

//! The number of an invoice, numbers of tax registrations, the seller's address, the buyer: what stands behind or below
//! a key word.

use std::ops::Range;

use super::layout::{Cell, Layout, Row};
use super::vendor::has_address_words;
use super::words::{Topics, fold, topics};

/// Text behind a key word, with where it stands and how directly the word names it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// The text.
    pub value: String,
    /// Row, cell and characters.
    pub row: usize,
    pub cell: usize,
    pub chars: Range<usize>,
    /// 1 in the same line, less the farther away.
    pub directness: f32,
}

/// Key words of the number of an invoice, strongest first, folded. A phrase names the number itself.
const NUMBER_WORDS: &[&[&str]] = &[
    &[
        "invoice no",
        "invoice number",
        "invoice num",
        "tax invoice no",
        "invoice nr",
        "invoice id",
        "inv no",
        "inv number",
        "rechnungsnummer",
        "rechnungs nr",
        "rechnung nr",
        "rechnungsnr",
        "numero de facture",
        "facture no",
        "facture n",
        "n de facture",
        "n facture",
        "no facture",
        "so hoa don",
        "hoa don so",
        "发票号码",
        "发票号",
        "發票號碼",
        "factuurnummer",
        "invoice ref",
        "belegnummer",
        "beleg nr",
        "bon nr",
        "bonnummer",
        "no invois",
        "no resit",
    ],
    &[
        "receipt no",
        "receipt number",
        "receipt",
        "bill no",
        "bill number",
        "cash bill",
        "doc no",
        "document no",
        "ticket no",
        "ticket",
        "check no",
        "so phieu",
        "so bill",
        "单号",
        "小票号",
        "账单号",
        "cash inv no",
        "tax invoice",
        "folio no",
        "folio",
        "quittung nr",
        "statement number",
        "invoice",
        "rechnung",
        "facture",
        "cb",
        "slip",
        "docket no",
        "receipt nr",
        "bill",
        "cs no",
        "no recu",
    ],
    &["no", "nr", "number", "so", "ref", "reference", "trans", "transaction"],
];

/// Words before a number that is another number.
const OTHER_NUMBERS: &[&str] = &[
    "reg",
    "registration",
    "gst",
    "vat",
    "tax id",
    "tel",
    "phone",
    "fax",
    "order",
    "table",
    "account",
    "acc",
    "customer",
    "member",
    "card",
    "terminal",
    "pos",
    "co no",
    "company",
    "room",
    "po box",
    "h p",
    "kunde",
    "kundennummer",
    "client",
    "iban",
    "bic",
    "siret",
    "siren",
    "ust",
    "steuernummer",
    "cashier",
    "staff",
    "bestellnummer",
    "commande",
    "lot",
    "item",
    "items",
    "points",
    "id",
    "approval",
    "batch",
    "serial",
    "mst",
    "ma so thue",
    "qty",
    "business",
    "roc",
    "brn",
    "license",
    "counter",
    "jalan",
];

/// The number of the invoice.
pub(super) fn invoice_number(layout: &Layout) -> Option<Found> {
    for (strength, words) in NUMBER_WORDS.iter().enumerate() {
        for (r, row) in layout.rows.iter().enumerate() {
            for (c, cell) in row.cells.iter().enumerate() {
                let Some(end) = key_end(&cell.folded, words, OTHER_NUMBERS) else { continue };
                // A bare "no" counts only right below or beside words that name the document.
                let near = |k: usize| {
                    r.checked_sub(k)
                        .and_then(|i| layout.rows.get(i))
                        .is_some_and(|o| o.topics.has(Topics::INVOICE))
                };
                if strength == 2 && !(near(0) || near(1)) {
                    continue;
                }
                let strong = 1.0 - 0.15 * strength as f32;
                if let Some(found) = value_near(layout, r, row, c, cell, end, is_number) {
                    return Some(Found { directness: found.directness * strong, ..found });
                }
            }
        }
    }
    None
}

/// The number of the tax registration in rows from `from` on; `end` is where the buyer's part begins.
pub(super) fn tax_id(layout: &Layout, rows: Range<usize>) -> Option<Found> {
    const WORDS: &[&str] = &[
        "gst reg no",
        "gst registration no",
        "gst id",
        "gst no",
        "gst reg",
        "gst ref no",
        "gst",
        "sst no",
        "sst id",
        "sst reg no",
        "vat reg no",
        "vat no",
        "vat number",
        "vat id",
        "vat reg",
        "vat",
        "tax id",
        "tax no",
        "tax reg",
        "tax registration no",
        "tax reg id",
        "tin",
        "ust idnr",
        "ust id nr",
        "ust id",
        "uid",
        "steuernummer",
        "steuer nr",
        "st nr",
        "ma so thue",
        "mst",
        "纳税人识别号",
        "税号",
        "统一社会信用代码",
        "n tva",
        "tva",
        "tva intracom",
        "no tva",
        "btw nr",
        "btw nummer",
        "btw",
        "abn",
        "gstin",
        "siret",
        "gst registration number",
        "service tax no",
        "mwst nr",
        "ein",
        "partita iva",
        "p iva",
        "nif",
        "cif",
    ];
    for r in rows {
        let Some(row) = layout.rows.get(r) else { break };
        for (c, cell) in row.cells.iter().enumerate() {
            let Some(end) = key_end(&cell.folded, WORDS, &[]) else { continue };
            if let Some(found) = value_near(layout, r, row, c, cell, end, is_registration) {
                return Some(found);
            }
        }
    }
    None
}

/// The buyer's name.
pub(super) fn customer(layout: &Layout) -> Option<Found> {
    const WORDS: &[&str] = &[
        "bill to",
        "billed to",
        "sold to",
        "invoice to",
        "invoiced to",
        "customer name",
        "customer",
        "client",
        "guest name",
        "guest",
        "kunde",
        "rechnung an",
        "rechnungsempfanger",
        "destinataire",
        "facture a",
        "khach hang",
        "ten khach hang",
        "nguoi mua",
        "nguoi mua hang",
        "don vi mua hang",
        "客户",
        "购买方",
        "买方",
        "购方名称",
        "客户名称",
        "pelanggan",
        "billing address",
        "name of guest",
        "ship to",
        "attn",
        "buyer",
    ];
    for (r, row) in layout.rows.iter().enumerate() {
        for (c, cell) in row.cells.iter().enumerate() {
            let avoid = &[
                "no",
                "number",
                "nr",
                "id",
                "service",
                "copy",
                "check",
                "saving",
                "care",
                "kundennummer",
                "nummer",
            ];
            let Some(end) = key_end(&cell.folded, WORDS, avoid) else { continue };
            // The key word opens its line; in a sentence it is a word like any other.
            if cell.folded.split(' ').count() > 8 {
                continue;
            }
            if let Some(found) = value_near(layout, r, row, c, cell, end, is_name) {
                return Some(found);
            }
        }
    }
    None
}

/// Rows of the seller's address: those below the name that read like one.
pub(super) fn address_rows(layout: &Layout, after: usize, whole: bool) -> Vec<usize> {
    let mut rows = Vec::new();
    let page = layout.rows.get(after).map(|r| r.page);
    for r in after + 1..=after + 9 {
        let Some(row) = layout.rows.get(r).filter(|row| Some(row.page) == page) else { break };
        let money = row.cells.iter().flat_map(|c| &c.numbers).any(|n| super::amounts::is_money(n, whole));
        let dated = row.cells.iter().any(|c| !c.dates.is_empty());
        if money || dated {
            break;
        }
        let words = has_address_words(&row.folded);
        let other = row.topics.has(Topics::REGISTRATION.and(Topics::CONTACT).and(Topics::STAFF))
            || (row.topics.has(Topics::INVOICE) && !words)
            || (row.text.starts_with('(') && row.text.chars().filter(char::is_ascii_digit).count() >= 4);
        if other {
            if rows.is_empty() {
                continue;
            }
            break;
        }
        let open = rows
            .last()
            .and_then(|l| layout.rows.get(*l))
            .is_some_and(|l: &Row| l.text.trim_end().ends_with([',', '.', '-', '&']));
        // A line of words between two of the address belongs to it.
        let between = !rows.is_empty()
            && layout.rows.get(r + 1).is_some_and(|n| {
                has_address_words(&n.folded)
                    && !n.topics.has(
                        Topics::REGISTRATION.and(Topics::CONTACT).and(Topics::INVOICE).and(Topics::STAFF),
                    )
            });
        if words || open || between || (row.text.contains(',') && row.letters() >= 3) {
            rows.push(r);
        } else if !rows.is_empty() {
            break;
        }
    }
    rows
}

/// Where a key word ends in folded text, in words; none when a word of `avoid` is there as well.
fn key_end(folded: &str, words: &[&str], avoid: &[&str]) -> Option<usize> {
    let all: Vec<&str> = folded.split(' ').collect();
    if all.len() > 30 {
        return None;
    }
    let at = |phrase: &str| -> Option<usize> {
        if !phrase.is_ascii() {
            return folded.contains(phrase).then_some(1);
        }
        let wanted: Vec<&str> = phrase.split(' ').collect();
        all.windows(wanted.len()).position(|w| w == wanted.as_slice()).map(|i| i + wanted.len())
    };
    let end = words.iter().filter_map(|w| at(w)).max()?;
    let before = all.get(..end)?.join(" ");
    let padded = format!(" {before} ");
    (!avoid.iter().any(|a| padded.contains(&format!(" {a} ")))).then_some(end)
}

/// The value behind a key word: in the same line, in the line to the right, or below.
fn value_near(
    layout: &Layout,
    r: usize,
    row: &Row,
    c: usize,
    cell: &Cell,
    end: usize,
    accept: fn(&str) -> bool,
) -> Option<Found> {
    let start = folded_word_end(&cell.text, end);
    if let Some(chars) = value_in(cell, start, accept) {
        return Some(Found { value: cell.slice(chars.clone()), row: r, cell: c, chars, directness: 1.0 });
    }
    for (k, right) in row.cells.iter().enumerate().skip(c + 1).take(2) {
        if let Some(chars) = value_in(right, 0, accept) {
            return Some(Found {
                value: right.slice(chars.clone()),
                row: r,
                cell: k,
                chars,
                directness: 0.97,
            });
        }
        if right.text.chars().filter(|c| c.is_alphanumeric()).count() > 1 {
            break;
        }
    }
    let below = layout
        .rows
        .get(r + 1)
        .filter(|b| b.page == row.page && b.middle - row.middle < 3.0 * row.height.max(1.0))?;
    for (k, under) in below.cells.iter().enumerate() {
        let overlap = under.rect.right().min(cell.rect.right()) - under.rect.x.max(cell.rect.x);
        let labelled = topics(&under.folded);
        if overlap > 0.3 * under.rect.w.min(cell.rect.w)
            && !labelled.has(Topics::CONTACT.and(Topics::REGISTRATION))
            && let Some(chars) = value_in(under, 0, accept)
        {
            return Some(Found {
                value: under.slice(chars.clone()),
                row: r + 1,
                cell: k,
                chars,
                directness: 0.85,
            });
        }
    }
    None
}

/// The character behind the n-th word of the folded text.
fn folded_word_end(text: &str, n: usize) -> usize {
    let mut words = 0;
    let mut inside = false;
    for (i, c) in text.chars().enumerate() {
        let word = c.is_alphanumeric();
        if inside && !word {
            words += 1;
            if words == n {
                return i;
            }
        }
        inside = word;
    }
    text.chars().count()
}

/// The stretch of a line from `start` on that is the value: signs skipped, up to a date or a wide gap.
fn value_in(cell: &Cell, start: usize, accept: fn(&str) -> bool) -> Option<Range<usize>> {
    let chars: Vec<char> = cell.text.chars().collect();
    let sign = |c: &char| c.is_whitespace() || ":.#-=*|,°º№：".contains(*c);
    let from = (start..chars.len()).find(|i| chars.get(*i).is_some_and(|c| !sign(c)))?;
    let stop = cell.dates.iter().map(|d| d.chars.start).filter(|s| *s >= from).min().unwrap_or(chars.len());
    // The whole rest, else its first words.
    let mut ends: Vec<usize> =
        (from..stop).filter(|i| chars.get(*i).is_some_and(|c| c.is_whitespace())).collect();
    ends.push(stop);
    for end in ends.into_iter().rev() {
        let trimmed = (from..end).rev().find(|i| chars.get(*i).is_some_and(|c| !sign(c) || *c == '.'))? + 1;
        let text: String = chars.get(from..trimmed)?.iter().collect();
        if accept(&text) {
            return Some(from..trimmed);
        }
    }
    None
}

/// Digits, with letters and signs between; at most one short word before them.
fn is_number(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let words: Vec<&str> = text.split_whitespace().collect();
    let first_is_prefix = words
        .first()
        .is_some_and(|w| w.chars().count() <= 4 && w.chars().all(|c| c.is_uppercase() || "-/.".contains(c)));
    digits >= 2
        && text.chars().count() <= 32
        && !text.contains(':')
        && !text.contains(',')
        && match words.as_slice() {
            [one] => one.chars().all(|c| c.is_alphanumeric() || "-/._#".contains(c)),
            [_, two] => first_is_prefix && two.chars().any(|c| c.is_ascii_digit()),
            _ => false,
        }
}

/// Five digits or more, with letters, spaces and signs.
fn is_registration(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    digits >= 5
        && letters <= 6
        && text.chars().count() <= 26
        && !text.contains(',')
        && text.chars().all(|c| c.is_alphanumeric() || " -/.()".contains(c))
}

/// Mostly letters, no amount.
fn is_name(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let count = text.chars().count();
    letters >= 3
        && count <= 70
        && letters * 2 > count
        && super::amounts::role(topics(&fold(text))).0 == super::amounts::Role::None
}

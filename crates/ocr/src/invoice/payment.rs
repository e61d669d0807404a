//! In which currency, and how it was paid.

use super::amounts::{Amount, Role};
use super::currency::{known_currencies, mark_alone, of_country};
use super::evidence::Evidence;
use super::layout::Layout;

/// A currency and what says so.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CurrencyFound {
    /// ISO 4217.
    pub code: &'static str,
    /// Row and cell of the sign or code; `None` when it follows from the country.
    pub at: Option<(usize, usize)>,
    /// 0 to 1. A sign or code: how surely it was read, times the share of the page's marks that agree with it (rule of
    /// succession). A sign that several currencies share, and no sign at all: times how sure the country is.
    pub confidence: f32,
    /// What says so.
    pub by: String,
}

/// The currency: the sign or code that most amounts and headings carry; where several currencies share it, that of the
/// first of the countries that has one of them; without any sign, that of the first country.
///
/// # Errors
///
/// Why there is none, in words.
pub(super) fn currency(evidence: &Evidence) -> Result<CurrencyFound, String> {
    let (layout, amounts) = (&evidence.layout, &evidence.amounts);
    let mut local = evidence.countries.iter().filter_map(|c| of_country(c.code).map(|code| (code, c)));
    // (codes, where, how often)
    let mut seen: Vec<(&'static [&'static str], (usize, usize), usize)> = Vec::new();
    let mut count = |codes: &'static [&'static str], at: (usize, usize)| {
        if codes.is_empty() {
            return;
        }
        match seen.iter_mut().find(|(c, _, _)| *c == codes) {
            Some((_, _, n)) => *n += 1,
            None => seen.push((codes, at, 1)),
        }
    };
    for a in amounts {
        if let Some(mark) = a.number.mark {
            count(mark.codes, (a.row, a.cell));
        }
    }
    // Headings: "Amount (RM)", "EUR".
    for (r, row) in layout.rows.iter().enumerate() {
        for (c, cell) in row.cells.iter().enumerate() {
            if cell.text.chars().count() > 40 {
                continue;
            }
            for word in cell.text.split(|c: char| c.is_whitespace() || "()[]/:,".contains(c)) {
                let told = word.chars().count() >= 2 && word.chars().all(char::is_uppercase)
                    || "€£₫₹₩฿".contains(word);
                if let Some(mark) =
                    mark_alone(word).filter(|m| told && !word.is_empty() && m.codes.len() == 1)
                {
                    count(mark.codes, (r, c));
                }
            }
        }
    }
    let weight = |(codes, _, n): &(&[&str], (usize, usize), usize)| (*n, usize::from(codes.len() == 1));
    let Some((codes, at, n)) = seen.iter().max_by_key(|s| weight(s)).copied() else {
        let (code, country) =
            local.next().ok_or("no sign or code of a currency, and nothing that names a country")?;
        let by = format!("no sign or code is printed; decided by {}", country.by);
        return Ok(CurrencyFound { code, at: None, confidence: country.confidence, by });
    };
    // `$` beside a code that is one of its currencies.
    let coded = seen
        .iter()
        .filter(|(c, _, _)| c.len() == 1 && codes.len() > 1)
        .find_map(|(c, _, _)| c.first().filter(|x| codes.contains(x)));
    let (code, sure, by) = match (codes, coded) {
        ([code], _) => (*code, 1.0, "its sign or code".to_owned()),
        (_, Some(code)) => (*code, 1.0, "its code beside a sign".to_owned()),
        _ => {
            let (code, country) = local.find(|(code, _)| codes.contains(code)).ok_or_else(|| {
                let named = if evidence.countries.is_empty() {
                    "nothing names the country"
                } else {
                    "the country has none of them"
                };
                format!("the sign is shared by {}, and {named}", codes.join(", "))
            })?;
            // Before the sign was seen, the country's currency had the confidence of the country and all others shared
            // the rest; the sign leaves those that print it (Bayes).
            let prior = country.confidence;
            let rest = (1.0 - prior) * (codes.len() - 1) as f32 / (known_currencies() - 1) as f32;
            (code, prior / (prior + rest), format!("its sign and {}", country.by))
        }
    };
    let others: usize = seen.iter().filter(|(c, _, _)| !c.contains(&code)).map(|(_, _, m)| m).sum();
    let share = (n + 1) as f32 / (n + others + 1) as f32;
    let read = evidence.cell_confidence(at.0, at.1);
    Ok(CurrencyFound { code, at: Some(at), confidence: read * share * sure, by })
}

/// Words of ways to pay, folded, as whole words.
#[rustfmt::skip]
const METHODS: &[(&str, &[&str])] = &[
    ("wallet", &["paypal", "alipay", "wechat", "wechat pay", "apple pay", "google pay", "momo", "zalopay",
    "vnpay", "grabpay", "grab pay", "touch n go", "tng", "boost", "e wallet", "ewallet", "支付宝", "微信",
    "微信支付", "shopeepay", "paytm", "ideal", "duitnow", "qr pay"]),
    ("card", &["visa", "mastercard", "master card", "master", "amex", "american express", "credit card",
    "debit card", "debit", "credit", "card", "girocard", "maestro", "ec karte", "kreditkarte",
    "kartenzahlung", "carte bancaire", "carte", "cb", "the tin dung", "刷卡", "银行卡", "信用卡",
    "kad kredit", "jcb", "unionpay", "ec cash"]),
    ("transfer", &["bank transfer", "wire transfer", "uberweisung", "virement", "chuyen khoan", "转账",
    "sepa", "lastschrift", "prelevement", "direct debit", "pindahan", "online transfer"]),
    ("cheque", &["cheque", "check payment", "支票", "scheck", "cek"]),
    ("cash", &["cash", "bar", "bargeld", "especes", "tien mat", "现金", "現金", "tunai", "contant"]),
];

/// How it was paid, and the row that says so: words beside an amount that was paid, else words of a payment line; change
/// means cash.
pub(super) fn method(layout: &Layout, amounts: &[Amount]) -> Option<(&'static str, usize)> {
    let named = |row: usize| -> Option<&'static str> {
        let folded = &layout.rows.get(row)?.folded;
        let padded = format!(" {folded} ");
        METHODS
            .iter()
            .find(|(_, words)| {
                words.iter().any(|w| {
                    if w.is_ascii() { padded.contains(&format!(" {w} ")) } else { folded.contains(w) }
                })
            })
            .map(|(method, _)| *method)
    };
    for a in amounts.iter().filter(|a| a.role == Role::Paid && !a.summary) {
        if let Some(method) =
            named(a.row).or_else(|| a.from_above.then(|| named(a.row.checked_sub(1)?)).flatten())
        {
            return Some((method, a.row));
        }
    }
    // "Payment method: PayPal", "Paid by VISA 1234".
    for (r, row) in layout.rows.iter().enumerate() {
        let says = [
            "payment method",
            "paid by",
            "payment by",
            "pay by",
            "payment type",
            "zahlungsart",
            "mode de paiement",
            "moyen de paiement",
            "phuong thuc thanh toan",
            "hinh thuc thanh toan",
            "支付方式",
            "付款方式",
            "payment mode",
            "betaalwijze",
            "betaling",
        ]
        .iter()
        .any(|w| row.folded.contains(w));
        if says && let Some(method) = named(r).or_else(|| named(r + 1)) {
            return Some((method, r));
        }
    }
    let change = amounts.iter().find(|a| a.role == Role::Change && a.value > rust_decimal::Decimal::ZERO);
    change.map(|a| ("cash", a.row))
}

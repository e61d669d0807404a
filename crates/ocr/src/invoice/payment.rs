//! In which currency, and how it was paid.

use super::amounts::{Amount, Role};
use super::currency::{mark_alone, of_country};
use super::layout::Layout;

/// A currency and what says so.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CurrencyFound {
    /// ISO 4217.
    pub code: &'static str,
    /// Row and cell of the sign or code; `None` when it follows from the country.
    pub at: Option<(usize, usize)>,
    /// 0 to 1, by how directly it is said.
    pub confidence: f32,
    /// What says so.
    pub by: String,
}

/// The currency: the sign or code that most amounts and headings carry; where several currencies share it, the
/// country's among them; without any, the country's.
pub(super) fn currency(layout: &Layout, amounts: &[Amount], country: Option<&str>) -> Option<CurrencyFound> {
    let local = country.and_then(of_country);
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
    if let Some((codes, at, n)) = seen.iter().max_by_key(|s| weight(s)).copied() {
        let others: usize = seen.iter().map(|(_, _, m)| m).sum::<usize>() - n;
        let share = n as f32 / (n + others) as f32;
        let known = local.filter(|l| codes.contains(l));
        // `$` beside a code that is one of its currencies.
        let coded = seen.iter().find(|(c, _, _)| {
            c.len() == 1 && codes.len() > 1 && c.first().is_some_and(|x| codes.contains(x))
        });
        let (code, certainty, by) = match (codes.len(), known, coded) {
            (1, _, _) => (codes.first().copied()?, 0.98, "its sign or code".to_owned()),
            (_, _, Some((c, _, _))) => (c.first().copied()?, 0.95, "its code".to_owned()),
            (_, Some(code), _) => (code, 0.93, "its sign and the country".to_owned()),
            (_, None, None) => (
                codes.first().copied()?,
                0.5,
                format!("a sign that {} share; nothing names the country", codes.join(", ")),
            ),
        };
        return Some(CurrencyFound { code, at: Some(at), confidence: certainty * (0.5 + 0.5 * share), by });
    }
    local.map(|code| CurrencyFound {
        code,
        at: None,
        confidence: 0.8,
        by: format!("the country, {}", country.unwrap_or_default()),
    })
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

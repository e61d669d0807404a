//! Arithmetic on the printed amounts: which of them are subtotal, tax, service, tip, discount and rounding, and whether
//! they add up. What does not add up is reported, never hidden.

use rust_decimal::Decimal;

use super::amounts::{Amount, Role};
use super::answer::{Check, Outcome, Term};
use super::evidence::Evidence;

/// Checks of single items that are listed one by one.
const MOST_ITEM_CHECKS: usize = 50;

/// A part of the total with the amount it was printed at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    pub value: Decimal,
    /// Index of the amount; `None` for the sum of several.
    pub amount: Option<usize>,
    /// How surely it was read; of a sum, the lowest of its amounts. 0 to 1.
    pub read: f32,
    /// Arithmetic agrees with it.
    pub agrees: bool,
}

/// The parts of the total.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sums {
    pub subtotal: Option<Part>,
    pub tax: Option<Part>,
    pub service: Option<Part>,
    pub tip: Option<Part>,
    pub discount: Option<Part>,
    pub rounding: Option<Part>,
    /// The tax is part of the subtotal.
    pub inclusive: bool,
}

/// Chooses the printed parts, those that add up to the total first.
pub(super) fn sums(evidence: &Evidence, total: Option<Decimal>) -> Sums {
    let amounts = &evidence.amounts;
    let find = |role: Role, value: Decimal| {
        amounts
            .iter()
            .position(|a| a.role == role && a.value.abs() == value.abs() && !a.summary)
            .or_else(|| amounts.iter().position(|a| a.role == role && a.value.abs() == value.abs()))
    };
    let first = |role: Role, summary: bool| {
        amounts
            .iter()
            .position(|a| a.role == role && a.summary == summary)
            .map(|i| (i, amounts.get(i).map(|a| a.value)))
    };
    let printed = |role: Role| {
        first(role, false).or_else(|| first(role, true)).and_then(|(i, v)| {
            v.map(|value| Part { value, amount: Some(i), read: evidence.amount_confidence(i), agrees: false })
        })
    };
    let mut sums = Sums {
        subtotal: first(Role::Subtotal, false).and_then(|(i, v)| {
            v.map(|value| Part { value, amount: Some(i), read: evidence.amount_confidence(i), agrees: false })
        }),
        tax: printed(Role::Tax),
        service: printed(Role::Service),
        tip: printed(Role::Tip),
        discount: printed(Role::Discount).map(|p| Part { value: p.value.abs(), ..p }),
        rounding: printed(Role::Rounding),
        inclusive: false,
    };
    let Some(total) = total else { return sums };
    if let Some(terms) = evidence.parts.sum_with_parts(total) {
        let taken = |name: &str| terms.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        let part = |role: Role, value: Decimal| {
            let amount = find(role, value);
            // Every term is a printed amount: one that cannot be found again was not read.
            let read = amount.map_or(0.0, |i| evidence.amount_confidence(i));
            Part { value, amount, read, agrees: true }
        };
        if let Some(v) = taken("subtotal") {
            sums.subtotal = Some(part(Role::Subtotal, v));
        }
        if let Some(v) = taken("tax") {
            sums.tax = Some(part(Role::Tax, v));
        }
        if let Some(v) = taken("service_charge") {
            sums.service = Some(part(Role::Service, v));
        }
        if let Some(v) = taken("tip") {
            sums.tip = Some(part(Role::Tip, v));
        }
        if let Some(v) = taken("discount") {
            sums.discount = Some(part(Role::Discount, v.abs()));
        }
        if let Some(v) = taken("rounding") {
            sums.rounding = Some(part(Role::Rounding, v));
        }
        if taken("tax").is_some() {
            return sums;
        }
    }
    // Several taxes that fill the gap together.
    let several =
        amounts.iter().filter(|a| a.role == Role::Tax && !a.summary && a.value > Decimal::ZERO).take(6);
    let read = several.clone().map(|a| evidence.cell_confidence(a.row, a.cell)).fold(1.0, f32::min);
    let taxes: Vec<Decimal> = several.map(|a| a.value).collect();
    let all = taxes.iter().try_fold(Decimal::ZERO, |a, t| a.checked_add(*t));
    if let (Some(subtotal), Some(all), true) = (sums.subtotal, all, taxes.len() > 1)
        && subtotal.value.checked_add(all) == Some(total)
    {
        sums.tax = Some(Part { value: all, amount: None, read, agrees: true });
        sums.subtotal = Some(Part { agrees: true, ..subtotal });
        return sums;
    }
    // Net and tax of a table of rates that make the total: the tax was included.
    if let Some((net, tax)) = included(amounts, total, sums.rounding.map(|r| r.value)) {
        sums.inclusive = true;
        sums.tax = amounts.get(tax).map(|a| Part {
            value: a.value,
            amount: Some(tax),
            read: evidence.amount_confidence(tax),
            agrees: true,
        });
        if sums.subtotal.is_none() {
            sums.subtotal = amounts.get(net).map(|a| Part {
                value: a.value,
                amount: Some(net),
                read: evidence.amount_confidence(net),
                agrees: true,
            });
        }
    }
    sums
}

/// Net and tax in one row of a table of rates that add up to the total (or to it before rounding).
fn included(amounts: &[Amount], total: Decimal, rounding: Option<Decimal>) -> Option<(usize, usize)> {
    let before = rounding.and_then(|r| total.checked_sub(r)).unwrap_or(total);
    let mut row: Vec<(usize, &Amount)> = Vec::new();
    for (i, a) in amounts.iter().enumerate().filter(|(_, a)| a.summary) {
        if row.first().is_some_and(|(_, f)| f.row != a.row) {
            row.clear();
        }
        for (j, other) in &row {
            let sum = a.value.checked_add(other.value);
            if a.value > Decimal::ZERO && (sum == Some(total) || sum == Some(before)) {
                return Some(if other.value >= a.value { (*j, i) } else { (i, *j) });
            }
        }
        if row.len() < 6 {
            row.push((i, a));
        }
    }
    None
}

fn term(name: &str, amount: Decimal) -> Term {
    Term { name: name.to_owned(), amount }
}

fn compare(name: &str, terms: Vec<Term>, against: Option<Term>) -> Check {
    let sum = terms.iter().try_fold(Decimal::ZERO, |a, t| a.checked_add(t.amount));
    let difference = sum.zip(against.as_ref()).and_then(|(s, a)| s.checked_sub(a.amount));
    let outcome = match difference {
        Some(d) if d == Decimal::ZERO => Outcome::Ok,
        Some(_) => Outcome::Contradiction,
        None => Outcome::NotPossible,
    };
    Check { name: name.to_owned(), outcome, terms, against, difference, reason: None }
}

fn impossible(name: &str, reason: &str) -> Check {
    Check {
        name: name.to_owned(),
        outcome: Outcome::NotPossible,
        terms: Vec::new(),
        against: None,
        difference: None,
        reason: Some(reason.to_owned()),
    }
}

/// All checks of a document.
pub(super) fn checks(evidence: &Evidence, total: Option<Decimal>, sums: &Sums) -> Vec<Check> {
    let mut out = vec![
        items_sum(evidence, total, sums),
        total_sum(evidence, total, sums),
        cash_change(evidence, total),
    ];
    out.push(match (sums.inclusive, sums.tax, total) {
        (true, Some(tax), Some(total)) => {
            let before = sums.rounding.and_then(|r| total.checked_sub(r.value)).unwrap_or(total);
            let net = [total, before].into_iter().find_map(|t| {
                let net = t.checked_sub(tax.value)?;
                evidence.amounts.iter().any(|a| a.value == net).then_some((net, t))
            });
            match net {
                Some((net, gross)) => compare(
                    "tax_included",
                    vec![term("net", net), term("tax", tax.value)],
                    Some(term("total_amount", gross)),
                ),
                None => impossible("tax_included", "no net amount is printed"),
            }
        }
        _ => impossible("tax_included", "no net amount with a tax that makes the total is printed"),
    });
    let mut listed = 0;
    for item in &evidence.items.rows {
        if let (Some(q), Some(p)) = (item.quantity, item.unit_price)
            && let Some(product) = q.checked_mul(p)
            && listed < MOST_ITEM_CHECKS
        {
            listed += 1;
            let rounded = product.round_dp_with_strategy(
                item.amount.scale().max(2),
                rust_decimal::RoundingStrategy::MidpointAwayFromZero,
            );
            let slack = if q.fract() == Decimal::ZERO { Decimal::ZERO } else { Decimal::new(2, 2) };
            let difference = rounded.checked_sub(item.amount);
            let ok = difference.is_some_and(|d| d.abs() <= slack);
            out.push(Check {
                name: "item_product".to_owned(),
                outcome: if ok { Outcome::Ok } else { Outcome::Contradiction },
                terms: vec![term("quantity", q), term("unit_price", p)],
                against: Some(term("amount", item.amount)),
                difference,
                reason: None,
            });
        }
    }
    out
}

fn items_sum(evidence: &Evidence, total: Option<Decimal>, sums: &Sums) -> Check {
    const NAME: &str = "items_sum";
    let items = &evidence.items;
    if items.rows.is_empty() {
        return impossible(NAME, "no items were found");
    }
    let mut terms: Vec<Term> = items.rows.iter().take(200).map(|i| term("item", i.amount)).collect();
    terms.extend(items.discounts.iter().take(50).map(|d| term("discount", -*d)));
    let sum = terms.iter().try_fold(Decimal::ZERO, |a, t| a.checked_add(t.amount));
    let rounding = sums.rounding.map(|r| r.value);
    // The printed amounts the items may add up to, the most direct first.
    let mut against: Vec<Term> = sums.subtotal.map(|s| term("subtotal", s.value)).into_iter().collect();
    if let Some(total) = total {
        against.push(term("total_amount", total));
        for (name, part) in
            [("total_amount less tax", sums.tax.map(|t| t.value)), ("total_amount less rounding", rounding)]
        {
            against.extend(part.and_then(|p| total.checked_sub(p)).map(|v| term(name, v)));
        }
    }
    against.extend(
        evidence
            .parts
            .subtotals
            .iter()
            .filter(|s| Some(**s) != sums.subtotal.map(|p| p.value))
            .map(|s| term("subtotal", *s)),
    );
    let matching = against.iter().find(|a| Some(a.amount) == sum).cloned();
    match matching.or_else(|| against.into_iter().next()) {
        Some(against) => compare(NAME, terms, Some(against)),
        None => impossible(NAME, "neither a subtotal nor a total was found"),
    }
}

fn total_sum(evidence: &Evidence, total: Option<Decimal>, sums: &Sums) -> Check {
    const NAME: &str = "total_sum";
    let Some(total) = total else { return impossible(NAME, "no total was found") };
    let against = Some(term("total_amount", total));
    if let Some(terms) = evidence.parts.sum_with_parts(total) {
        return compare(NAME, terms.into_iter().map(|(n, v)| term(n, v)).collect(), against);
    }
    let base = sums
        .subtotal
        .map(|s| ("subtotal", s.value))
        .or_else(|| evidence.parts.items_sum.map(|s| ("items", s)));
    let Some((name, base)) = base else { return impossible(NAME, "no subtotal and no items were found") };
    if base == total || sums.inclusive && sums.subtotal.is_some_and(|s| s.agrees) {
        let mut terms = vec![term(name, base)];
        if base != total {
            terms.extend(sums.tax.map(|t| term("tax", t.value)));
            terms.extend(
                sums.rounding.filter(|r| r.value != Decimal::ZERO).map(|r| term("rounding", r.value)),
            );
        }
        return compare(NAME, terms, against);
    }
    let mut terms = vec![term(name, base)];
    for (name, part, sign) in [
        ("tax", sums.tax.filter(|_| !sums.inclusive), Decimal::ONE),
        ("service_charge", sums.service, Decimal::ONE),
        ("tip", sums.tip, Decimal::ONE),
        ("discount", sums.discount, Decimal::NEGATIVE_ONE),
        ("rounding", sums.rounding, Decimal::ONE),
    ] {
        terms.extend(part.and_then(|p| p.value.checked_mul(sign)).map(|v| term(name, v)));
    }
    compare(NAME, terms, against)
}

fn cash_change(evidence: &Evidence, total: Option<Decimal>) -> Check {
    const NAME: &str = "cash_change";
    let (paid, change) = (&evidence.parts.paid, &evidence.parts.change);
    let (Some(total), Some(first_paid), Some(first_change)) = (total, paid.first(), change.first()) else {
        return impossible(NAME, "no cash and change beside a total were found");
    };
    let pair = paid
        .iter()
        .flat_map(|p| change.iter().map(move |c| (p, c)))
        .find(|(p, c)| p.checked_sub(**c) == Some(total))
        .unwrap_or((first_paid, first_change));
    compare(NAME, vec![term("paid", *pair.0), term("change", -*pair.1)], Some(term("total_amount", total)))
}

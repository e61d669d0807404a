//! Candidates for what had to be paid.

use rust_decimal::Decimal;

use super::amounts::{Amount, Role, values};
use super::items::Items;
use super::layout::Layout;

/// Different values that are compared in one document.
pub(super) const MOST_VALUES: usize = 120;

/// A value that may be the total, with the place that says so most clearly.
#[derive(Debug, Clone)]
pub(super) struct TotalCandidate {
    /// What had to be paid.
    pub value: Decimal,
    /// Index of the amount that stands for it.
    pub amount: usize,
    /// One number per entry of [`FEATURES`].
    pub features: Vec<f64>,
    /// Arithmetic that agrees, in words.
    pub agrees: Vec<String>,
}

/// Names of the features, in order, each with the weight a person would give it. Training moves the weights away from
/// these as far as the examples say so; they are what is known of bills that no example shows.
pub(super) const FEATURES: &[(&str, f64)] = &[
    ("total_words", 2.0),
    ("grand_total_words", 1.0),
    ("subtotal_words", -1.0),
    ("tax_words", -2.0),
    ("paid_words", 0.2),
    ("change_words", -2.0),
    ("other_words", -1.5),
    ("no_words", -1.5),
    ("only_in_tax_table", -1.5),
    ("only_in_items", -1.0),
    ("largest_of_totals", 0.3),
    ("share_of_larger_values", -1.0),
    ("repeated", 0.5),
    ("cash_less_change", 1.5),
    ("sum_with_parts", 1.5),
    ("sum_of_items", 0.8),
    ("net_and_tax", 0.7),
    ("after_rounding", 1.5),
    ("currency_mark", 0.2),
    ("text_height", 0.3),
    ("down_the_page", 0.0),
    ("last_of_totals", 0.3),
    ("paid_below", 0.5),
    ("words_above", -0.3),
    ("discounted_sum", 0.5),
    ("items_with_parts", 1.0),
    ("one_digit_from_total", 1.0),
];

/// Everything arithmetic needs, gathered once.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    pub subtotals: Vec<Decimal>,
    pub taxes: Vec<Decimal>,
    pub services: Vec<Decimal>,
    pub tips: Vec<Decimal>,
    pub roundings: Vec<Decimal>,
    pub discounts: Vec<Decimal>,
    pub paid: Vec<Decimal>,
    pub change: Vec<Decimal>,
    pub items_sum: Option<Decimal>,
    /// Net and tax side by side in a table of rates.
    pub pairs: Vec<Decimal>,
}

impl Parts {
    pub fn new(amounts: &[Amount], items: &Items) -> Self {
        let sum = items.rows.iter().try_fold(Decimal::ZERO, |a, i| a.checked_add(i.amount));
        let sum = sum.and_then(|s| items.discounts.iter().try_fold(s, |a, d| a.checked_sub(*d)));
        let mut pairs = Vec::new();
        let mut row: Vec<Decimal> = Vec::new();
        let mut current = None;
        for a in amounts.iter().filter(|a| a.summary) {
            if current != Some(a.row) {
                row.clear();
                current = Some(a.row);
            }
            for other in &row {
                if let Some(sum) = other.checked_add(a.value)
                    && pairs.len() < 40
                    && a.value != Decimal::ZERO
                {
                    pairs.push(sum);
                }
            }
            if row.len() < 6 {
                row.push(a.value);
            }
        }
        let absolute = |v: Vec<Decimal>| v.into_iter().map(|d| d.abs()).collect::<Vec<_>>();
        Self {
            subtotals: values(amounts, Role::Subtotal, None),
            taxes: values(amounts, Role::Tax, None),
            services: values(amounts, Role::Service, None),
            tips: values(amounts, Role::Tip, None),
            roundings: values(amounts, Role::Rounding, None),
            discounts: absolute(values(amounts, Role::Discount, None)),
            paid: absolute(values(amounts, Role::Paid, None)),
            change: absolute(values(amounts, Role::Change, None)),
            items_sum: (!items.rows.is_empty()).then_some(sum).flatten(),
            pairs,
        }
    }

    /// Whether cash less change is this value, with change that is not nothing. Some tills print the change as cash too.
    pub fn cash_less_change(&self, value: Decimal) -> Option<(Decimal, Decimal)> {
        self.paid.iter().find_map(|p| {
            self.change
                .iter()
                .chain(self.paid.iter().filter(|_| self.change.is_empty()))
                .find(|c| **c != Decimal::ZERO && p.checked_sub(**c) == Some(value))
                .map(|c| (*p, *c))
        })
    }

    /// A subtotal or the sum of the items, with at least one more part, that adds up to the value. The parts are those
    /// that were printed; each is used once or not at all.
    pub fn sum_with_parts(&self, value: Decimal) -> Option<Vec<(&'static str, Decimal)>> {
        let option = |v: &[Decimal], sign: i64| -> Vec<Decimal> {
            let mut out = vec![Decimal::ZERO];
            out.extend(v.iter().filter(|d| **d != Decimal::ZERO).take(4).map(|d| *d * Decimal::from(sign)));
            out
        };
        let mut bases: Vec<(&'static str, Decimal)> =
            self.subtotals.iter().map(|s| ("subtotal", *s)).collect();
        bases.extend(self.items_sum.map(|s| ("items", s)));
        bases.truncate(9);
        let (taxes, services, tips) =
            (option(&self.taxes, 1), option(&self.services, 1), option(&self.tips, 1));
        let roundings: Vec<Decimal> = {
            let mut v = option(&self.roundings, 1);
            v.extend(option(&self.roundings, -1).into_iter().skip(1));
            v
        };
        let discounts = option(&self.discounts, -1);
        for (name, base) in &bases {
            for tax in &taxes {
                for service in &services {
                    for tip in &tips {
                        for discount in &discounts {
                            for rounding in &roundings {
                                let parts = [*tax, *service, *tip, *discount, *rounding];
                                let sum = parts.iter().try_fold(*base, |a, p| a.checked_add(*p));
                                if sum == Some(value) && parts.iter().any(|p| *p != Decimal::ZERO) {
                                    let names = ["tax", "service_charge", "tip", "discount", "rounding"];
                                    let mut out = vec![(*name, *base)];
                                    out.extend(
                                        names.into_iter().zip(parts).filter(|(_, p)| *p != Decimal::ZERO),
                                    );
                                    return Some(out);
                                }
                            }
                        }
                    }
                }
            }
        }
        None
    }
}

/// All candidates with their features.
pub(super) fn candidates(
    layout: &Layout,
    amounts: &[Amount],
    items: &Items,
    parts: &Parts,
    notes: &mut Vec<String>,
) -> Vec<TotalCandidate> {
    let mut values: Vec<Decimal> = Vec::new();
    let mut capped = false;
    // Labelled amounts first, so that a cap never drops them.
    for labelled in [true, false] {
        for a in amounts.iter().filter(|a| (a.role != Role::None) == labelled) {
            let value = if a.role == Role::Paid { a.value.abs() } else { a.value };
            let credit = a.role == Role::Total && value < Decimal::ZERO;
            if (value > Decimal::ZERO || credit) && !values.contains(&value) {
                if values.len() < MOST_VALUES {
                    values.push(value);
                } else {
                    capped = true;
                }
            }
        }
    }
    if capped {
        notes.push(format!(
            "more than {MOST_VALUES} different amounts: the total was chosen among {MOST_VALUES}, named ones first"
        ));
    }
    let totals: Vec<&Amount> = amounts.iter().filter(|a| a.role == Role::Total && !a.summary).collect();
    let largest = totals.iter().map(|a| a.value).max();
    let last = totals.last().map(|a| a.value);
    let height = layout.rows.len().max(1) as f64;
    let item_rows: Vec<usize> = items.rows.iter().map(|i| i.row).collect();
    values
        .iter()
        .map(|value| {
            let here: Vec<(usize, &Amount)> = amounts
                .iter()
                .enumerate()
                .filter(|(_, a)| a.value == *value || (a.role == Role::Paid && a.value.abs() == *value))
                .collect();
            let any = |f: &dyn Fn(&Amount) -> bool| f64::from(u8::from(here.iter().any(|(_, a)| f(a))));
            let all = |f: &dyn Fn(&Amount) -> bool| f64::from(u8::from(here.iter().all(|(_, a)| f(a))));
            let is = |b: bool| f64::from(u8::from(b));
            let larger = values.iter().filter(|v| **v > *value).count() as f64 / values.len() as f64;
            let cash = parts.cash_less_change(*value);
            let sum = parts.sum_with_parts(*value);
            let sums =
                amounts.iter().filter(|a| matches!(a.role, Role::Total | Role::Subtotal) && !a.summary);
            let lowest = here.iter().map(|(_, a)| a.row).max().unwrap_or(0);
            let rounded = sums.clone().take(40).any(|a| {
                a.value != *value
                    && a.row < lowest
                    && parts.roundings.iter().any(|r| {
                        *r != Decimal::ZERO
                            && (a.value.checked_add(*r) == Some(*value)
                                || a.value.checked_sub(*r) == Some(*value))
                    })
            });
            let paid_below = here.iter().any(|(i, a)| {
                a.role == Role::Total
                    && amounts
                        .iter()
                        .skip(i + 1)
                        .find(|b| b.row > a.row)
                        .is_some_and(|b| b.role == Role::Paid)
            });
            let discounted = parts.items_sum.is_some_and(|s| {
                parts.discounts.iter().any(|d| *d != Decimal::ZERO && s.checked_sub(*d) == Some(*value))
            });
            // The amount beside "total" differs in one digit and nothing confirms it: this one may be what was printed.
            let confirmed = cash.is_some() || sum.is_some() || parts.items_sum == Some(*value);
            let slip = confirmed
                && totals.iter().take(20).any(|t| {
                    one_digit_apart(t.value, *value)
                        && parts.cash_less_change(t.value).is_none()
                        && parts.sum_with_parts(t.value).is_none()
                        && parts.items_sum != Some(t.value)
                });
            let from_items = sum.as_ref().is_some_and(|s| s.first().is_some_and(|(n, _)| *n == "items"))
                || parts.items_sum.is_some_and(|s| {
                    parts.taxes.iter().chain(&parts.services).any(|t| {
                        *t != Decimal::ZERO
                            && s.checked_add(*t).is_some_and(|v| {
                                v == *value
                                    || parts.roundings.iter().any(|r| v.checked_add(*r) == Some(*value))
                            })
                    })
                });
            let heights = here
                .iter()
                .filter_map(|(_, a)| layout.rows.get(a.row).and_then(|r| r.cells.get(a.cell)))
                .map(|c| f64::from(c.rect.h / layout.text_height))
                .fold(0.0_f64, f64::max);
            let low = here.iter().map(|(_, a)| a.row as f64 / height).fold(0.0_f64, f64::max);
            let features = vec![
                any(&|a| a.role == Role::Total && !a.summary),
                any(&|a| a.role == Role::Total && a.grand && !a.summary),
                any(&|a| a.role == Role::Subtotal && !a.summary),
                any(&|a| a.role == Role::Tax),
                any(&|a| a.role == Role::Paid),
                any(&|a| a.role == Role::Change),
                any(&|a| matches!(a.role, Role::Other | Role::Rounding | Role::Discount)),
                all(&|a| a.role == Role::None),
                all(&|a| a.summary),
                all(&|a| item_rows.contains(&a.row)),
                is(Some(*value) == largest),
                larger,
                ((here.len() as f64).ln_1p() - std::f64::consts::LN_2).min(1.5),
                is(cash.is_some()),
                is(sum.is_some()),
                is(parts.items_sum == Some(*value)),
                is(parts.pairs.contains(value)),
                is(rounded),
                any(&|a| a.number.mark.is_some()),
                (heights - 1.0).clamp(-0.5, 1.5),
                low,
                is(Some(*value) == last),
                is(paid_below),
                any(&|a| a.role == Role::Total && a.from_above),
                is(discounted),
                is(from_items),
                is(slip),
            ];
            let mut agrees = Vec::new();
            if let Some((p, c)) = cash {
                agrees.push(format!("{p} paid less {c} change"));
            }
            if let Some(sum) = sum {
                let terms: Vec<String> = sum.iter().map(|(n, v)| format!("{n} {v}")).collect();
                agrees.push(format!("sum of {}", terms.join(", ")));
            }
            if parts.items_sum == Some(*value) {
                agrees.push("sum of the items".to_owned());
            }
            if parts.pairs.contains(value) {
                agrees.push("net and tax in the table of tax rates".to_owned());
            }
            TotalCandidate { value: *value, amount: clearest(&here), features, agrees }
        })
        .collect()
}

impl TotalCandidate {
    /// Whether words or arithmetic speak for it at all: the best of amounts that nothing names is no total (a first page
    /// whose total stands on the second).
    pub fn is_supported(&self, items: usize) -> bool {
        let has = |name: &str| {
            FEATURES
                .iter()
                .position(|(f, _)| *f == name)
                .and_then(|i| self.features.get(i))
                .is_some_and(|f| *f > 0.5)
        };
        [
            "total_words",
            "subtotal_words",
            "paid_words",
            "cash_less_change",
            "sum_with_parts",
            "net_and_tax",
            "items_with_parts",
        ]
        .into_iter()
        .any(has)
            || (items > 1 && has("sum_of_items"))
    }
}

/// Whether two amounts are printed with as many digits and differ in one of them.
fn one_digit_apart(a: Decimal, b: Decimal) -> bool {
    let (a, b) = (a.to_string(), b.to_string());
    a.len() == b.len() && a.bytes().zip(b.bytes()).filter(|(x, y)| x != y).count() == 1
}

/// The occurrence whose words name the total most directly.
fn clearest(here: &[(usize, &Amount)]) -> usize {
    let rank = |a: &Amount| match a.role {
        Role::Total if a.grand && !a.summary => 0,
        Role::Total if !a.summary => 1,
        Role::Subtotal => 2,
        Role::Paid => 3,
        _ => 4,
    };
    here.iter().min_by_key(|(_, a)| rank(a)).map_or(0, |(i, _)| *i)
}

/// The rule the ranker is measured against: the last amount whose words say that nothing is left to add, else the
/// last beside "total", else the largest paid, else the largest.
pub(super) fn by_rule(candidates: &[TotalCandidate], amounts: &[Amount]) -> Option<usize> {
    let of = |value: Decimal| candidates.iter().position(|c| c.value == value);
    let last = |grand: bool| {
        amounts
            .iter()
            .rev()
            .find(|a| a.role == Role::Total && !a.summary && (a.grand || !grand))
            .map(|a| a.value)
    };
    let largest_paid = amounts.iter().filter(|a| a.role == Role::Paid).map(|a| a.value.abs()).max();
    let largest = candidates.iter().map(|c| c.value).max();
    last(true)
        .and_then(of)
        .or_else(|| last(false).and_then(of))
        .or_else(|| largest_paid.and_then(of))
        .or_else(|| largest.and_then(of))
}

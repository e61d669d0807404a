//! Which shapes explain what was seen, and what they say together.

use serde::Serialize;

use super::fit::{Fitted, Form, Seen};
use super::{LEAST_BOOKED, LearnError, PastDay, Shape};
use crate::night::Demand;

/// Ratio of the highest to the lowest price below which prices are taken as one.
const LEAST_SPREAD: f64 = 1.02;
/// Days are taken together where their distance is less than this share of the days left.
const TOGETHER: f64 = 0.1;
/// Weight below which a form is left out.
const LEAST_WEIGHT: f64 = 0.005;
/// How far a response may change with the days left, as a share of the usual.
const DRIFTS: [f64; 3] = [0.0, 0.35, 1.0];
/// How much the rate of requests may bend from knot to knot.
const BENDS: [f64; 2] = [0.05, 0.3];

/// Demand as it was learnt: several forms, weighed.
#[derive(Debug, Clone)]
pub struct Learnt {
    reference: f64,
    forms: Vec<(f64, Fitted)>,
}

/// A form with its weight.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Member {
    /// How demand falls with the price.
    pub shape: Shape,
    /// Whether that changes with the days left.
    pub changes: bool,
    /// Share in what is said, 0 to 1.
    pub weight: f64,
}

impl Learnt {
    /// The forms, heaviest first.
    pub fn members(&self) -> Vec<Member> {
        self.forms
            .iter()
            .map(|(weight, fitted)| Member {
                shape: fitted.form.shape,
                changes: fitted.form.drift > 0.0,
                weight: *weight,
            })
            .collect()
    }

    /// The price that the others are compared with: the geometric mean of those seen.
    pub fn reference_price(&self) -> f64 {
        self.reference
    }
}

impl Demand for Learnt {
    fn expected(&self, days_left: u32, price: f64) -> f64 {
        let (days_left, ratio) = (f64::from(days_left.max(1)), price / self.reference);
        self.forms.iter().map(|(weight, fitted)| weight * fitted.expected(days_left, ratio)).sum()
    }
}

/// Learns demand from past days, among all shapes, changing with the days left or not.
///
/// # Errors
/// [`LearnError`] where the days cannot tell.
pub fn learn(past: &[PastDay]) -> Result<Learnt, LearnError> {
    learn_among(past, &Shape::ALL, true)
}

/// Learns demand among some shapes; responses that change with the days left only where `changing`.
///
/// # Errors
/// [`LearnError`] where the days cannot tell.
pub fn learn_among(past: &[PastDay], shapes: &[Shape], changing: bool) -> Result<Learnt, LearnError> {
    if let Some(day) =
        past.iter().find(|day| !(day.price.is_finite() && day.price > 0.0) || day.days_left == 0)
    {
        return Err(LearnError::Day { price: day.price, days_left: day.days_left });
    }
    let booked: u64 = past.iter().map(|day| u64::from(day.booked)).sum();
    if booked < LEAST_BOOKED {
        return Err(LearnError::TooLittle { days: past.len(), booked });
    }
    let prices = || past.iter().map(|day| day.price);
    let (lowest, highest) =
        prices().fold((f64::MAX, 0.0_f64), |(low, high), price| (low.min(price), high.max(price)));
    if highest < lowest * LEAST_SPREAD {
        return Err(LearnError::OnePrice { lowest, highest });
    }
    let reference = (prices().map(f64::ln).sum::<f64>() / past.len() as f64).exp();
    let seen = together(past, reference);
    let longest = past.iter().map(|day| f64::from(day.days_left)).fold(1.0, f64::max);
    let drifts = DRIFTS.into_iter().filter(|drift| changing || *drift == 0.0);
    let forms = shapes.iter().flat_map(|shape| {
        let of = move |drift| BENDS.into_iter().map(move |bend| Form { shape: *shape, drift, bend });
        drifts.clone().flat_map(of)
    });
    // Beside those whose shares change, two kinds of guests whose shares never do say little that one kind does not.
    let forms = forms.filter(|form| !changing || !form.shape.two_kinds() || form.drift > 0.0);
    let fitted: Vec<Fitted> = forms.filter_map(|form| Fitted::new(form, &seen, longest)).collect();
    let best = fitted.iter().map(|fitted| fitted.evidence).fold(f64::NEG_INFINITY, f64::max);
    let mut forms: Vec<(f64, Fitted)> =
        fitted.into_iter().map(|fitted| ((fitted.evidence - best).exp(), fitted)).collect();
    let sum: f64 = forms.iter().map(|(weight, _)| weight).sum();
    forms.retain(|(weight, _)| *weight >= LEAST_WEIGHT * sum);
    let sum: f64 = forms.iter().map(|(weight, _)| weight).sum();
    for (weight, _) in &mut forms {
        *weight /= sum;
    }
    forms.sort_by(|(left, _), (right, _)| right.total_cmp(left));
    if forms.is_empty() {
        Err(LearnError::NotFitted { days: past.len() })
    } else {
        Ok(Learnt { reference, forms })
    }
}

/// Days of one night at one price that lie close together, as one.
fn together(past: &[PastDay], reference: f64) -> Vec<Seen> {
    let mut days: Vec<&PastDay> = past.iter().collect();
    days.sort_by(|left, right| left.date.cmp(&right.date).then(right.days_left.cmp(&left.days_left)));
    let mut seen = Vec::new();
    let mut group: Vec<&PastDay> = Vec::new();
    let mut close = |group: &mut Vec<&PastDay>| {
        if let Some(first) = group.first() {
            let count = group.len() as f64;
            seen.push(Seen {
                days_left: group.iter().map(|day| f64::from(day.days_left)).sum::<f64>() / count,
                days: count,
                ratio: first.price / reference,
                booked: group.iter().map(|day| f64::from(day.booked)).sum(),
                sold_out: group.iter().any(|day| day.sold_out),
            });
        }
        group.clear();
    };
    for day in days {
        let joins = group.first().is_some_and(|first| {
            first.date == day.date
                && first.price.total_cmp(&day.price).is_eq()
                && f64::from(first.days_left - day.days_left) < TOGETHER * f64::from(first.days_left)
        });
        if !joins {
            close(&mut group);
        }
        group.push(day);
    }
    close(&mut group);
    seen
}

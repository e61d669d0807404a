//! How many fields are right, by definitions that anyone can repeat.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Serialize;

use super::answer::Invoice;
use super::labels::{Example, ItemLabel, likeness, same_name};
use super::ranker::{Ranker, TrainError, fit_ranker, folds, prepare};
use super::reader::{Hints, InvoiceReader};

/// Names that are at least this alike are the same item.
const SAME_ITEM: f64 = 0.6;

/// Right answers of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = InvoiceRight))]
pub struct Right {
    /// Answers that equal the label.
    pub right: usize,
    /// Labels.
    pub of: usize,
    /// Labels for which no answer was given.
    pub not_found: usize,
}

/// Figures of a reader on labelled documents.
///
/// `total`, `date`: the value equals the label. `company`: letters and digits of the vendor's name equal those of the
/// label, without case, accents, spaces and punctuation ([`same_name`]). `item_amounts`: amounts of the answer matched to
/// labelled amounts of the same document, each used once; F1 over all documents together. `items`: the same, where a match
/// needs the amount and a name at least 0.6 alike (one less edit distance over length).
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = InvoiceScore))]
pub struct Score {
    /// Documents.
    pub n: usize,
    /// What had to be paid.
    pub total: Right,
    /// Day of purchase.
    pub date: Right,
    /// Name of the vendor.
    pub company: Right,
    /// Printed address, at least 0.8 alike.
    pub address: Right,
    /// Currency.
    pub currency: Right,
    /// Number of the invoice, compared as names are.
    pub invoice_number: Right,
    /// Documents with labelled items.
    pub n_items: usize,
    /// Amounts of items alone.
    pub item_amounts: F1,
    /// Amounts and names of items.
    pub items: F1,
    /// Mean likeness of the names of items whose amounts match; `None` without any.
    pub item_name_likeness: Option<f64>,
    /// Mean squared difference of confidence and being right, over the totals, dates and names that were answered;
    /// 0 is perfect, `None` without answers.
    pub brier: Option<f64>,
    /// Why a figure is absent.
    pub reasons: Vec<String>,
}

/// Precision, recall and their harmonic mean.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = InvoiceF1))]
pub struct F1 {
    /// Matched answers.
    pub matched: usize,
    /// Answers.
    pub answered: usize,
    /// Labels.
    pub labelled: usize,
    /// 0 to 1; `None` when nothing was answered and nothing labelled.
    pub f1: Option<f64>,
}

impl F1 {
    fn add(&mut self, matched: usize, answered: usize, labelled: usize) {
        self.matched += matched;
        self.answered += answered;
        self.labelled += labelled;
        let all = self.answered + self.labelled;
        self.f1 = (all > 0).then(|| 2.0 * self.matched as f64 / all as f64);
    }
}

/// What was wrong in one document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mistake {
    /// Index of the example.
    pub example: usize,
    /// Field.
    pub field: &'static str,
    /// The label.
    pub expected: String,
    /// The answer.
    pub got: Option<String>,
    /// Its confidence.
    pub confidence: f32,
}

/// Figures on documents that took no part in training, fold by fold.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = InvoiceCrossValidation))]
pub struct CrossValidation {
    /// All held-out documents, answered by the ranker trained without their vendors.
    pub ranker: Score,
    /// The same documents, answered by the fixed rules.
    pub rules: Score,
    /// The same documents, answered by the ranker that was refined, as it was before.
    pub before: Option<Score>,
    /// Per fold.
    pub folds: Vec<Score>,
    /// Mean and standard deviation over the folds of the share that is right: total, date, company.
    pub spread: [(f64, f64); 3],
    /// Seed of the folds.
    pub seed: u64,
    /// What the ranker got wrong.
    #[serde(skip)]
    pub mistakes: Vec<Mistake>,
}

/// Scores a reader.
pub fn score(reader: &InvoiceReader, examples: &[Example]) -> Score {
    score_answers(examples, &answers(reader, examples)).0
}

/// What a reader gets wrong, document by document.
pub fn mistakes(reader: &InvoiceReader, examples: &[Example]) -> Vec<Mistake> {
    score_answers(examples, &answers(reader, examples)).1
}

fn answers(reader: &InvoiceReader, examples: &[Example]) -> Vec<Invoice> {
    examples.iter().map(|e| reader.extract(&e.pages, &Hints::default())).collect()
}

/// Trains and scores in folds by vendor: from nothing, or refining `before`. Everything that is chosen by data
/// (strength of the pull, calibration) is chosen inside the training part of a fold.
///
/// # Errors
///
/// [`TrainError`] when there are fewer vendors than folds, or too few examples in a fold.
pub fn nested_cross_validation(
    examples: &[Example],
    before: Option<&Ranker>,
    count: usize,
    seed: u64,
) -> Result<CrossValidation, TrainError> {
    let groups: Vec<&str> = examples.iter().map(|e| e.group.as_str()).collect();
    let distinct = groups.iter().collect::<std::collections::BTreeSet<_>>().len();
    if count < 2 || distinct < count {
        return Err(TrainError::TooFewGroups { groups: distinct, folds: count });
    }
    let fold = folds(&groups, count, seed);
    let prepared = prepare(examples);
    let mut answered: Vec<Option<Invoice>> = vec![None; examples.len()];
    let mut scores = Vec::new();
    for held in 0..count {
        let train: Vec<_> =
            prepared.iter().zip(&fold).filter(|(_, f)| **f != held).map(|(p, _)| p.clone()).collect();
        let reader = InvoiceReader::new(fit_ranker(&train, seed, before)?);
        let mut part = Vec::new();
        let mut part_answers = Vec::new();
        for ((example, slot), _) in examples.iter().zip(&mut answered).zip(&fold).filter(|(_, f)| **f == held)
        {
            let answer = reader.extract(&example.pages, &Hints::default());
            part.push(example.clone());
            part_answers.push(answer.clone());
            *slot = Some(answer);
        }
        scores.push(score_answers(&part, &part_answers).0);
    }
    let answered: Vec<Invoice> = answered.into_iter().map(Option::unwrap_or_default).collect();
    let (ranker, mistakes) = score_answers(examples, &answered);
    let share = |r: &Right| if r.of == 0 { None } else { Some(r.right as f64 / r.of as f64) };
    let spread = |of: fn(&Score) -> Right| {
        let shares: Vec<f64> = scores.iter().filter_map(|s| share(&of(s))).collect();
        let n = shares.len().max(1) as f64;
        let mean = shares.iter().sum::<f64>() / n;
        let variance = shares.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        (mean, variance.sqrt())
    };
    Ok(CrossValidation {
        spread: [spread(|s| s.total), spread(|s| s.date), spread(|s| s.company)],
        ranker,
        rules: score(&InvoiceReader::rules(), examples),
        before: before.map(|ranker| score(&InvoiceReader::new(ranker.clone()), examples)),
        folds: scores,
        seed,
        mistakes,
    })
}

fn score_answers(examples: &[Example], answers: &[Invoice]) -> (Score, Vec<Mistake>) {
    let mut s = Score { n: examples.len(), ..Score::default() };
    let mut mistakes = Vec::new();
    let mut squared = Vec::new();
    let mut likenesses = Vec::new();
    for (i, (example, answer)) in examples.iter().zip(answers).enumerate() {
        let l = &example.labels;
        let confidence = |field: &str| answer.fields.get(field).map_or(0.0, |f| f.confidence);
        let mut note = |field: &'static str,
                        right: &mut Right,
                        expected: String,
                        got: Option<String>,
                        is: bool| {
            right.of += 1;
            right.right += usize::from(is);
            right.not_found += usize::from(got.is_none());
            if matches!(field, "total_amount" | "date" | "vendor.name") && got.is_some() {
                squared.push((f64::from(confidence(field)) - f64::from(u8::from(is))).powi(2));
            }
            if !is {
                mistakes.push(Mistake { example: i, field, expected, got, confidence: confidence(field) });
            }
        };
        if let Some(expected) = l.total_amount {
            let got = answer.total_amount;
            note(
                "total_amount",
                &mut s.total,
                expected.to_string(),
                got.map(|g| g.to_string()),
                got == Some(expected),
            );
        }
        if let Some(expected) = l.date {
            let got: Option<NaiveDate> = answer.date;
            note(
                "date",
                &mut s.date,
                expected.to_string(),
                got.map(|g| g.to_string()),
                got == Some(expected),
            );
        }
        if let Some(expected) = l.vendor_name() {
            let got = answer.vendor.name.clone();
            let is = got.as_deref().is_some_and(|g| same_name(g, expected));
            note("vendor.name", &mut s.company, expected.to_owned(), got, is);
        }
        if let Some(expected) = l.vendor.as_ref().and_then(|v| v.address.as_deref()) {
            let got = answer.vendor.address.clone();
            let is = got.as_deref().is_some_and(|g| likeness(g, expected) >= 0.8);
            note("vendor.address", &mut s.address, expected.to_owned(), got, is);
        }
        if let Some(expected) = &l.currency {
            let got = answer.currency.clone();
            let is = got.as_deref().is_some_and(|g| g.eq_ignore_ascii_case(expected));
            note("currency", &mut s.currency, expected.clone(), got, is);
        }
        if let Some(expected) = &l.invoice_number {
            let got = answer.invoice_number.clone();
            let is = got.as_deref().is_some_and(|g| same_name(g, expected));
            note("invoice_number", &mut s.invoice_number, expected.clone(), got, is);
        }
        if let Some(items) = &l.items {
            s.n_items += 1;
            let (amounts, named, alike) = match_items(answer, items);
            let labelled = items.iter().filter(|i| i.amount.is_some()).count();
            s.item_amounts.add(amounts, answer.items.len(), labelled);
            s.items.add(named, answer.items.len(), labelled);
            likenesses.extend(alike);
            if amounts < labelled || amounts < answer.items.len() {
                let list = |v: Vec<Option<Decimal>>| {
                    v.into_iter()
                        .map(|d| d.map_or_else(|| "-".to_owned(), |d| d.to_string()))
                        .collect::<Vec<_>>()
                        .join(" ")
                };
                mistakes.push(Mistake {
                    example: i,
                    field: "items",
                    expected: list(items.iter().map(|i| i.amount).collect()),
                    got: Some(list(answer.items.iter().map(|i| i.amount).collect())),
                    confidence: 0.0,
                });
            }
        }
    }
    let mean = |v: &[f64]| (!v.is_empty()).then(|| v.iter().sum::<f64>() / v.len() as f64);
    s.brier = mean(&squared);
    s.item_name_likeness = mean(&likenesses);
    for (name, absent) in [
        ("total", s.total.of == 0),
        ("date", s.date.of == 0),
        ("company", s.company.of == 0),
        ("items", s.n_items == 0),
    ] {
        if absent {
            s.reasons.push(format!("{name}: no example states it"));
        }
    }
    (s, mistakes)
}

/// Pairs answered and labelled items with equal amounts, the most alike names first. Returns how many pairs there are,
/// how many of them are alike enough in name, and all likenesses.
fn match_items(answer: &Invoice, labels: &[ItemLabel]) -> (usize, usize, Vec<f64>) {
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (a, item) in answer.items.iter().enumerate() {
        for (b, label) in labels.iter().enumerate() {
            if item.amount.is_some() && item.amount == label.amount {
                pairs.push((likeness(&item.description, &label.description), a, b));
            }
        }
    }
    pairs.sort_by(|x, y| y.0.total_cmp(&x.0));
    let (mut used_a, mut used_b, mut alike) = (Vec::new(), Vec::new(), Vec::new());
    for (likeness, a, b) in pairs {
        if !used_a.contains(&a) && !used_b.contains(&b) {
            used_a.push(a);
            used_b.push(b);
            alike.push(likeness);
        }
    }
    (alike.len(), alike.iter().filter(|l| **l >= SAME_ITEM).count(), alike)
}

//! The figures that say how well faces are told apart: verification on labelled pairs, verification over
//! all pairs of pictures, open-set identification with one picture enrolled a person, and liveness error
//! rates. Definitions follow ISO/IEC 19795-1 and 30107-3. [`open_set`] shows what the threshold does to
//! strangers in galleries of several sizes, [`gains`] what each way of comparing is worth, [`groups`] how well
//! unknown faces are gathered.

pub mod gains;
pub mod groups;
pub mod open_set;
mod protocol;

use serde::Serialize;

use crate::matching::MatchLimits;

/// A picture's embedding with who it shows. Vectors are of unit length.
pub struct Labelled<'a> {
    /// Who it shows.
    pub identity: &'a str,
    /// The embedding.
    pub vector: &'a [f32],
}

/// Cosine of two unit vectors.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    // Eight sums that do not wait for each other: a plain sum must be taken in order and is several times
    // slower over the millions of pairs of an evaluation.
    const LANES: usize = 8;
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0f32; LANES];
    for (x, y) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum::<f32>()
}

/// A score with the truth behind it: same person or not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredPair {
    /// Cosine.
    pub score: f32,
    /// Whether both pictures show one person.
    pub same: bool,
}

/// Verification on labelled pairs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairFigures {
    /// Pairs with two faces.
    pub n_pairs: usize,
    /// Best accuracy any threshold reaches on these pairs.
    pub accuracy: f64,
    /// The threshold that reaches it.
    pub threshold: f32,
    /// Accuracy at the given threshold.
    pub accuracy_at_shipped: Option<f64>,
}

/// Accuracy over labelled pairs, best and at `shipped`. `None` without pairs.
pub fn pairs(pairs: &[ScoredPair], shipped: Option<f32>) -> Option<PairFigures> {
    if pairs.is_empty() {
        return None;
    }
    let n = pairs.len() as f64;
    let accuracy_at = |t: f32| pairs.iter().filter(|p| (p.score >= t) == p.same).count() as f64 / n;
    let mut sorted: Vec<ScoredPair> = pairs.to_vec();
    sorted.sort_by(|a, b| b.score.total_cmp(&a.score));
    // Lowering the threshold pair by pair: each pair that comes in counts when it is genuine.
    let mut right = sorted.iter().filter(|p| !p.same).count() as i64;
    let (mut best, mut threshold) = (right, f32::INFINITY);
    for (i, pair) in sorted.iter().enumerate() {
        right += if pair.same { 1 } else { -1 };
        let tied = sorted.get(i + 1).is_some_and(|next| next.score.total_cmp(&pair.score).is_eq());
        if !tied && right > best {
            let next = sorted.get(i + 1).map_or(pair.score, |n| n.score);
            (best, threshold) = (right, f32::midpoint(pair.score, next));
        }
    }
    Some(PairFigures {
        n_pairs: pairs.len(),
        accuracy: best as f64 / n,
        threshold,
        accuracy_at_shipped: shipped.map(accuracy_at),
    })
}

/// True accept rate at one false accept rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OperatingPoint {
    /// The rate that was asked for.
    pub far: f64,
    /// The lowest threshold that keeps to it.
    pub threshold: f32,
    /// Share of same-identity pairs at or above the threshold.
    pub tar: f64,
}

/// Scores of all same-identity and all cross-identity pairs of a set of pictures.
#[derive(Debug, Clone, Default)]
pub struct AllPairs {
    /// Same identity.
    pub genuine: Vec<f32>,
    /// Different identities, highest first.
    pub impostor: Vec<f32>,
}

impl AllPairs {
    /// Compares every picture with every other.
    pub fn of(pictures: &[Labelled<'_>]) -> Self {
        let mut all = Self::default();
        for (i, a) in pictures.iter().enumerate() {
            for b in &pictures[..i] {
                let score = cosine(a.vector, b.vector);
                if a.identity == b.identity {
                    all.genuine.push(score);
                } else {
                    all.impostor.push(score);
                }
            }
        }
        all.impostor.sort_by(|a, b| b.total_cmp(a));
        all
    }

    /// The operating point at false accept rate `far`. `None` when there are too few impostor pairs to
    /// speak of such a rate, or no genuine pair.
    pub fn at(&self, far: f64) -> Option<OperatingPoint> {
        let allowed = (self.impostor.len() as f64 * far).floor() as usize;
        if allowed == 0 || self.genuine.is_empty() {
            return None;
        }
        // The first impostor that must not pass sets the threshold just above itself.
        let threshold = self.impostor.get(allowed).map_or(-1.0, |s| s.next_up());
        let accepted = self.genuine.iter().filter(|s| **s >= threshold).count();
        Some(OperatingPoint { far, threshold, tar: accepted as f64 / self.genuine.len() as f64 })
    }

    /// Slope and intercept of the logistic curve from cosine to the probability of one person, with both
    /// cases weighted as equally likely (Platt 1999, Newton steps). `None` when a side is empty.
    pub fn logistic(&self) -> Option<(f32, f32)> {
        if self.genuine.is_empty() || self.impostor.is_empty() {
            return None;
        }
        let sides = [
            (&self.genuine, 1.0, 0.5 / self.genuine.len() as f64),
            (&self.impostor, 0.0, 0.5 / self.impostor.len() as f64),
        ];
        let (mut slope, mut intercept) = (10.0f64, -2.0f64);
        // A small ridge keeps the curve finite when the sides do not overlap.
        let ridge = 1e-6;
        for _ in 0..100 {
            let (mut gs, mut gi, mut hss, mut hsi, mut hii) = (ridge * slope, 0.0, ridge, 0.0, ridge);
            for (scores, truth, weight) in sides {
                for s in scores {
                    let x = f64::from(*s);
                    let p = 1.0 / (1.0 + (-(slope * x + intercept)).exp());
                    let (g, h) = (weight * (p - truth), weight * p * (1.0 - p));
                    gs += g * x;
                    gi += g;
                    hss += h * x * x;
                    hsi += h * x;
                    hii += h;
                }
            }
            let det = hss * hii - hsi * hsi;
            if det <= 0.0 {
                break;
            }
            let (ds, di) = ((hii * gs - hsi * gi) / det, (hss * gi - hsi * gs) / det);
            // Long steps overshoot far from the optimum.
            let damp = (5.0 / (ds.abs() + di.abs())).min(1.0);
            slope -= damp * ds;
            intercept -= damp * di;
            if ds.abs() + di.abs() < 1e-6 {
                break;
            }
        }
        Some((slope as f32, intercept as f32))
    }
}

/// Identification with one picture enrolled a person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Identification {
    /// People enrolled.
    pub people: usize,
    /// Pictures that were looked up: all but the enrolled ones of people with several.
    pub probes: usize,
    /// Share of probes whose nearest enrolled picture is the right person.
    pub top1: f64,
    /// Share found, right and above the threshold at which 1 % of the lookups by people who are not
    /// enrolled would be answered with somebody's name.
    pub tpir_fpir_1pct: f64,
    /// That threshold.
    pub threshold_fpir_1pct: f32,
    /// Share found, right and within the given limits.
    pub tpir_at_shipped: Option<f64>,
    /// Share of lookups by people who are not enrolled that the given limits would answer with a name.
    pub fpir_at_shipped: Option<f64>,
    /// Threshold of those limits.
    pub threshold_at_shipped: Option<f32>,
}

/// Enrols the first picture of every identity and looks up all others; every picture is also looked up
/// with its own person left out, which makes it a stranger. `shipped` gives the limits of a gallery by its
/// number of templates. `None` without probes.
pub fn identification(
    pictures: &[Labelled<'_>],
    shipped: Option<&dyn Fn(usize) -> MatchLimits>,
) -> Option<Identification> {
    let mut gallery: Vec<&Labelled<'_>> = Vec::new();
    let mut probes: Vec<&Labelled<'_>> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for picture in pictures {
        if seen.insert(picture.identity) { gallery.push(picture) } else { probes.push(picture) }
    }
    if probes.is_empty() || gallery.len() < 2 {
        return None;
    }
    let shipped = shipped.map(|limits| limits(gallery.len()));
    // Best score with the distance to the second, of the right person and of strangers.
    let (mut hits, mut strangers) = (Vec::new(), Vec::new());
    for picture in pictures {
        let (mut own, mut other, mut third) = (f32::NEG_INFINITY, f32::NEG_INFINITY, f32::NEG_INFINITY);
        for enrolled in &gallery {
            let score = cosine(picture.vector, enrolled.vector);
            if enrolled.identity == picture.identity {
                own = own.max(score);
            } else {
                third = third.max(score.min(other));
                other = other.max(score);
            }
        }
        strangers.push((other, other - third));
        // The enrolled picture itself is no probe of its own person.
        if !gallery.iter().any(|g| std::ptr::eq(*g, picture)) {
            hits.push((own, own - other));
        }
    }
    strangers.sort_by(|a, b| b.0.total_cmp(&a.0));
    let allowed = (strangers.len() as f64 * 0.01).floor() as usize;
    let threshold = strangers.get(allowed).map_or(-1.0, |s| s.0.next_up());
    let within = |list: &[(f32, f32)], l: &MatchLimits| {
        let passed = list.iter().filter(|(s, lead)| *s >= l.threshold && *lead > 0.0 && *lead >= l.margin);
        passed.count() as f64 / list.len() as f64
    };
    let at = |threshold: f32| MatchLimits { threshold, margin: 0.0 };
    Some(Identification {
        people: gallery.len(),
        probes: hits.len(),
        top1: within(&hits, &at(f32::NEG_INFINITY)),
        tpir_fpir_1pct: within(&hits, &at(threshold)),
        threshold_fpir_1pct: threshold,
        tpir_at_shipped: shipped.map(|l| within(&hits, &l)),
        fpir_at_shipped: shipped.map(|l| within(&strangers, &l)),
        threshold_at_shipped: shipped.map(|l| l.threshold),
    })
}

/// Liveness error rates at a threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LivenessFigures {
    /// Pictures judged.
    pub n: usize,
    /// Share of attacks taken for real; null without attacks.
    pub apcer: Option<f64>,
    /// Share of real faces taken for attacks; null without real faces.
    pub bpcer: Option<f64>,
    /// Probability that a real face scores above an attack; null without both.
    pub auc: Option<f64>,
}

/// Error rates of `(score, is_real)`; a face is taken for real at `threshold` and above.
pub fn liveness(scores: &[(f32, bool)], threshold: f32) -> LivenessFigures {
    let of = |real: bool| scores.iter().filter(move |s| s.1 == real).map(|s| s.0).collect::<Vec<_>>();
    let (real, attack) = (of(true), of(false));
    let share = |list: &[f32], wrong: &dyn Fn(f32) -> bool| {
        (!list.is_empty()).then(|| list.iter().filter(|s| wrong(**s)).count() as f64 / list.len() as f64)
    };
    let auc = (!real.is_empty() && !attack.is_empty()).then(|| {
        let wins: f64 = real
            .iter()
            .flat_map(|r| attack.iter().map(move |a| (r, a)))
            .map(|(r, a)| match r.total_cmp(a) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            })
            .sum();
        wins / (real.len() * attack.len()) as f64
    });
    LivenessFigures {
        n: scores.len(),
        apcer: share(&attack, &|s| s >= threshold),
        bpcer: share(&real, &|s| s < threshold),
        auc,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(score: f32, same: bool) -> ScoredPair {
        ScoredPair { score, same }
    }

    #[test]
    fn the_best_threshold_is_between_the_pairs_it_separates() {
        let list = [pair(0.9, true), pair(0.6, true), pair(0.5, false), pair(0.1, false), pair(0.05, true)];
        let f = pairs(&list, Some(0.55)).unwrap();
        assert!((f.accuracy - 0.8).abs() < 1e-9 && f.threshold > 0.5 && f.threshold < 0.6, "{f:?}");
        assert_eq!(f.accuracy_at_shipped, Some(0.8));
        assert!(pairs(&[], None).is_none());
    }

    #[test]
    fn equal_scores_cannot_be_separated() {
        let f = pairs(&[pair(0.5, true), pair(0.5, false)], None).unwrap();
        assert!((f.accuracy - 0.5).abs() < 1e-9);
    }

    #[test]
    fn no_more_impostors_pass_than_the_rate_allows() {
        let all = AllPairs {
            genuine: vec![0.9, 0.2],
            impostor: (0..100).map(|i| 0.5 - i as f32 * 0.001).collect(),
        };
        let point = all.at(0.05).unwrap();
        assert_eq!(all.impostor.iter().filter(|s| **s >= point.threshold).count(), 5);
        assert!((point.tar - 0.5).abs() < 1e-9);
        assert!(all.at(0.001).is_none(), "100 pairs cannot speak of one in a thousand");
    }

    #[test]
    fn the_probability_curve_recovers_its_own_slope() {
        // Scores drawn on a grid with exactly the odds of slope 20 and intercept -6.
        let mut all = AllPairs::default();
        for i in 0..2000 {
            let s = i as f32 / 2000.0;
            let p = 1.0 / (1.0 + (-(20.0 * s - 6.0)).exp());
            for k in 0..20 {
                if (k as f32 + 0.5) / 20.0 < p { all.genuine.push(s) } else { all.impostor.push(s) }
            }
        }
        let (slope, intercept) = all.logistic().unwrap();
        // Weighting both sides equally shifts the intercept by the log odds of the sizes.
        let shift = (all.impostor.len() as f32 / all.genuine.len() as f32).ln();
        assert!((slope - 20.0).abs() < 1.5, "slope {slope}");
        assert!((intercept - (-6.0 + shift)).abs() < 0.6, "intercept {intercept}, wanted {}", -6.0 + shift);
    }

    #[test]
    fn identification_counts_strangers_and_wrong_names() {
        let v = |deg: f32| vec![deg.to_radians().cos(), deg.to_radians().sin()];
        let (a, a2, b, b2, c) = (v(0.0), v(10.0), v(90.0), v(30.0), v(200.0));
        let list = [("A", &a), ("A", &a2), ("B", &b), ("B", &b2), ("C", &c)]
            .map(|(identity, vector)| Labelled { identity, vector });
        let f = identification(&list, Some(&|_| MatchLimits { threshold: 0.9, margin: 0.0 })).unwrap();
        assert_eq!((f.people, f.probes), (3, 2));
        assert!((f.top1 - 0.5).abs() < 1e-9, "B2 is nearer to A: {f:?}");
        assert_eq!((f.tpir_at_shipped, f.fpir_at_shipped), (Some(0.5), Some(0.0)));
        let strict = identification(&list, Some(&|_| MatchLimits { threshold: 0.9, margin: 0.8 })).unwrap();
        assert_eq!(strict.tpir_at_shipped, Some(0.5), "the probe at 10 degrees leads by .81");
    }

    #[test]
    fn liveness_rates_speak_only_of_what_was_there() {
        let f = liveness(&[(0.9, true), (0.4, true), (0.6, false), (0.1, false)], 0.5);
        assert_eq!((f.apcer, f.bpcer, f.auc), (Some(0.5), Some(0.5), Some(0.75)));
        let real_only = liveness(&[(0.9, true)], 0.5);
        assert_eq!((real_only.apcer, real_only.bpcer, real_only.auc), (None, Some(0.0), None));
    }
}

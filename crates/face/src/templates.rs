//! A person's templates in, advice out: whether the person should be asked for new photos. Which photos stay is
//! simpler: those of best quality, and photos only. Nothing is learned from cameras: a gallery that learns from
//! its own answers learns its own mistakes, and one wrong match that is kept lets the next wrong one in.

use serde::Serialize;

use crate::matching::MatchLimits;

/// Photos that a person should have enrolled.
const WANTED: usize = 3;
/// Age of the newest photo after which new ones are asked for, in days.
const OLD: f64 = 730.0;
/// Least quality that one photo should have, 0 to 1. A tenth of LFW is below.
const LEAST_QUALITY: f32 = 0.2;
/// Fall of the scores after which new photos are asked for: share of what they once had above the threshold.
const FALL: f32 = 0.33;
/// Scores without which nothing is said about where they go.
const SCORES_FOR_A_TREND: usize = 20;

/// One template of a person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Template {
    /// [`Quality::score`](crate::Quality) of its photo, 0 to 1.
    pub quality: f32,
    /// Days since it was enrolled.
    pub age_days: f64,
}

/// Why a person should be asked for new photos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoReason {
    /// Fewer photos than wanted are enrolled.
    TooFew,
    /// The newest photo is old.
    TooOld,
    /// No photo has the quality that is wanted.
    LowQuality,
    /// The person is recognised with lower and lower scores.
    ScoresFalling,
}

/// Why the person should be asked for new photos; empty when there is no reason. `recent` holds the scores of
/// the person's matches, oldest first. The numbers behind it are judgement, not measurement.
pub fn needs_new_photos(templates: &[Template], recent: &[f32], limits: &MatchLimits) -> Vec<PhotoReason> {
    let mut reasons = Vec::new();
    let mut when = |so: bool, reason| {
        if so {
            reasons.push(reason);
        }
    };
    when(templates.len() < WANTED, PhotoReason::TooFew);
    let any = !templates.is_empty();
    when(any && templates.iter().all(|t| t.age_days > OLD), PhotoReason::TooOld);
    when(any && templates.iter().all(|t| t.quality < LEAST_QUALITY), PhotoReason::LowQuality);
    if recent.len() >= SCORES_FOR_A_TREND {
        let (old, new) = recent.split_at(recent.len() / 2);
        let (old, new) = (median(old), median(new));
        when(old - new > FALL * (old - limits.threshold), PhotoReason::ScoresFalling);
    }
    reasons
}

fn median(scores: &[f32]) -> f32 {
    let mut sorted = scores.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f32::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: MatchLimits = MatchLimits { threshold: 0.4, margin: 0.03 };

    #[test]
    fn each_reason_to_ask_for_photos_is_named_and_only_it() {
        let good = vec![Template { quality: 0.5, age_days: 1.0 }; 3];
        let asked = |list: &[Template], recent: &[f32]| needs_new_photos(list, recent, &LIMITS);
        let steady = vec![0.7; 40];
        assert_eq!(asked(&good, &steady), vec![]);
        assert_eq!(asked(&good[..2], &steady), vec![PhotoReason::TooFew]);
        let old: Vec<_> = good.iter().map(|t| Template { age_days: 800.0, ..*t }).collect();
        assert_eq!(asked(&old, &steady), vec![PhotoReason::TooOld]);
        assert_eq!(asked(&[&old[..], &good[..1]].concat(), &steady), vec![], "one new photo is enough");
        let dim: Vec<_> = good.iter().map(|t| Template { quality: 0.1, ..*t }).collect();
        assert_eq!(asked(&dim, &steady), vec![PhotoReason::LowQuality]);
        let falling: Vec<f32> = (0..40).map(|i| 0.8 - 0.008 * i as f32).collect();
        assert_eq!(asked(&good, &falling), vec![PhotoReason::ScoresFalling]);
        assert_eq!(asked(&good, &falling[..10]), vec![], "ten scores are no trend");
        assert_eq!(asked(&[], &[]), vec![PhotoReason::TooFew]);
    }
}

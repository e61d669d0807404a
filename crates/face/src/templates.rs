//! A person's templates in, advice out: whether a face seen at a camera should become a template, and
//! whether the person should be asked for new photos.
//!
//! A gallery that learns from its own answers learns its own mistakes: one wrong match that is kept lets the
//! next wrong one in. So nothing is taken over unless an operator switches it on, and then only a face that
//! is alive, far above the threshold, near an enrolled photo, and unlike the templates that are there. Photos
//! of the enrolment are never replaced: they are the anchor that whatever is learned must stay near.

use serde::{Deserialize, Serialize};

use crate::evaluation::cosine;
use crate::matching::MatchLimits;

/// One template of a person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Template<'a> {
    /// Unit vector.
    pub vector: &'a [f32],
    /// [`Quality::score`](crate::Quality) of its photo, 0 to 1.
    pub quality: f32,
    /// Days since the photo was taken.
    pub age_days: f64,
    /// From a photo that was enrolled; false for a face taken over from a camera.
    pub enrolled: bool,
}

/// A face that was matched with the person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accepted<'a> {
    /// Unit vector.
    pub vector: &'a [f32],
    /// Score of the match.
    pub score: f32,
    /// Best score of any other person.
    pub second: Option<f32>,
    /// Its quality, 0 to 1.
    pub quality: f32,
    /// The liveness verdict.
    pub is_alive: Option<bool>,
}

/// When templates change and when photos are asked for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpdatePolicy {
    /// Whether faces from cameras become templates at all.
    pub automatic: bool,
    /// Most templates of a person.
    pub max_templates: usize,
    /// Most of them that were not enrolled.
    pub max_learned: usize,
    /// How far above the threshold a face must be to be taken over: share of the way from it to 1.
    pub certainty: f32,
    /// From where on a face is covered by a template: share of the same way.
    pub coverage: f32,
    /// Least quality of a template, 0 to 1. A tenth of LFW is below 0.2.
    pub min_quality: f32,
    /// Photos that a person should have enrolled.
    pub wanted_photos: usize,
    /// Age of the newest enrolled photo after which new ones are asked for, in days.
    pub max_age_days: f64,
    /// Fall of the scores after which new photos are asked for: share of what they once had above the threshold.
    pub fall: f32,
}

impl Default for UpdatePolicy {
    fn default() -> Self {
        Self {
            automatic: false,
            max_templates: 8,
            max_learned: 3,
            certainty: 0.4,
            coverage: 0.7,
            min_quality: 0.2,
            wanted_photos: 3,
            max_age_days: 730.0,
            fall: 0.33,
        }
    }
}

/// What to do with a face that was matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// Keep it as a further template.
    Add,
    /// Keep it in place of the template with this index, which was not enrolled.
    Replace(usize),
    /// Leave the templates as they are.
    Ignore(Ignored),
}

/// Why a face does not become a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ignored {
    /// Taking faces over is switched off.
    SwitchedOff,
    /// No liveness model said that it is alive.
    NotAlive,
    /// Its quality is too low.
    LowQuality,
    /// The match was not far above the threshold, or another person was near.
    Uncertain,
    /// No enrolled photo is near it: it was matched by what had been learned.
    FarFromEnrolled,
    /// A template covers it already.
    Covered,
    /// Every place is taken by a template that is worth more.
    NoPlace,
}

/// Whether a matched face becomes a template of the person. `limits` are those of the match.
pub fn update(
    templates: &[Template<'_>],
    face: &Accepted<'_>,
    limits: &MatchLimits,
    policy: &UpdatePolicy,
) -> Update {
    let above = |share: f32| limits.threshold + share * (1.0 - limits.threshold);
    let near = |t: &Template<'_>| cosine(face.vector, t.vector);
    let nearest = |enrolled: bool| {
        let of = templates.iter().filter(|t| t.enrolled || !enrolled);
        of.map(near).fold(f32::NEG_INFINITY, f32::max)
    };
    let rival = face.second.is_some_and(|second| face.score - second < 2.0 * limits.margin);
    let refusal = if !policy.automatic {
        Some(Ignored::SwitchedOff)
    } else if face.is_alive != Some(true) {
        Some(Ignored::NotAlive)
    } else if face.quality < policy.min_quality {
        Some(Ignored::LowQuality)
    } else if face.score < above(policy.certainty) || rival {
        Some(Ignored::Uncertain)
    } else if nearest(true) < limits.threshold {
        Some(Ignored::FarFromEnrolled)
    } else if nearest(false) >= above(policy.coverage) {
        Some(Ignored::Covered)
    } else {
        None
    };
    if let Some(reason) = refusal {
        return Update::Ignore(reason);
    }
    let learned = templates.iter().filter(|t| !t.enrolled).count();
    if learned < policy.max_learned && templates.len() < policy.max_templates {
        return Update::Add;
    }
    // The learned template that the others cover best is missed least; the face must be covered less.
    let covered = |i: usize, t: &Template<'_>| {
        let others = templates.iter().enumerate().filter(|(j, _)| *j != i);
        others.map(|(_, other)| cosine(t.vector, other.vector)).fold(f32::NEG_INFINITY, f32::max)
    };
    let replaceable = templates.iter().enumerate().filter(|(_, t)| !t.enrolled);
    let weakest = replaceable.map(|(i, t)| (i, covered(i, t))).max_by(|a, b| a.1.total_cmp(&b.1));
    match weakest {
        Some((i, coverage)) if nearest(false) < coverage => Update::Replace(i),
        _ => Update::Ignore(Ignored::NoPlace),
    }
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

/// Scores without which nothing is said about where they go.
const SCORES_FOR_A_TREND: usize = 20;

/// Why the person should be asked for new photos; empty when there is no reason. `recent` holds the scores of
/// the person's matches, oldest first.
pub fn needs_new_photos(
    templates: &[Template<'_>],
    recent: &[f32],
    limits: &MatchLimits,
    policy: &UpdatePolicy,
) -> Vec<PhotoReason> {
    let enrolled: Vec<&Template<'_>> = templates.iter().filter(|t| t.enrolled).collect();
    let mut reasons = Vec::new();
    let mut when = |so: bool, reason| {
        if so {
            reasons.push(reason);
        }
    };
    when(enrolled.len() < policy.wanted_photos, PhotoReason::TooFew);
    let any = !enrolled.is_empty();
    when(any && enrolled.iter().all(|t| t.age_days > policy.max_age_days), PhotoReason::TooOld);
    when(any && enrolled.iter().all(|t| t.quality < policy.min_quality), PhotoReason::LowQuality);
    if recent.len() >= SCORES_FOR_A_TREND {
        let (old, new) = recent.split_at(recent.len() / 2);
        let (old, new) = (median(old), median(new));
        when(old - new > policy.fall * (old - limits.threshold), PhotoReason::ScoresFalling);
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

    fn at(degrees: f32) -> Vec<f32> {
        vec![degrees.to_radians().cos(), degrees.to_radians().sin()]
    }

    fn policy() -> UpdatePolicy {
        UpdatePolicy { automatic: true, ..UpdatePolicy::default() }
    }

    fn template(vector: &[f32], enrolled: bool) -> Template<'_> {
        Template { vector, quality: 0.5, age_days: 1.0, enrolled }
    }

    fn face(vector: &[f32]) -> Accepted<'_> {
        Accepted { vector, score: 0.75, second: Some(0.1), quality: 0.5, is_alive: Some(true) }
    }

    #[test]
    fn nothing_is_learned_unless_somebody_switched_it_on() {
        let (anchor, new) = (at(0.0), at(40.0));
        let given = [template(&anchor, true)];
        let off = update(&given, &face(&new), &LIMITS, &UpdatePolicy::default());
        assert_eq!(off, Update::Ignore(Ignored::SwitchedOff));
        assert_eq!(update(&given, &face(&new), &LIMITS, &policy()), Update::Add);
    }

    #[test]
    fn a_print_a_blur_a_doubt_and_a_twin_teach_nothing() {
        let (anchor, new) = (at(0.0), at(40.0));
        let given = [template(&anchor, true)];
        let refused = |face: Accepted<'_>, reason| {
            assert_eq!(update(&given, &face, &LIMITS, &policy()), Update::Ignore(reason));
        };
        refused(Accepted { is_alive: Some(false), ..face(&new) }, Ignored::NotAlive);
        refused(Accepted { is_alive: None, ..face(&new) }, Ignored::NotAlive);
        refused(Accepted { quality: 0.1, ..face(&new) }, Ignored::LowQuality);
        refused(Accepted { score: 0.5, ..face(&new) }, Ignored::Uncertain);
        refused(Accepted { second: Some(0.7), ..face(&new) }, Ignored::Uncertain);
    }

    #[test]
    fn learned_templates_cannot_walk_away_from_the_enrolled_ones() {
        // Each step is near the one before, the last is another person by the enrolled photo.
        let (anchor, learned, next) = (at(0.0), at(50.0), at(90.0));
        let given = [template(&anchor, true), template(&learned, false)];
        assert_eq!(
            update(&given, &face(&next), &LIMITS, &policy()),
            Update::Ignore(Ignored::FarFromEnrolled)
        );
    }

    #[test]
    fn what_a_template_covers_is_not_kept_twice() {
        let (anchor, same) = (at(0.0), at(10.0));
        let given = [template(&anchor, true)];
        assert_eq!(update(&given, &face(&same), &LIMITS, &policy()), Update::Ignore(Ignored::Covered));
    }

    #[test]
    fn the_template_that_is_missed_least_makes_room_and_no_enrolled_one_does() {
        let vectors = [at(0.0), at(2.0), at(40.0), at(43.0), at(90.0)];
        let mut given: Vec<Template<'_>> = vectors.iter().map(|v| template(v, false)).collect();
        given[0].enrolled = true;
        given[1].enrolled = true;
        let new = at(-36.0);
        let answer = update(&given, &face(&new), &LIMITS, &policy());
        assert_eq!(answer, Update::Replace(3), "40 and 43 degrees say the same, the later of equals goes");
        for t in &mut given {
            t.enrolled = true;
        }
        let full = UpdatePolicy { max_templates: 5, ..policy() };
        assert_eq!(update(&given, &face(&new), &LIMITS, &full), Update::Ignore(Ignored::NoPlace));
    }

    #[test]
    fn each_reason_to_ask_for_photos_is_named_and_only_it() {
        let v = at(0.0);
        let good = vec![template(&v, true); 3];
        let asked = |list: &[Template<'_>], recent: &[f32]| {
            needs_new_photos(list, recent, &LIMITS, &UpdatePolicy::default())
        };
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

    #[test]
    fn learned_templates_do_not_stand_in_for_photos() {
        let v = at(0.0);
        let learned = vec![template(&v, false); 3];
        let reasons = needs_new_photos(&learned, &[], &LIMITS, &UpdatePolicy::default());
        assert_eq!(reasons, vec![PhotoReason::TooFew]);
    }
}

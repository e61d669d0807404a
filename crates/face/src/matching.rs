//! Scores of enrolled templates in, an open-set decision out: who each face of a frame is, or that
//! nobody enrolled is.

use std::collections::HashMap;

use innkeeper_core::EmployeeId;
use serde::{Deserialize, Serialize};

use crate::Calibration;

/// When the best of several people is a match. [`Calibration::limits`] makes it for a gallery.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatchLimits {
    /// Lowest cosine of a match.
    pub threshold: f32,
    /// How much better the best person must be than the second, in cosine.
    pub margin: f32,
}

impl MatchLimits {
    /// With the operator's numbers in place of the computed ones.
    pub fn overridden(self, by: &Overrides) -> Self {
        Self { threshold: by.threshold.unwrap_or(self.threshold), margin: by.margin.unwrap_or(self.margin) }
    }
}

/// Numbers that an operator set, for the hotel or for one camera. They are taken as they are: no step for
/// the size of the gallery is added.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Overrides {
    /// Lowest cosine of a match.
    pub threshold: Option<f32>,
    /// Least distance to the second person, in cosine.
    pub margin: Option<f32>,
}

impl Overrides {
    /// These numbers, and `wider` where nothing is said: `camera.or(&hotel)`.
    pub fn or(self, wider: &Self) -> Self {
        Self { threshold: self.threshold.or(wider.threshold), margin: self.margin.or(wider.margin) }
    }
}

/// One template that was found near a face.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateScore {
    /// Whose template it is.
    pub owner: EmployeeId,
    /// Cosine between face and template.
    pub score: f32,
}

/// What is known about one person near a face.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The person.
    pub owner: EmployeeId,
    /// How near: [`fused`] over all templates of the person, or the best template's cosine.
    pub score: f32,
    /// Best cosine between the face and the faces of which somebody said that they are not this person.
    pub negative: Option<f32>,
}

impl Candidate {
    /// Whether the face is about as near to somebody who was mistaken for this person.
    fn denied(&self, margin: f32) -> bool {
        self.negative.is_some_and(|negative| self.score - negative < margin)
    }
}

/// Each person with their best template, best person first; nothing is known against anybody.
pub fn candidates(scores: &[TemplateScore]) -> Vec<Candidate> {
    let mut best: HashMap<&EmployeeId, f32> = HashMap::new();
    for s in scores {
        let entry = best.entry(&s.owner).or_insert(s.score);
        *entry = entry.max(s.score);
    }
    let people =
        best.into_iter().map(|(owner, score)| Candidate { owner: owner.clone(), score, negative: None });
    sorted(people.collect())
}

fn sorted(mut people: Vec<Candidate>) -> Vec<Candidate> {
    people.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.owner.cmp(&b.owner)));
    people
}

/// Cosine between a face and the mean direction of all templates of a person: what one bad photo cannot
/// pull up or down alone. `None` without templates, or when they cancel out.
pub fn fused(face: &[f32], templates: &[&[f32]]) -> Option<f32> {
    let mut mean = vec![0.0f32; face.len()];
    for template in templates {
        for (sum, value) in mean.iter_mut().zip(*template) {
            *sum += value;
        }
    }
    let norm = mean.iter().map(|v| v * v).sum::<f32>().sqrt();
    (norm > f32::EPSILON).then(|| face.iter().zip(&mean).map(|(a, b)| a * b).sum::<f32>() / norm)
}

/// Why a face has no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownReason {
    /// Nobody is enrolled.
    NobodyEnrolled,
    /// The nearest person is not near enough.
    BelowThreshold,
    /// Two people are about equally near.
    Ambiguous,
    /// Near enough to a person, but as near to a face of which somebody said that it is not this person.
    NotThisPerson,
    /// The person is in the frame already, with a better score: nobody stands in two places.
    AlreadyMatched,
}

/// Who a face is.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The person, when there is a match.
    pub owner: Option<EmployeeId>,
    /// Score of the person the decision speaks of: who matched, or who came nearest to it.
    pub score: Option<f32>,
    /// Best score of any other person.
    pub second: Option<f32>,
    /// Why there is no match.
    pub reason: Option<UnknownReason>,
}

/// Decides one face on its own.
fn decide_one(people: &[Candidate], limits: MatchLimits) -> Decision {
    let people = sorted(people.to_vec());
    let (denied, possible): (Vec<&Candidate>, Vec<&Candidate>) =
        people.iter().partition(|c| c.denied(limits.margin));
    let score = |list: &[&Candidate], i: usize| list.get(i).map(|c| c.score);
    // A person who is out is no rival either, or the right one would be ambiguous for ever.
    let reason = match (score(&possible, 0), score(&possible, 1)) {
        (None, _) if denied.is_empty() => Some(UnknownReason::NobodyEnrolled),
        (None, _) => Some(UnknownReason::BelowThreshold),
        (Some(s), _) if s < limits.threshold => Some(UnknownReason::BelowThreshold),
        (Some(s), Some(t)) if s - t < limits.margin => Some(UnknownReason::Ambiguous),
        _ => None,
    };
    match (reason, denied.first()) {
        (Some(_), Some(out)) if out.score >= limits.threshold => Decision {
            owner: None,
            score: Some(out.score),
            second: people.iter().find(|c| c.owner != out.owner).map(|c| c.score),
            reason: Some(UnknownReason::NotThisPerson),
        },
        (Some(reason), _) => {
            let all: Vec<&Candidate> = people.iter().collect();
            Decision { owner: None, score: score(&all, 0), second: score(&all, 1), reason: Some(reason) }
        }
        (None, _) => Decision {
            owner: possible.first().map(|c| c.owner.clone()),
            score: score(&possible, 0),
            second: score(&possible, 1),
            reason: None,
        },
    }
}

/// Decides every face of one frame; `faces[i]` holds the people near face `i`, each once. A person is matched
/// at most once, by the face that is nearest.
pub fn decide(faces: &[Vec<Candidate>], limits: &MatchLimits) -> Vec<Decision> {
    let mut decisions: Vec<Decision> = faces.iter().map(|people| decide_one(people, *limits)).collect();
    let mut winners: HashMap<EmployeeId, usize> = HashMap::new();
    for i in 0..decisions.len() {
        let Some(owner) = decisions[i].owner.clone() else { continue };
        let loser = match winners.get(&owner) {
            Some(&rival) if decisions[rival].score >= decisions[i].score => Some(i),
            Some(&rival) => {
                winners.insert(owner, i);
                Some(rival)
            }
            None => {
                winners.insert(owner, i);
                None
            }
        };
        if let Some(loser) = loser {
            decisions[loser].owner = None;
            decisions[loser].reason = Some(UnknownReason::AlreadyMatched);
        }
    }
    decisions
}

/// Whether a face shows the one person it is said to show.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// Whether it does.
    #[serde(rename = "match")]
    pub matched: bool,
    /// [`fused`] cosine between the face and the person's templates.
    pub score: f32,
    /// Probability of one person, see [`Calibration::confidence`].
    pub confidence: f32,
    /// Lowest cosine of a match.
    pub threshold: f32,
    /// Why it does not match.
    pub reason: Option<UnknownReason>,
}

/// Compares a face with one person. There is one comparison, so the threshold is that of pairs, however
/// many people are enrolled. `person` holds the score against this person's templates and what speaks
/// against them.
pub fn verify(person: &Candidate, calibration: &Calibration, set: &Overrides) -> Verification {
    let limits = MatchLimits { threshold: calibration.threshold, margin: calibration.margin }.overridden(set);
    let reason = decide_one(std::slice::from_ref(person), limits).reason;
    Verification {
        matched: reason.is_none(),
        score: person.score,
        confidence: calibration.confidence(person.score),
        threshold: limits.threshold,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: MatchLimits = MatchLimits { threshold: 0.3, margin: 0.05 };

    fn scores(list: &[(&str, f32)]) -> Vec<Candidate> {
        let templates: Vec<TemplateScore> =
            list.iter().map(|(o, s)| TemplateScore { owner: o.parse().unwrap(), score: *s }).collect();
        candidates(&templates)
    }

    fn denied(mut people: Vec<Candidate>, owner: &str, negative: f32) -> Vec<Candidate> {
        people.iter_mut().find(|c| c.owner.as_str() == owner).unwrap().negative = Some(negative);
        people
    }

    fn names(decisions: &[Decision]) -> Vec<Option<&str>> {
        decisions.iter().map(|d| d.owner.as_ref().map(EmployeeId::as_str)).collect()
    }

    #[test]
    fn the_best_of_a_persons_templates_counts_and_their_own_second_is_no_rival() {
        let d = decide(&[scores(&[("A", 0.5), ("A", 0.49), ("B", 0.2)])], &LIMITS);
        assert_eq!(names(&d), vec![Some("A")]);
        assert_eq!((d[0].score, d[0].second), (Some(0.5), Some(0.2)));
    }

    #[test]
    fn a_stranger_and_an_empty_gallery_are_unknown_for_different_reasons() {
        let d = decide(&[scores(&[("A", 0.29)]), vec![]], &LIMITS);
        assert_eq!(names(&d), vec![None, None]);
        assert_eq!(d[0].reason, Some(UnknownReason::BelowThreshold));
        assert_eq!(d[1].reason, Some(UnknownReason::NobodyEnrolled));
    }

    #[test]
    fn twins_are_not_guessed() {
        let d = decide(&[scores(&[("A", 0.5), ("B", 0.47)])], &LIMITS);
        assert_eq!(d[0].reason, Some(UnknownReason::Ambiguous));
    }

    #[test]
    fn nobody_is_recognised_twice_in_one_frame() {
        let d = decide(&[scores(&[("A", 0.5)]), scores(&[("A", 0.8)]), scores(&[("A", 0.6)])], &LIMITS);
        assert_eq!(names(&d), vec![None, Some("A"), None]);
        assert_eq!(d[0].reason, Some(UnknownReason::AlreadyMatched));
        assert_eq!(d[2].reason, Some(UnknownReason::AlreadyMatched));
    }

    #[test]
    fn a_face_that_somebody_denied_is_not_that_person_again_and_the_next_may_match() {
        let near = scores(&[("A", 0.6), ("B", 0.58)]);
        let d = decide(&[denied(near.clone(), "A", 0.58)], &LIMITS);
        assert_eq!(names(&d), vec![Some("B")], "a denied person is no rival either");
        assert_eq!((d[0].score, d[0].second), (Some(0.58), None));

        let d = decide(&[denied(scores(&[("A", 0.6), ("B", 0.1)]), "A", 0.9)], &LIMITS);
        assert_eq!(d[0].reason, Some(UnknownReason::NotThisPerson));
        assert_eq!((d[0].score, d[0].second), (Some(0.6), Some(0.1)));
    }

    #[test]
    fn a_negative_does_not_lock_out_the_person_themselves() {
        let d = decide(&[denied(scores(&[("A", 0.7), ("B", 0.1)]), "A", 0.5)], &LIMITS);
        assert_eq!(names(&d), vec![Some("A")]);
    }

    #[test]
    fn a_far_face_is_below_the_threshold_whatever_was_denied() {
        let d = decide(&[denied(scores(&[("A", 0.2)]), "A", 0.9)], &LIMITS);
        assert_eq!((d[0].reason, d[0].score), (Some(UnknownReason::BelowThreshold), Some(0.2)));
    }

    #[test]
    fn the_camera_speaks_before_the_hotel_and_both_before_the_calibration() {
        let hotel = Overrides { threshold: Some(0.5), margin: Some(0.1) };
        let camera = Overrides { threshold: Some(0.2), margin: None };
        let limits = LIMITS.overridden(&camera.or(&hotel));
        assert_eq!(limits, MatchLimits { threshold: 0.2, margin: 0.1 });
        assert_eq!(LIMITS.overridden(&Overrides::default()), LIMITS);
    }

    #[test]
    fn photos_of_one_person_are_averaged_not_maximised() {
        let at = |degrees: f32| vec![degrees.to_radians().cos(), degrees.to_radians().sin()];
        let (face, a, b) = (at(0.0), at(10.0), at(50.0));
        let score = fused(&face, &[&a, &b]).unwrap();
        assert!((score - 30f32.to_radians().cos()).abs() < 1e-6, "{score}");
        assert_eq!(fused(&face, &[]), None);
        assert_eq!(fused(&face, &[&at(0.0), &at(180.0)]), None);
    }

    #[test]
    fn one_comparison_needs_the_threshold_of_pairs_only() {
        let shipped = Calibration::shipped(&"edgeface-xs@q-a9ae3bc8".parse().unwrap()).unwrap();
        let between = f32::midpoint(shipped.threshold, shipped.limits(1000).threshold);
        let person = Candidate { owner: "A".parse().unwrap(), score: between, negative: None };
        let answer = verify(&person, &shipped, &Overrides::default());
        assert!(answer.matched && answer.confidence > 0.9, "{answer:?}");
        assert_eq!(decide(&[vec![person.clone()]], &shipped.limits(1000))[0].owner, None);
        let strict = verify(&person, &shipped, &Overrides { threshold: Some(0.9), margin: None });
        assert_eq!((strict.matched, strict.reason), (false, Some(UnknownReason::BelowThreshold)));
        let mistaken = Candidate { negative: Some(between), ..person };
        let answer = verify(&mistaken, &shipped, &Overrides::default());
        assert_eq!((answer.matched, answer.reason), (false, Some(UnknownReason::NotThisPerson)));
    }
}

//! Scores of enrolled templates in, an open-set decision out: who each face of a frame is, or that
//! nobody enrolled is.

use std::collections::HashMap;

use innkeeper_core::EmployeeId;
use serde::Serialize;

/// When a best score is a match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatchLimits {
    /// Lowest cosine of a match.
    pub threshold: f32,
    /// How much better the best person must be than the second, in cosine.
    pub margin: f32,
}

/// One template that was found near a face.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateScore {
    /// Whose template it is.
    pub owner: EmployeeId,
    /// Cosine between face and template.
    pub score: f32,
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
    /// The person is in the frame already, with a better score: nobody stands in two places.
    AlreadyMatched,
}

/// Who a face is.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The person, when there is a match.
    pub owner: Option<EmployeeId>,
    /// Best cosine over all templates, when there was any.
    pub score: Option<f32>,
    /// Best cosine of any other person.
    pub second: Option<f32>,
    /// Why there is no match.
    pub reason: Option<UnknownReason>,
}

/// Each person's best template, best person first.
fn by_person(scores: &[TemplateScore]) -> Vec<(&EmployeeId, f32)> {
    let mut best: HashMap<&EmployeeId, f32> = HashMap::new();
    for s in scores {
        let entry = best.entry(&s.owner).or_insert(s.score);
        *entry = entry.max(s.score);
    }
    let mut people: Vec<_> = best.into_iter().collect();
    people.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    people
}

/// Decides every face of one frame; `faces[i]` holds the nearest templates of face `i`. A person is
/// matched at most once, by the face that is nearest.
pub fn decide(faces: &[Vec<TemplateScore>], limits: &MatchLimits) -> Vec<Decision> {
    let mut decisions: Vec<Decision> = faces
        .iter()
        .map(|scores| {
            let people = by_person(scores);
            let score = people.first().map(|p| p.1);
            let second = people.get(1).map(|p| p.1);
            let reason = match (score, second) {
                (None, _) => Some(UnknownReason::NobodyEnrolled),
                (Some(s), _) if s < limits.threshold => Some(UnknownReason::BelowThreshold),
                (Some(s), Some(t)) if s - t < limits.margin => Some(UnknownReason::Ambiguous),
                _ => None,
            };
            let owner = if reason.is_none() { people.first().map(|p| p.0.clone()) } else { None };
            Decision { owner, score, second, reason }
        })
        .collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: MatchLimits = MatchLimits { threshold: 0.3, margin: 0.05 };

    fn scores(list: &[(&str, f32)]) -> Vec<TemplateScore> {
        list.iter().map(|(o, s)| TemplateScore { owner: o.parse().unwrap(), score: *s }).collect()
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
}

//! A list for one guest, with the reasons that its scores rest on.

use chrono::NaiveDate;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::context::{Context, Party, StayStage};
use super::features::{MOMENTUM, POPULARITY, Shared};
use super::fit::ServiceModel;
use super::history::{GuestHistory, Past};
use super::learnt::{LogOdds, best_first};
use super::slate::{Policy, Slate, pool};

/// Items of the history whose part in a score is examined: those with the largest.
const EXAMINED: usize = 5;

/// Pieces of evidence named beside the reason.
const NAMED: usize = 3;

/// Who asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Request<'a> {
    /// What the guest took before, in any order; empty for a newcomer.
    pub history: &'a [Past],
    /// The day of the offer; rows of the history on it or later are not read.
    pub as_of: NaiveDate,
    /// The stay's circumstances.
    pub context: &'a Context,
    /// Whether things taken before may be offered again.
    pub repeats: bool,
    /// Entries wanted; fewer come when fewer are available.
    pub k: usize,
    /// Of the lots that are drawn for exploration.
    pub seed: u64,
}

/// Why an item has its score. Each is true of the score: without it the score would be lower.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Reason {
    /// Guests who took that item take this one.
    BecauseOfItem {
        /// The item of the guest's history.
        item: String,
    },
    /// Taken more by this kind of guest than by others.
    PopularWithSegment {
        /// The hotel's word for it.
        segment: String,
    },
    /// Taken more in this season than in others.
    UsualInSeason {
        /// The hotel's word for it.
        season: String,
    },
    /// Taken more by such parties than by others.
    UsualForParty {
        /// Who travels.
        party: Party,
    },
    /// Taken more at this stage of a stay than at others.
    UsuallyTakenAtThisStage {
        /// How far the stay has come.
        stage: StayStage,
    },
    /// The guest took it before.
    Repeat {
        /// Distinct days.
        times: usize,
        /// The last of them.
        last: NaiveDate,
    },
    /// Taken more often of late than before, against the mean item.
    TakenMoreLately,
    /// Taken more often than the mean item.
    Popular,
    /// Nothing raises its score above that of any other item: a lot, or the best of what is left.
    NothingInParticular,
}

/// A reason and what it is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What speaks for the item.
    pub reason: Reason,
    /// By how much the score would fall without it, above 0.
    pub score_fall: f64,
}

/// Why a score is not a probability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoProbability {
    /// Too little was taken in the last slice of the known time to see how often a score comes true.
    TooLittleTaken,
    /// Too few guests came for the first time in it.
    TooFewNewcomers,
}

/// An entry of the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// What to offer.
    pub item: String,
    /// 0 to 1, comparable within a list.
    pub score: f64,
    /// Probability that the guest takes the item within [`super::Summary::horizon_days`]; of a newcomer, that it
    /// is among what a guest who takes anything takes. Equal to `score` where it is given.
    pub probability: Option<f64>,
    /// Why there is none.
    pub no_probability: Option<NoProbability>,
    /// What the score owes most to.
    pub reason: Reason,
    /// The largest contributions, the largest first; empty only for [`Reason::NothingInParticular`].
    pub evidence: Vec<Evidence>,
    /// Probability with which this entry was put in its place, given those above it; above 0. To be logged.
    pub propensity: f64,
    /// Mean amount of the recorded uses; `None` when fewer than three have one. Not multiplied by the score.
    pub estimated_revenue: Option<f64>,
}

impl ServiceModel {
    /// The list for a guest. `available` is asked once for every item of the catalogue.
    ///
    /// Items outside the catalogue are never offered; unknown items in the history count as activity alone.
    pub fn recommend(&self, request: &Request<'_>, available: &dyn Fn(&str) -> bool) -> Vec<Recommendation> {
        if request.k == 0 {
            return Vec::new();
        }
        let guest = self.guest(request.history.iter(), request.as_of);
        let contest = self.contest(request, &guest, available);
        let policy = self.policy(request.k, contest.len());
        let scores: Vec<f64> = contest.iter().map(|(odds, _)| odds.score()).collect();
        let alike = |a: usize, b: usize| self.alike(&contest, a, b);
        let mut rng = ChaCha8Rng::seed_from_u64(request.seed);
        Slate::new(&policy, &scores, &alike)
            .draw(&mut rng)
            .into_iter()
            .filter_map(|(place, propensity)| {
                let (odds, item) = contest.get(place)?;
                Some(self.explain(request, &guest, *item, *odds, propensity))
            })
            .collect()
    }

    /// The probabilities with which this model would put `shown` in their places, each given those above it; 0
    /// for an entry that it would never put there. `request.k` is the length of the list it would draw.
    pub fn propensities(
        &self,
        request: &Request<'_>,
        available: &dyn Fn(&str) -> bool,
        shown: &[String],
    ) -> Vec<f64> {
        let guest = self.guest(request.history.iter(), request.as_of);
        let contest = self.contest(request, &guest, available);
        let policy = self.policy(request.k, contest.len());
        let scores: Vec<f64> = contest.iter().map(|(odds, _)| odds.score()).collect();
        let alike = |a: usize, b: usize| self.alike(&contest, a, b);
        let mut slate = Slate::new(&policy, &scores, &alike);
        shown
            .iter()
            .enumerate()
            .map(|(rank, name)| {
                let item = self.parts.history.places.get(name);
                let place = contest.iter().position(|(_, other)| Some(other) == item);
                place.filter(|_| rank < request.k).map_or(0.0, |place| {
                    let propensity = slate.propensity(place);
                    slate.take(place);
                    propensity
                })
            })
            .collect()
    }

    fn policy(&self, k: usize, candidates: usize) -> Policy {
        Policy {
            diversity: self.settings.diversity,
            exploration: self.settings.exploration,
            length: k.min(candidates),
        }
    }

    fn alike(&self, contest: &[(LogOdds, usize)], a: usize, b: usize) -> f64 {
        match (contest.get(a), contest.get(b)) {
            (Some((_, left)), Some((_, right))) => self.parts.tables.alike(*left, *right),
            _ => 0.0,
        }
    }

    pub(crate) fn guest<'a>(
        &self,
        history: impl Iterator<Item = &'a Past>,
        as_of: NaiveDate,
    ) -> GuestHistory {
        let rows = history.map(|past| (past.item.as_str(), past.day));
        GuestHistory::new(rows, &self.parts.history.places, as_of)
    }

    /// All items by score, for what the guest may be offered.
    pub(crate) fn ranking(
        &self,
        guest: &GuestHistory,
        context: &Context,
        repeats: bool,
    ) -> Vec<(f64, usize)> {
        let labels = self.parts.tables.labels(context);
        let ease = self.parts.ease.scores(guest);
        best_first(ease.iter().enumerate().filter(|(item, _)| repeats || guest.find(*item).is_none()).map(
            |(item, ease)| {
                let shared = self.parts.shared(*ease, item, &labels);
                (self.blend.log_odds(guest, item, &shared).value, item)
            },
        ))
    }

    /// The entries that compete for the list, the best first.
    fn contest(
        &self,
        request: &Request<'_>,
        guest: &GuestHistory,
        available: &dyn Fn(&str) -> bool,
    ) -> Vec<(LogOdds, usize)> {
        let mut ranking = self.ranking(guest, request.context, request.repeats);
        ranking.retain(|(_, item)| self.parts.history.items.get(*item).is_some_and(|name| available(name)));
        ranking.truncate(pool(request.k, ranking.len()));
        ranking
            .into_iter()
            .map(|(_, item)| (self.log_odds(guest, request.context, item, |_| {}), item))
            .collect()
    }

    /// The score of one item, after `change` to what it is made of.
    pub(crate) fn log_odds(
        &self,
        guest: &GuestHistory,
        context: &Context,
        item: usize,
        change: impl Fn(&mut Shared),
    ) -> LogOdds {
        let labels = self.parts.tables.labels(context);
        let mut shared = self.parts.shared(self.parts.ease_of(guest, item), item, &labels);
        change(&mut shared);
        self.blend.log_odds(guest, item, &shared)
    }

    /// Takes each piece of evidence away in turn and looks how far the score falls.
    fn explain(
        &self,
        request: &Request<'_>,
        guest: &GuestHistory,
        item: usize,
        odds: LogOdds,
        propensity: f64,
    ) -> Recommendation {
        let score = odds.score();
        let mut evidence: Vec<Evidence> = Vec::new();
        let mut weigh = |reason: Reason, without: LogOdds| {
            let score_fall = score - without.score();
            if score_fall > 0.0 {
                evidence.push(Evidence { reason, score_fall });
            }
        };
        let name = |place: usize| self.parts.history.items.get(place).cloned().unwrap_or_default();
        let without_item = |place: usize| {
            let gone = name(place);
            let left = self.guest(request.history.iter().filter(|past| past.item != gone), request.as_of);
            self.log_odds(&left, request.context, item, |_| {})
        };
        if let Some(owned) = guest.find(item) {
            let age = owned.ages.first().copied().unwrap_or(0);
            let last = request.as_of - chrono::TimeDelta::days(age);
            weigh(Reason::Repeat { times: owned.ages.len(), last }, without_item(item));
        }
        let mut sources: Vec<(f64, usize)> = guest
            .owned
            .iter()
            .filter(|owned| owned.item != item)
            .map(|owned| (self.parts.ease.weight(owned.item, item), owned.item))
            .filter(|(weight, _)| *weight > 0.0)
            .collect();
        sources.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, source) in sources.into_iter().take(EXAMINED) {
            weigh(Reason::BecauseOfItem { item: name(source) }, without_item(source));
        }
        let context = request.context;
        let labels = [
            context.segment.clone().map(|segment| Reason::PopularWithSegment { segment }),
            context.season.clone().map(|season| Reason::UsualInSeason { season }),
            context.party.map(|party| Reason::UsualForParty { party }),
            context.stage.map(|stage| Reason::UsuallyTakenAtThisStage { stage }),
        ];
        for (label, reason) in labels.into_iter().enumerate() {
            if let Some(reason) = reason {
                weigh(reason, self.log_odds(guest, &context.without(label), item, |_| {}));
            }
        }
        for (feature, values, reason) in [
            (MOMENTUM, &self.parts.tables.momentum, Reason::TakenMoreLately),
            (POPULARITY, &self.parts.tables.popularity, Reason::Popular),
        ] {
            let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
            // Only where the item is above the mean is the sentence true.
            if values.get(item).is_some_and(|value| *value > mean) {
                weigh(
                    reason,
                    self.log_odds(guest, context, item, |shared| {
                        if let Some(value) = shared.get_mut(feature) {
                            *value = mean;
                        }
                    }),
                );
            }
        }
        evidence.sort_by(|a, b| b.score_fall.total_cmp(&a.score_fall));
        evidence.truncate(NAMED);
        let reason =
            evidence.first().map_or(Reason::NothingInParticular, |strongest| strongest.reason.clone());
        Recommendation {
            item: name(item),
            score,
            probability: odds.calibrated.then_some(score),
            no_probability: (!odds.calibrated).then_some(if guest.owned.is_empty() {
                NoProbability::TooFewNewcomers
            } else {
                NoProbability::TooLittleTaken
            }),
            reason,
            evidence,
            propensity,
            estimated_revenue: self.parts.tables.amount(item),
        }
    }
}

//! Which shape the answer to a price has.

use serde::Serialize;

use super::fit::View;
use super::layout::Layout;
use super::poisson::{self, Fit, Prior};
use crate::{Family, Response};

/// Shares of those who ask that would pay the reference price, among which the logit is chosen. Near 0 it is log-linear.
const WOULD_PAY: [f64; 5] = [0.2, 0.4, 0.6, 0.75, 0.9];
/// A gain in log likelihood that is no accident: about what a likelihood-ratio test asks for at 5 %.
const GAIN: f64 = 2.0;

/// A family with what of it is not the elasticity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    Power,
    LogLinear,
    /// With the share that would pay the reference price.
    Logit(f64),
}

fn softplus(x: f64) -> f64 {
    if x > 30.0 { x } else { x.exp().ln_1p() }
}

impl Shape {
    pub fn family(self) -> Family {
        match self {
            Self::Power => Family::Power,
            Self::LogLinear => Family::LogLinear,
            Self::Logit(_) => Family::Logit,
        }
    }

    /// By how much a price of `ratio` times the reference price lowers the log rate when the elasticity at the reference
    /// price is `elasticity`, and the slope of that in the elasticity.
    pub fn loss(self, ratio: f64, elasticity: f64) -> (f64, f64) {
        match self {
            Self::Power => (elasticity * ratio.ln(), ratio.ln()),
            Self::LogLinear => (elasticity * (ratio - 1.0), ratio - 1.0),
            Self::Logit(pay) => {
                let odds = (pay / (1.0 - pay)).ln();
                let slope = (ratio - 1.0) / (1.0 - pay);
                let at = elasticity * slope - odds;
                (softplus(at) - softplus(-odds), slope / (1.0 + (-at).exp()))
            }
        }
    }

    /// The response with this elasticity at this reference price; both above 0.
    pub fn response(self, reference: f64, elasticity: f64) -> Response {
        let family = self.family();
        match self {
            Self::Power => Response { family, location: reference, scale: elasticity },
            Self::LogLinear => Response { family, location: reference, scale: reference / elasticity },
            Self::Logit(pay) => {
                let scale = reference * (1.0 - pay) / elasticity;
                Response { family, location: reference + scale * (pay / (1.0 - pay)).ln(), scale }
            }
        }
    }
}

/// How the family was chosen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FamilyChoice {
    /// The family.
    pub family: Family,
    /// Whether the data chose it: the other families are worse by more than chance. Otherwise it is the log-linear one,
    /// unless the data speak against that: its best price is never out of reach.
    pub by_data: bool,
    /// Penalised log likelihood of each family, less that of the best, divided by the overdispersion; 0 is the best. Empty
    /// where the history cannot tell what a price does.
    pub scores: Vec<(Family, f64)>,
}

impl FamilyChoice {
    /// Where nothing can be compared.
    pub(super) fn unknown() -> Self {
        Self { family: Family::LogLinear, by_data: false, scores: Vec::new() }
    }
}

/// Compares the families, one elasticity for all, on the same cells.
pub(super) fn choose(view: &View<'_>, prior: &Prior, start: &Fit, scale: f64) -> (Shape, FamilyChoice) {
    let shapes = [Shape::Power, Shape::LogLinear].into_iter().chain(WOULD_PAY.into_iter().map(Shape::Logit));
    let mut tried: Vec<(Shape, f64)> = Vec::new();
    for shape in shapes {
        let rows = View { shape, ..*view };
        let Some(fit) = poisson::fit(&rows, prior, 1.0, &start.beta) else { continue };
        // A logit has one number more, which was chosen too.
        let penalty = if matches!(shape, Shape::Logit(_)) { 1.0 } else { 0.0 };
        if fit.beta[Layout::PRICE] > 0.0 {
            tried.push((shape, fit.likelihood / scale - penalty));
        }
    }
    let best = tried.iter().map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max);
    let of = |family: Family| {
        tried
            .iter()
            .filter(|(shape, _)| shape.family() == family)
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(shape, score)| (*shape, score - best))
    };
    // The log-linear family comes first: it is taken where no other is clearly better.
    let found: Vec<(Shape, f64)> =
        [Family::LogLinear, Family::Logit, Family::Power].into_iter().filter_map(of).collect();
    let near = || found.iter().filter(|(_, score)| *score > -GAIN);
    let Some((shape, _)) = near().next().copied() else {
        return (Shape::LogLinear, FamilyChoice::unknown());
    };
    let choice = FamilyChoice {
        family: shape.family(),
        by_data: near().count() == 1 && found.len() > 1,
        scores: found.iter().map(|(shape, score)| (shape.family(), *score)).collect(),
    };
    (shape, choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_loses_what_the_regression_said() {
        for shape in [Shape::Power, Shape::LogLinear, Shape::Logit(0.3), Shape::Logit(0.8)] {
            let response = shape.response(80.0, 1.4);
            assert!((response.elasticity(80.0) - 1.4).abs() < 1e-9, "{shape:?}");
            for ratio in [0.5, 0.9, 1.3] {
                let (loss, slope) = shape.loss(ratio, 1.4);
                let seen = (response.share(80.0) / response.share(80.0 * ratio)).ln();
                assert!((loss - seen).abs() < 1e-9, "{shape:?} at {ratio}: {loss} and {seen}");
                let numeric = (shape.loss(ratio, 1.4 + 1e-6).0 - loss) / 1e-6;
                assert!((slope - numeric).abs() < 1e-4, "{shape:?} at {ratio}");
            }
        }
    }
}

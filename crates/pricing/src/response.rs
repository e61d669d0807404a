//! How demand answers to a price.

use serde::{Deserialize, Serialize};

/// Shapes that the answer of demand to a price may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// `exp(-(price - location) / scale)`: each unit of price loses the same share of the requests.
    LogLinear,
    /// `1 / (1 + exp((price - location) / scale))`: half of the requests would pay `location`.
    Logit,
    /// `(price / location)^-scale`: each percent of price loses the same share of the requests.
    Power,
}

/// Why a response is none.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ResponseError {
    /// A scale that is not above zero, or not a number.
    #[error("a scale of {0} is not above 0")]
    Scale(f64),
    /// A location that is not a number, or not above zero for a power.
    #[error("a location of {0} is not one")]
    Location(f64),
}

/// Requests that book at a price, as a share of those that come: in 0..=1 for `Logit`; for the other families relative to the
/// requests that would book at `location`, so that a rate of requests goes with each response.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// Its shape.
    pub family: Family,
    /// In units of price.
    #[serde(default)]
    pub location: f64,
    /// In units of price; for `Power` the elasticity, without a unit.
    pub scale: f64,
}

impl Response {
    /// Checks the numbers.
    ///
    /// # Errors
    /// [`ResponseError`] for a scale that is not above 0, or a location that the family cannot have.
    pub fn check(&self) -> Result<(), ResponseError> {
        if !(self.scale.is_finite() && self.scale > 0.0) {
            return Err(ResponseError::Scale(self.scale));
        }
        let placed = self.location.is_finite() && (self.family != Family::Power || self.location > 0.0);
        if placed { Ok(()) } else { Err(ResponseError::Location(self.location)) }
    }

    /// The share of requests that book at `price`, 0 or more.
    pub fn share(&self, price: f64) -> f64 {
        match self.family {
            Family::LogLinear => (-(price - self.location) / self.scale).exp(),
            Family::Logit => 1.0 / (1.0 + ((price - self.location) / self.scale).exp()),
            Family::Power => (price.max(f64::MIN_POSITIVE) / self.location).powf(-self.scale),
        }
    }

    /// Elasticity at `price`: percent of bookings lost for a percent of price, 0 or more for prices of 0 or more.
    pub fn elasticity(&self, price: f64) -> f64 {
        match self.family {
            Family::LogLinear => price / self.scale,
            Family::Logit => price / self.scale * (1.0 - self.share(price)),
            Family::Power => self.scale,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elasticity_is_the_slope_of_the_logarithms() {
        for family in [Family::LogLinear, Family::Logit, Family::Power] {
            let response = Response { family, location: 100.0, scale: 2.5 };
            let response =
                if family == Family::Power { response } else { Response { scale: 25.0, ..response } };
            let (price, step) = (130.0_f64, 1e-4);
            let slope = (response.share(price * (1.0 + step)).ln()
                - response.share(price * (1.0 - step)).ln())
                / ((1.0 + step).ln() - (1.0 - step).ln());
            assert!((slope + response.elasticity(price)).abs() < 1e-5, "{family:?}: {slope}");
        }
    }
}

/// Why a hotel, a calendar or a comparison cannot be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NetworkError {
    /// Nothing to price, or more than is priced at once.
    #[error("{what}: {count} is outside {least}..={most}")]
    Size {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// The fewest that are accepted.
        least: usize,
        /// The most that are accepted.
        most: usize,
    },
    /// A number outside its range, or not a number.
    #[error("{what}: {value} is outside its range")]
    Number {
        /// What it is.
        what: &'static str,
        /// The number.
        value: f64,
    },
    /// A list whose length does not fit another.
    #[error("{what}: {found} where {expected} were expected")]
    Shape {
        /// What the list holds.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length that fits.
        expected: usize,
    },
    /// Allowed prices that are not above 0 and rising.
    #[error("allowed prices of cell {cell} are not above 0 and rising")]
    Ladder {
        /// Night times room types plus room type; for a hotel the room type.
        cell: usize,
    },
    /// A stay outside the nights, or of a room type or segment that is not there.
    #[error("stay class {class} does not fit the hotel")]
    Stay {
        /// Its place in the list.
        class: usize,
    },
    /// A response that is none.
    #[error("response: {0}")]
    Response(#[from] crate::ResponseError),
}

/// Refuses a count outside a range.
pub(crate) fn size(what: &'static str, count: usize, least: usize, most: usize) -> Result<(), NetworkError> {
    if (least..=most).contains(&count) {
        Ok(())
    } else {
        Err(NetworkError::Size { what, count, least, most })
    }
}

/// Refuses a number outside a range.
pub(crate) fn within(what: &'static str, value: f64, least: f64, most: f64) -> Result<(), NetworkError> {
    // A comparison with NaN is false, so NaN is refused here too.
    if value >= least && value <= most { Ok(()) } else { Err(NetworkError::Number { what, value }) }
}

/// Refuses prices that are not above 0 and rising.
pub(crate) fn ladder(cell: usize, prices: &[f64]) -> Result<(), NetworkError> {
    size("allowed prices", prices.len(), 1, MOST_PRICES)?;
    let priced = prices.iter().all(|price| *price > 0.0 && *price <= MOST_MONEY);
    if priced && prices.windows(2).all(|pair| pair[0] < pair[1]) {
        Ok(())
    } else {
        Err(NetworkError::Ladder { cell })
    }
}

/// Most allowed prices of one night and type.
pub(crate) const MOST_PRICES: usize = 400;
/// Above any price or cost of a night, in any currency; keeps sums finite.
pub(crate) const MOST_MONEY: f64 = 1e12;

/// Refuses a response that is none.
pub(crate) fn answer(response: &crate::Response) -> Result<(), NetworkError> {
    response.check()?;
    within("location", response.location, -MOST_MONEY, MOST_MONEY)?;
    within("scale", response.scale, 1e-6, MOST_MONEY)
}

//! Prices to choose among.

use innkeeper_hotel::Currency;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::cell::CellError;
use super::rule::PriceError;
use super::{MOST_CANDIDATES, MOST_PRICE};

/// About `count` prices from `low` to `high`, each the same share above the one before, on round amounts (1, 2 or 5 and zeros)
/// no coarser than a quarter of the distance between two. Both ends belong to them, rounded inwards to what the currency can
/// pay. Ascending and distinct, fewer than `count` where the range holds fewer. Endings are found by [`super::RuleSet::ladder`].
///
/// # Errors
/// [`CellError`] for an end that is no price, an empty range, and fewer than 2 or more than [`MOST_CANDIDATES`] prices.
pub fn candidate_prices(
    low: Decimal,
    high: Decimal,
    currency: Currency,
    count: usize,
) -> Result<Vec<Decimal>, CellError> {
    if !(2..=MOST_CANDIDATES).contains(&count) {
        return Err(CellError::Count(count));
    }
    let what = "end of the range of candidates";
    for end in [low, high] {
        if end <= Decimal::ZERO {
            return Err(CellError::Price { what, why: PriceError::NotAboveZero(end) });
        }
        if end > Decimal::from(MOST_PRICE) {
            return Err(CellError::Price { what, why: PriceError::TooHigh(end) });
        }
    }
    let unit = Decimal::from(10_i64.pow(currency.minor_units().min(9)));
    let ends = ((low * unit).ceil().to_i64(), (high * unit).floor().to_i64());
    let (Some(first), Some(last)) = ends else { return Err(CellError::Range(low, high)) };
    if first > last {
        return Err(CellError::Range(low, high));
    }
    let growth = (last as f64 / first as f64).powf(1.0 / (count - 1) as f64);
    let mut prices = vec![first];
    for step in 1..count - 1 {
        let price = first as f64 * growth.powi(step as i32);
        let round = round_amount(price * (growth - 1.0) / 4.0);
        prices.push(((price / round as f64).round() as i64).saturating_mul(round).clamp(first, last));
    }
    prices.push(last);
    prices.sort_unstable();
    prices.dedup();
    Ok(prices.into_iter().map(|minor| Decimal::new(minor, currency.minor_units())).collect())
}

/// The greatest of 1, 2 and 5 with zeros that is at most `most`, 1 at least.
fn round_amount(most: f64) -> i64 {
    let mut round = 1_i64;
    for factor in [2, 5, 10].into_iter().cycle() {
        let decade = round_decade(round);
        let next = decade * factor;
        if next as f64 > most || next > 1_000_000_000_000 {
            break;
        }
        round = next;
    }
    round
}

/// The power of ten in 1, 2 or 5 times one.
fn round_decade(round: i64) -> i64 {
    let mut decade = 1;
    while decade * 10 <= round {
        decade *= 10;
    }
    decade
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_round_ascending_and_hold_both_ends() {
        for (code, low, high) in [("VND", 612_345, 2_987_654), ("EUR", 59, 412), ("KWD", 7, 95)] {
            let currency: Currency = code.parse().expect("a currency");
            let (low, high) = (Decimal::from(low), Decimal::from(high));
            let prices = candidate_prices(low, high, currency, 40).expect("prices");
            assert!(prices.len() >= 30 && prices.len() <= 40, "{code}: {}", prices.len());
            assert_eq!((prices[0], *prices.last().expect("one")), (low, high));
            assert!(prices.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(prices.iter().all(|price| price.normalize().scale() <= currency.minor_units()));
        }
        let vnd: Currency = "VND".parse().expect("VND");
        let prices =
            candidate_prices(Decimal::from(600_000), Decimal::from(3_000_000), vnd, 40).expect("prices");
        assert!(prices.iter().all(|price| (price % Decimal::from(5000)).is_zero()), "{prices:?}");
    }

    #[test]
    fn a_narrow_range_holds_what_there_is_and_a_wrong_one_is_refused() {
        let vnd: Currency = "VND".parse().expect("VND");
        let three = candidate_prices(Decimal::ONE, Decimal::from(3), vnd, 40).expect("three");
        assert_eq!(three, [1, 2, 3].map(Decimal::from));
        for (low, high, count) in [
            (Decimal::ZERO, Decimal::ONE, 5),
            (Decimal::from(3), Decimal::from(2), 5),
            (Decimal::new(11, 1), Decimal::new(19, 1), 5),
            (Decimal::ONE, Decimal::MAX, 5),
            (Decimal::MIN, Decimal::ONE, 5),
            (Decimal::ONE, Decimal::from(2), 1),
            (Decimal::ONE, Decimal::from(2), usize::MAX),
        ] {
            assert!(candidate_prices(low, high, vnd, count).is_err(), "{low} {high} {count}");
        }
    }
}

//! Money as the tables hold it: whole millionths of the major unit. No currency of ISO 4217 pays anything finer than
//! ten-thousandths, and both engines add whole numbers up exactly.

use innkeeper_hotel::{Currency, Money};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::StoreError;
use crate::bulk::Cell;
use crate::engine::{Row, get, parse};
use crate::enrolment::invalid;

/// Decimals that are kept.
const DECIMALS: u32 = 6;

/// The amount in millionths, exactly.
pub(crate) fn millionths(field: &'static str, amount: Decimal) -> Result<i64, StoreError> {
    let amount = if amount.scale() > DECIMALS { amount.normalize() } else { amount };
    let Some(missing) = DECIMALS.checked_sub(amount.scale()) else {
        return Err(invalid(field, "must have at most six decimals"));
    };
    let whole = amount.mantissa().checked_mul(10_i128.pow(missing)).and_then(|n| n.to_i64());
    whole.ok_or_else(|| invalid(field, "is more than the tables can hold"))
}

pub(crate) fn amount(millionths: i64) -> Decimal {
    Decimal::new(millionths, DECIMALS).normalize()
}

/// Price and currency.
pub(crate) fn cells(field: &'static str, money: Money) -> Result<[Cell<'static>; 2], StoreError> {
    Ok([Cell::Int(millionths(field, money.amount)?), Cell::Text(money.currency.code())])
}

/// Money of a row that was read with this column and `currency`.
pub(crate) fn money(row: &Row, column: &'static str) -> Result<Money, StoreError> {
    let currency: Currency = parse(row, "currency")?;
    Ok(Money { amount: amount(get(row, column)?), currency })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_comes_back_to_the_last_digit_or_is_refused() {
        for text in ["0", "1500000", "-12.345", "9223372036854.775807", "0.000001", "120.50"] {
            let given: Decimal = text.parse().expect(text);
            assert_eq!(amount(millionths("rate", given).expect(text)), given, "{text}");
        }
        assert!(millionths("rate", "1.5000000000".parse().expect("zeros")).is_ok(), "zeros are no digits");
        for text in ["0.0000001", "1.234567890123456789012345678", "9223372036854.775808", "1e20"] {
            let given = Decimal::from_scientific(text).or_else(|_| text.parse()).expect(text);
            assert!(matches!(millionths("rate", given), Err(StoreError::Invalid { .. })), "{text}");
        }
    }
}

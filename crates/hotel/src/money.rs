use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Why an amount is not money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The code is not one of ISO 4217.
    #[error("{0:?} is not a currency code of ISO 4217")]
    UnknownCurrency(String),
    /// The amount has more decimals than the currency has minor units.
    #[error("{amount} has more decimals than {currency} has minor units ({minor_units})")]
    TooFine {
        /// The amount as it came.
        amount: Decimal,
        /// The currency.
        currency: Currency,
        /// Decimals the currency has.
        minor_units: u32,
    },
}

/// A currency of ISO 4217.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The three letters of the currency: `VND`, `EUR`.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Decimals of an amount in this currency: 0 for VND and JPY, 2 for EUR, 3 for KWD. Units that ISO 4217
    /// gives no number for (precious metals) count as 2.
    pub fn minor_units(self) -> u32 {
        self.0.exponent().map_or(2, u32::from)
    }

    /// The amount rounded to what the currency can pay, half away from zero as cash registers do.
    pub fn round(self, amount: Decimal) -> Decimal {
        amount
            .round_dp_with_strategy(self.minor_units(), rust_decimal::RoundingStrategy::MidpointAwayFromZero)
    }
}

impl FromStr for Currency {
    type Err = MoneyError;
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        iso_currency::Currency::from_code(&text.trim().to_ascii_uppercase())
            .map(Self)
            .ok_or_else(|| MoneyError::UnknownCurrency(text.chars().take(16).collect()))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An exact amount in a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// The amount, in major units (euros, not cents).
    pub amount: Decimal,
    /// The currency of the amount.
    pub currency: Currency,
}

impl Money {
    /// An amount that the currency can pay.
    ///
    /// # Errors
    /// [`MoneyError::TooFine`] when the amount has more decimals than the currency.
    pub fn new(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let minor_units = currency.minor_units();
        if amount.normalize().scale() > minor_units {
            return Err(MoneyError::TooFine { amount, currency, minor_units });
        }
        Ok(Self { amount, currency })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dong_has_no_decimals_and_a_dinar_three() {
        let vnd: Currency = "vnd".parse().expect("VND");
        assert_eq!((vnd.minor_units(), vnd.code()), (0, "VND"));
        assert!(Money::new(Decimal::new(15, 1), vnd).is_err());
        assert!(Money::new(Decimal::new(150_000_000, 2), vnd).is_ok(), "trailing zeros are no decimals");
        let kwd: Currency = "KWD".parse().expect("KWD");
        assert_eq!(kwd.round(Decimal::new(123_455, 4)), Decimal::new(12_346, 3));
        assert!("ZZZ".parse::<Currency>().is_err());
    }
}

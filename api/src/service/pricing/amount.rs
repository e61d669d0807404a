//! Amounts of money as JSON numbers: whole ones without decimals, others with as many as they have.

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

pub(crate) fn serialize<S: Serializer>(amount: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    let amount = amount.normalize();
    match (amount.scale(), amount.to_i64()) {
        (0, Some(whole)) => to.serialize_i64(whole),
        // Fifteen digits come back as they went.
        _ => to.serialize_f64(amount.to_f64().unwrap_or_default()),
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Decimal, D::Error> {
    struct Amount;
    impl Visitor<'_> for Amount {
        type Value = Decimal;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an amount")
        }

        fn visit_i64<E: Error>(self, whole: i64) -> Result<Decimal, E> {
            Ok(whole.into())
        }

        fn visit_u64<E: Error>(self, whole: u64) -> Result<Decimal, E> {
            Ok(whole.into())
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<Decimal, E> {
            // The shortest text that means this number is the one that was sent.
            self.visit_str(&number.to_string())
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Decimal, E> {
            Decimal::from_str_exact(text.trim()).map_err(|_| E::custom("an amount has at most 28 digits"))
        }
    }
    from.deserialize_any(Amount)
}

/// The same where there may be none.
pub(crate) mod optional {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Amount(#[serde(with = "super")] Decimal);

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(crate) fn serialize<S: Serializer>(amount: &Option<Decimal>, to: S) -> Result<S::Ok, S::Error> {
        match amount {
            Some(amount) => super::serialize(amount, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Decimal>, D::Error> {
        Ok(Option::<Amount>::deserialize(from)?.map(|amount| amount.0))
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Priced {
        #[serde(with = "super")]
        price: Decimal,
        #[serde(with = "super::optional", default)]
        before: Option<Decimal>,
    }

    #[test]
    fn an_amount_is_the_number_that_it_was() {
        for (text, told) in [
            ("2500000", "2500000"),
            ("89.90", "89.9"),
            ("0.125", "0.125"),
            ("120.00", "120"),
            ("-3.5", "-3.5"),
        ] {
            let json = format!(r#"{{"price": {text}, "before": null}}"#);
            let read: Priced = serde_json::from_str(&json).unwrap();
            assert_eq!(read.price, text.parse::<Decimal>().unwrap(), "{text}");
            let written = serde_json::to_string(&read).unwrap();
            assert_eq!(written, format!(r#"{{"price":{told},"before":null}}"#));
            let quoted: Priced = serde_json::from_str(&format!(r#"{{"price": "{text}"}}"#)).unwrap();
            assert_eq!(quoted, read);
        }
        for bad in ["1e400", "1e300", "true", "[1]", "\"NaN\"", "\"\"", "null"] {
            assert!(serde_json::from_str::<Priced>(&format!(r#"{{"price": {bad}}}"#)).is_err(), "{bad}");
        }
    }
}

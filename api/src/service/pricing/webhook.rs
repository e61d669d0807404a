//! Prices on their way to the hotel's own system: signed, with a key under which a second call is the same call.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use hmac::{Hmac, Mac};
use innkeeper_core::ErrorCode;
use reqwest::header::CONTENT_TYPE;
use rust_decimal::Decimal;
use serde::Serialize;
use sha2::Sha256;
use uuid::Uuid;

use super::amount;
use super::desk::PricingDesk;
use crate::problem::Problem;

/// When to try again where the other system did not take the prices.
const LATER: Duration = Duration::from_secs(30);

/// Prices that go on sale.
#[derive(Debug, Clone, Serialize)]
pub(super) struct PriceList {
    pub schedule_id: Uuid,
    pub hotel: String,
    pub currency: String,
    pub tax_inclusive: Option<bool>,
    pub published_at: DateTime<Utc>,
    pub prices: Vec<PriceLine>,
}

/// The price of a night of a room type.
#[derive(Debug, Clone, Serialize)]
pub(super) struct PriceLine {
    pub date: NaiveDate,
    pub room_type: String,
    #[serde(with = "amount")]
    pub price: Decimal,
    pub minimum_stay: Option<u16>,
}

/// HMAC-SHA-256 (RFC 2104) over the time, a dot and the body: an old call cannot be sent again as a new one.
fn signature(secret: &[u8], timestamp: i64, body: &[u8]) -> Result<String, Problem> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|e| Problem::internal(&e))?;
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    Ok(format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
}

impl PricingDesk {
    /// Sends prices to the system that the settings name, and waits until it has taken them.
    pub(super) async fn send_prices(&self, list: &PriceList) -> Result<(), Problem> {
        let settings = &self.settings;
        let (Some(url), Some(secret)) = (&settings.webhook_url, &settings.webhook_secret) else {
            let detail = "no system is named to which prices could be sent: set pricing.webhook_url and \
                          pricing.webhook_secret, or publish to csv or rates";
            return Err(Problem::new(ErrorCode::PublishTargetMissing, detail));
        };
        let body = serde_json::to_vec(list).map_err(|e| Problem::internal(&e))?;
        let timestamp = list.published_at.timestamp();
        let mut client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(settings.webhook_timeout());
        // What is not sealed stays on this machine, whatever proxy its environment names.
        if reqwest::Url::parse(url).is_ok_and(|url| url.scheme() == "http") {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|e| Problem::internal(&e))?;
        let sent = client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", list.schedule_id.to_string())
            .header("X-Innkeeper-Timestamp", timestamp)
            .header("X-Innkeeper-Signature", signature(secret.bytes(), timestamp, &body)?)
            .body(body)
            .send()
            .await;
        let failed = |why: String| Err(Problem::new(ErrorCode::PublishFailed, why).retry(LATER));
        match sent {
            Ok(answer) if answer.status().is_success() => Ok(()),
            // What it says besides is for whoever runs it.
            Ok(answer) => failed(format!(
                "the hotel's system answered {}; the prices are not published",
                answer.status().as_u16()
            )),
            Err(error) => {
                let never_sent = error.is_connect() || error.is_builder();
                tracing::warn!(error = %error.without_url(), never_sent, "prices could not be sent");
                failed(if never_sent {
                    "the hotel's system cannot be reached; the prices are not published".to_owned()
                } else {
                    "the hotel's system did not answer: whether it took the prices is not known, and they are not published \
                     here; look there, and publish again"
                        .to_owned()
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_that_any_other_program_computes() {
        // RFC 4231, test case 2, is HMAC of "what do ya want for nothing?" under "Jefe"; here with a time before it.
        let of = |secret: &[u8], time, body: &[u8]| signature(secret, time, body).unwrap();
        let one = of(b"Jefe", 1_700_000_000, b"what do ya want for nothing?");
        let mut mac = Hmac::<Sha256>::new_from_slice(b"Jefe").unwrap();
        mac.update(b"1700000000.what do ya want for nothing?");
        assert_eq!(one, format!("sha256={}", hex::encode(mac.finalize().into_bytes())));
        assert_ne!(one, of(b"Jefe", 1_700_000_001, b"what do ya want for nothing?"));
        assert_ne!(one, of(b"jefe", 1_700_000_000, b"what do ya want for nothing?"));
    }
}

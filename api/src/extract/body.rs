//! Request bodies up to a limit. A body that is too large is read to its end, within reason, before the
//! answer: a phone that is still sending would otherwise see a broken connection instead of the 413.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use innkeeper_core::ErrorCode;

use crate::problem::Problem;

/// How much of an oversized body is read and thrown away, in multiples of the limit.
const DRAIN: usize = 4;
/// How long a sender may pause within a body.
const PAUSE: Duration = Duration::from_secs(30);

pub(super) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Problem> {
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse::<usize>().ok());
    let too_large = || {
        Problem::new(ErrorCode::PayloadTooLarge, format!("the body is larger than {limit} bytes"))
            .with("limit_bytes", limit.into())
    };
    if declared.is_some_and(|n| n > limit.saturating_mul(DRAIN)) {
        return Err(too_large());
    }
    let mut stream = body.into_data_stream();
    let mut kept = BytesMut::with_capacity(declared.unwrap_or(0).min(limit));
    let mut seen = 0usize;
    loop {
        let chunk = tokio::time::timeout(PAUSE, stream.next())
            .await
            .map_err(|_| Problem::new(ErrorCode::BadRequest, "the body stopped half way"))?;
        match chunk {
            Some(Ok(chunk)) => {
                seen += chunk.len();
                if seen <= limit {
                    kept.extend_from_slice(&chunk);
                } else if seen > limit.saturating_mul(DRAIN) {
                    return Err(too_large());
                }
            }
            Some(Err(_)) => return Err(Problem::new(ErrorCode::BadRequest, "the body broke off")),
            None if seen > limit => return Err(too_large()),
            None => return Ok(kept.freeze()),
        }
    }
}

//! Request bodies up to a limit. Of a body that is too large, or that nobody wanted, the rest is read and
//! thrown away, within reason: a phone that is still sending would otherwise see a broken connection instead
//! of the 413 or the 401.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use innkeeper_core::ErrorCode;
use tokio::sync::oneshot;

use crate::problem::Problem;

/// How much of an oversized body is read and thrown away, in multiples of the limit.
const DRAIN: usize = 4;
/// How much of a body nobody wants is read, in bytes.
const UNWANTED: usize = 1 << 20;
/// How long a connection stays open for the rest of a body nobody wants.
const LINGER: Duration = Duration::from_secs(2);
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

/// A body lent to a handler. What the handler leaves of it comes back when it is dropped.
struct Lent {
    body: Option<BodyDataStream>,
    back: Option<oneshot::Sender<BodyDataStream>>,
}

impl Stream for Lent {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = body.poll_next_unpin(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take()) {
            // Nobody waits for it any more when the request was abandoned.
            let _ = back.send(body);
        }
    }
}

/// The layer that reads what a handler left: it may have answered by the head of the request alone. The
/// answer goes out at once; whoever is still sending then gets a little time to see it.
pub(crate) async fn finish(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    // Such a client sends its body only when it is asked to.
    let asks_first = parts.headers.contains_key(header::EXPECT);
    let (back, mut left) = oneshot::channel();
    let lent = Lent { body: Some(body.into_data_stream()), back: Some(back) };
    let response = next.run(Request::from_parts(parts, Body::from_stream(lent))).await;
    if let Ok(body) = left.try_recv()
        && !asks_first
    {
        tokio::spawn(linger(body));
    }
    response
}

/// Reads on for [`LINGER`] and [`UNWANTED`] at most, and closes the connection if that was not all. Beyond
/// the bytes it only waits: closing at once would break the connection under a client that has not read
/// its answer yet.
async fn linger(mut body: BodyDataStream) {
    let read = async {
        let mut seen = 0;
        while let Some(Ok(chunk)) = body.next().await {
            seen += chunk.len();
            if seen > UNWANTED {
                std::future::pending::<()>().await;
            }
        }
    };
    // Late or done: either way the body is dropped now.
    let _ = tokio::time::timeout(LINGER, read).await;
}

//! Request bodies up to a limit. Of a body that is too large, or that nobody wanted, the rest is read and
//! thrown away, within reason: a phone that is still sending would otherwise see a broken connection instead
//! of the 413 or the 401.

use std::pin::Pin;
use std::sync::Arc;
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
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::config::Http;
use crate::problem::Problem;

/// How much of an oversized body is read and thrown away, in multiples of the limit.
const DRAIN: usize = 4;
/// How much of a body nobody wants is read, in bytes.
const UNWANTED: usize = 1 << 20;
/// How long a connection stays open for the rest of a body nobody wants.
const LINGER: Duration = Duration::from_secs(2);
/// Room is counted in pieces of so many bytes.
const UNIT: usize = 1024;

/// All bodies of the process: how large each may be, how long it may take, and room for so many at once.
pub(crate) struct Bodies {
    room: Arc<Semaphore>,
    limit: usize,
    time: Duration,
    /// How long a body waits for room.
    moment: Duration,
    /// How long an oversized body is read and thrown away.
    drain_time: Duration,
}

/// The room that a body takes as long as somebody works on it.
pub(crate) struct Room(#[expect(dead_code, reason = "held")] Option<OwnedSemaphorePermit>);

impl Bodies {
    pub fn new(settings: &Http) -> Self {
        Self {
            room: Arc::new(Semaphore::new(settings.max_inflight_bytes.div_ceil(UNIT))),
            limit: settings.max_body_bytes,
            time: Duration::from_secs(settings.body_seconds),
            moment: Duration::from_secs(1),
            drain_time: Duration::from_secs(10),
        }
    }

    /// Reads a body to its end, when there is room for it.
    pub(super) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<(Bytes, Room), Problem> {
        let limit = self.limit;
        let declared = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.parse::<usize>().ok());
        let mut stream = body.into_data_stream();
        if declared.is_some_and(|n| n > limit) {
            if declared.is_some_and(|n| n <= limit.saturating_mul(DRAIN)) {
                self.drain(&mut stream).await;
            }
            return Err(self.too_large());
        }
        // A body of unknown length may become as long as the limit.
        let room = self.enter(declared.unwrap_or(limit)).await?;
        let mut kept = BytesMut::with_capacity(declared.unwrap_or(0));
        let arrives = async {
            while let Some(chunk) = stream.next().await {
                let chunk = chunk.map_err(|_| Problem::new(ErrorCode::BadRequest, "the body broke off"))?;
                if kept.len() + chunk.len() > limit {
                    return Ok(false);
                }
                kept.extend_from_slice(&chunk);
            }
            Ok(true)
        };
        match tokio::time::timeout(self.time, arrives).await {
            Ok(Ok(true)) => Ok((kept.freeze(), room)),
            Ok(Ok(false)) => {
                drop((kept, room));
                self.drain(&mut stream).await;
                Err(self.too_large())
            }
            Ok(Err(problem)) => Err(problem),
            Err(_) => {
                let detail = format!("the body did not arrive within {} s", self.time.as_secs());
                Err(Problem::new(ErrorCode::BadRequest, detail))
            }
        }
    }

    fn too_large(&self) -> Problem {
        let limit = self.limit;
        Problem::new(ErrorCode::PayloadTooLarge, format!("the body is larger than {limit} bytes"))
            .with("limit_bytes", limit.into())
    }

    /// Waits a moment for room for so many bytes.
    async fn enter(&self, bytes: usize) -> Result<Room, Problem> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(units);
        if let Ok(permit) = tokio::time::timeout(self.moment, room).await {
            return Ok(Room(permit.ok()));
        }
        metrics::counter!("innkeeper_requests_shed_total").increment(1);
        let detail = "other requests are being read; there is no room for this body";
        Err(Problem::new(ErrorCode::Overloaded, detail).retry(self.moment))
    }

    /// Reads and throws away, for a while.
    async fn drain(&self, stream: &mut BodyDataStream) {
        let most = self.limit.saturating_mul(DRAIN);
        let mut seen = 0;
        let read = async {
            while let Some(Ok(chunk)) = stream.next().await {
                seen += chunk.len();
                if seen > most {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(self.drain_time, read).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies() -> Bodies {
        let soon = Duration::from_millis(20);
        Bodies { room: Arc::new(Semaphore::new(4)), limit: 2048, time: soon, moment: soon, drain_time: soon }
    }

    #[tokio::test]
    async fn bodies_beyond_the_room_are_told_to_come_back() {
        let bodies = bodies();
        let headers = HeaderMap::new();
        let (bytes, first) = bodies.read(&headers, Body::from("abc")).await.unwrap();
        assert_eq!(&bytes[..], b"abc");
        let second = bodies.read(&headers, Body::from("abc")).await.unwrap();
        let refused = bodies.read(&headers, Body::from("abc")).await.map(|_| ()).unwrap_err();
        assert_eq!((refused.code, refused.retry_after), (ErrorCode::Overloaded, Some(bodies.moment)));
        drop((first, second));
        assert!(bodies.read(&headers, Body::from("abc")).await.is_ok(), "the room is not given back");
    }

    #[tokio::test]
    async fn a_body_that_trickles_in_is_given_up() {
        let trickle = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(15)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
        });
        let refused = bodies().read(&HeaderMap::new(), Body::from_stream(trickle)).await.map(|_| ());
        assert_eq!(refused.unwrap_err().code, ErrorCode::BadRequest);
    }

    #[tokio::test]
    async fn an_oversized_body_takes_no_room_and_a_limited_time() {
        let bodies = bodies();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_LENGTH, 4096.into());
        let never = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let _taken = Arc::clone(&bodies.room).try_acquire_many_owned(4).unwrap();
        let refused = bodies.read(&headers, never).await.map(|_| ()).unwrap_err();
        assert_eq!(refused.code, ErrorCode::PayloadTooLarge);
    }
}

//! Who is calling and what they may do.
//!
//! In come a bearer token as text, a signing secret (given by the caller, or kept in one file of the
//! data directory) and the key of a client; out come a [`Principal`] with its permissions, a signed
//! token, or a verdict of the rate limiter. This room knows no HTTP. It touches one file,
//! `<data dir>/secrets/jwt.key`, and the clock.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod limits;
mod principal;
mod role;
mod secret;
mod token;
mod ttl;

pub use governor::clock::{Clock, FakeRelativeClock};
pub use limits::{CallClass, Limited, RateLimitConfig, RateLimits, Remaining, client_key_of_address};
pub use principal::{Principal, SubjectError};
pub use role::{Permission, PermissionSet, Role, UnknownPermission, UnknownRole};
pub use secret::SecretError;
pub use token::{IssueError, MAX_TOKEN_BYTES, NewToken, TokenAuthority, TokenError};
pub use ttl::{TtlError, parse_ttl};

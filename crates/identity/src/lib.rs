//! Who is calling and what they may do.
//!
//! In come a bearer token or an API key as text, what is stored about that key, a signing secret (given by the
//! caller, or kept in one file of the data directory), the public keys of an external issuer and the name of a
//! client; out come a [`Principal`] with its permissions, a signed token, a fresh API key, or a verdict of the
//! rate limiter or of the throttle for failed matches. This room knows no HTTP and no table. It touches two
//! files, `<data dir>/secrets/jwt.key` and the key file of the external issuer, and the clock.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod api_key;
mod failed_matches;
mod jwks;
mod limits;
mod principal;
mod role;
mod secret;
mod token;
mod ttl;

pub use api_key::{API_KEY_BYTES, ApiKey, ApiKeyError, ApiKeyRecord, RandomError};
pub use failed_matches::{FailedMatchConfig, FailedMatchConfigError, FailedMatches, Throttled};
pub use governor::clock::{Clock, FakeRelativeClock};
pub use jwks::{ExternalIssuer, JwksError};
pub use limits::{CallClass, Limited, RateLimitConfig, RateLimits, Remaining, client_key_of_address};
pub use principal::{Credential, Principal, SubjectError};
pub use role::{Permission, PermissionSet, Role, UnknownPermission, UnknownRole};
pub use secret::SecretError;
pub use token::{IssueError, MAX_TOKEN_BYTES, NewToken, TokenAuthority, TokenError};
pub use ttl::{TtlError, parse_ttl};

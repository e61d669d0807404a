use std::path::Path;
use std::sync::Once;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use innkeeper_core::HotelId;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::jwks::{ExternalIssuer, Jwks, JwksError};
use crate::principal::check_subject;
use crate::secret::{self, SecretError};
use crate::ttl::check_ttl;
use crate::{Credential, Permission, Principal, Role, SubjectError, TtlError};

/// Longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Who signs, and for whom: the `iss` and the `aud` claim.
const ISSUER: &str = "innkeeper";
const AUDIENCE: &str = "innkeeper";

/// How far the clocks of issuer and verifier may be apart.
const LEEWAY: Duration = Duration::from_secs(30);

/// Longest token identifier that is accepted, in bytes.
const MAX_TOKEN_ID: usize = 64;

/// What a new token says.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Who it speaks for. 1 to 128 bytes, no control characters.
    pub subject: String,
    /// What kind of caller that is.
    pub role: Role,
    /// What it may do. `None` stands for what the role may do, also when that changes later; a list,
    /// the empty one too, stands for itself.
    pub permissions: Option<Vec<Permission>>,
    /// The hotel it is good for.
    pub hotel: HotelId,
    /// How long it is good for: one second to ten years.
    pub ttl: Duration,
}

/// Why a token cannot be issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The subject is empty, too long or not printable.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// The lifetime is out of range.
    #[error(transparent)]
    Ttl(#[from] TtlError),
    /// More permissions than a token can hold, or a clock before 1970, or the library refused to sign.
    #[error("cannot sign the token: {0}")]
    Sign(String),
}

/// Why a token is not accepted. To the caller all of these are 401 `invalid_token`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token is longer than [`MAX_TOKEN_BYTES`].
    #[error("the token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// The text is not a signed token at all.
    #[error("this is not a signed token")]
    Malformed,
    /// The token is signed with an algorithm that is not accepted, or not the one its key is for, or asks
    /// for an extension we do not know.
    #[error("the token is signed in a way that is not accepted here")]
    Algorithm,
    /// The token names no key (`kid`), or one that its issuer's key file does not hold.
    #[error("the token is signed with a key that is not known here")]
    UnknownKey,
    /// The signature is not ours.
    #[error("the signature of the token is wrong")]
    Signature,
    /// The token's time is over.
    #[error("the token has expired")]
    Expired,
    /// The token's time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The token is meant for another service.
    #[error("the token is meant for another audience")]
    Audience,
    /// The token comes from another issuer.
    #[error("the token comes from another issuer")]
    Issuer,
    /// A claim is missing. No missing claim is ever filled in.
    #[error("the token has no usable claim {0}")]
    MissingClaim(String),
    /// A claim holds something we do not understand, for example a permission of a later version.
    #[error("the claim {claim} of the token is not usable: {reason}")]
    InvalidClaim {
        /// Which claim.
        claim: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

#[derive(Serialize)]
struct Issued<'a> {
    iss: &'static str,
    aud: &'static str,
    sub: &'a str,
    iat: u64,
    nbf: u64,
    exp: u64,
    jti: String,
    hotel: &'a HotelId,
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<&'a [Permission]>,
}

/// What we read after the library has checked the signature, `exp`, `nbf`, `aud` and `iss`.
#[derive(Deserialize)]
struct Received {
    sub: Option<String>,
    jti: Option<String>,
    hotel: Option<String>,
    role: Option<String>,
    // Absent means the role's permissions. A null is somebody's mistake and must not mean the same.
    #[serde(default, deserialize_with = "not_null")]
    permissions: Option<Vec<String>>,
}

fn not_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    Vec::deserialize(deserializer).map(Some)
}

/// Signs tokens with one secret and verifies them: JSON Web Tokens (RFC 7519) under HMAC-SHA-256. Besides its
/// own it accepts those of one external issuer, under `RS256`, `ES256` or `EdDSA` with keys from a file; what an
/// algorithm may be is decided by the key, never by the token (RFC 8725, section 3.1).
///
/// What a token may do: its `permissions` claim if it has one, whatever its role, since the issuer is
/// trusted; otherwise what its role may do. A role or permission that is not known makes the whole
/// token invalid.
pub struct TokenAuthority {
    sign: EncodingKey,
    check: DecodingKey,
    validation: Validation,
    external: Option<External>,
}

struct External {
    settings: ExternalIssuer,
    keys: Jwks,
}

impl std::fmt::Debug for TokenAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let external = self.external.as_ref().map(|e| &e.settings);
        f.debug_struct("TokenAuthority").field("external", &external).finish_non_exhaustive()
    }
}

impl TokenAuthority {
    /// Uses this secret, byte for byte.
    ///
    /// # Errors
    /// [`SecretError::TooShort`] below 32 bytes.
    pub fn from_secret(secret: &[u8]) -> Result<Self, SecretError> {
        static PROVIDER: Once = Once::new();
        // Named here, so that a dependency which switches on another provider cannot make the choice
        // ambiguous; the library would panic at the first token. An error means one is installed already.
        PROVIDER.call_once(|| {
            let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        });
        secret::check(secret)?;
        Ok(Self {
            sign: EncodingKey::from_secret(secret),
            check: DecodingKey::from_secret(secret),
            validation: validation(Algorithm::HS256, ISSUER, AUDIENCE),
            external: None,
        })
    }

    /// Uses the secret in `<data_dir>/secrets/jwt.key`. When there is none, creates it: 32 random bytes
    /// in hexadecimal, mode 0600; processes that start at once agree on one. White space at the end of
    /// the file does not count.
    ///
    /// # Errors
    /// When the file cannot be read or created, or holds less than 32 bytes.
    pub fn load_or_create(data_dir: &Path) -> Result<Self, SecretError> {
        Self::from_secret(&secret::load_or_create(data_dir)?)
    }

    /// Uses the secret the environment gave, or else the file of the data directory. A secret that was
    /// given but is too short is an error, never a reason to take the file. White space at its end does
    /// not count, so that the content of the file can be moved into the environment.
    ///
    /// # Errors
    /// As [`Self::from_secret`] and [`Self::load_or_create`].
    pub fn open(secret: Option<&str>, data_dir: &Path) -> Result<Self, SecretError> {
        match secret {
            Some(secret) => Self::from_secret(secret.as_bytes().trim_ascii_end()),
            None => Self::load_or_create(data_dir),
        }
    }

    /// Accepts the tokens of another issuer too. They carry the same claims as our own: `exp`, `nbf`, `aud`,
    /// `iss`, `sub`, `jti`, `hotel` and `role`, and `permissions` if they like.
    ///
    /// # Errors
    /// [`JwksError`] when its key file cannot be used, or its name or audience is empty.
    pub fn with_external(mut self, settings: &ExternalIssuer) -> Result<Self, JwksError> {
        if settings.issuer.is_empty() || settings.audience.is_empty() {
            return Err(JwksError::Nameless);
        }
        let keys = Jwks::open(&settings.jwks)?;
        self.external = Some(External { settings: settings.clone(), keys });
        Ok(self)
    }

    /// Reads the key file of the external issuer again; whether it changed. A file that is gone or broken
    /// changes nothing: tokens are judged by the keys that were read last. Blocks for one small read, so it
    /// can be called every few seconds.
    ///
    /// # Errors
    /// [`JwksError`] when the file cannot be used.
    pub fn reload(&self) -> Result<bool, JwksError> {
        self.external.as_ref().map_or(Ok(false), |external| external.keys.reload())
    }

    /// Signs a token that is good from now on.
    ///
    /// # Errors
    /// When the subject or the lifetime is out of range.
    pub fn issue(&self, new: &NewToken) -> Result<String, IssueError> {
        check_subject(&new.subject)?;
        check_ttl(new.ttl)?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(|_| IssueError::Sign("the clock stands before 1970".to_owned()))?
            .as_secs();
        let claims = Issued {
            iss: ISSUER,
            aud: AUDIENCE,
            sub: &new.subject,
            iat: now,
            nbf: now,
            exp: now + new.ttl.as_secs(),
            jti: Uuid::new_v4().to_string(),
            hotel: &new.hotel,
            role: new.role,
            permissions: new.permissions.as_deref(),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.sign)
            .map_err(|e| IssueError::Sign(e.to_string()))?;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(IssueError::Sign("the list of permissions is too long".to_owned()));
        }
        Ok(token)
    }

    /// Verifies a token, without the `Bearer ` before it, and says whom it speaks for.
    ///
    /// Checked are the length, the algorithm (HS256 with our secret; for the external issuer the one that its
    /// key is for), the signature, `exp` and `nbf` with 30 seconds for clocks that differ, `aud` and `iss`, and
    /// that `sub`, `jti`, `hotel` and `role` are there and sound.
    ///
    /// # Errors
    /// [`TokenError`] for everything else.
    pub fn verify(&self, token: &str) -> Result<Principal, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|e| refusal(e.into_kind()))?;
        if header.crit.is_some() {
            return Err(TokenError::Algorithm);
        }
        let decoded = match (&self.external, header.alg) {
            (_, Algorithm::HS256) => jsonwebtoken::decode(token, &self.check, &self.validation),
            (Some(external), Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) => {
                let found = header.kid.and_then(|kid| external.keys.find(&kid));
                let (algorithm, key) = found.ok_or(TokenError::UnknownKey)?;
                let ExternalIssuer { issuer, audience, .. } = &external.settings;
                // The algorithm of the key, so that a header with another one is refused.
                jsonwebtoken::decode(token, &key, &validation(algorithm, issuer, audience))
            }
            _ => return Err(TokenError::Algorithm),
        };
        let claims: Received = decoded.map_err(|e| refusal(e.into_kind()))?.claims;
        let missing = |claim: &str| TokenError::MissingClaim(claim.to_owned());
        let invalid = |claim, reason: &dyn std::fmt::Display| TokenError::InvalidClaim {
            claim,
            reason: reason.to_string(),
        };
        let subject = claims.sub.ok_or_else(|| missing("sub"))?;
        check_subject(&subject).map_err(|e| invalid("sub", &e))?;
        let token_id = claims.jti.ok_or_else(|| missing("jti"))?;
        if token_id.is_empty() || token_id.len() > MAX_TOKEN_ID || token_id.chars().any(char::is_control) {
            return Err(invalid("jti", &"it has 1 to 64 bytes and no control characters"));
        }
        let hotel =
            claims.hotel.ok_or_else(|| missing("hotel"))?.parse().map_err(|e| invalid("hotel", &e))?;
        let role: Role =
            claims.role.ok_or_else(|| missing("role"))?.parse().map_err(|e| invalid("role", &e))?;
        let permissions = match claims.permissions {
            None => role.permissions(),
            Some(listed) => listed
                .iter()
                .map(|text| text.parse::<Permission>())
                .collect::<Result<_, _>>()
                .map_err(|e| invalid("permissions", &e))?,
        };
        Ok(Principal { subject, role, hotel, permissions, credential: Credential::Token(token_id) })
    }
}

/// What the library checks of a token.
fn validation(algorithm: Algorithm, issuer: &str, audience: &str) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.leeway = LEEWAY.as_secs();
    validation.validate_nbf = true;
    validation.set_audience(&[audience]);
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
    validation
}

fn refusal(kind: ErrorKind) -> TokenError {
    match kind {
        ErrorKind::InvalidSignature => TokenError::Signature,
        ErrorKind::ExpiredSignature => TokenError::Expired,
        ErrorKind::ImmatureSignature => TokenError::NotYetValid,
        ErrorKind::InvalidAudience => TokenError::Audience,
        ErrorKind::InvalidIssuer => TokenError::Issuer,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName | ErrorKind::UnsupportedAlgorithm => {
            TokenError::Algorithm
        }
        ErrorKind::MissingRequiredClaim(claim) | ErrorKind::InvalidClaimFormat(claim) => {
            TokenError::MissingClaim(claim)
        }
        _ => TokenError::Malformed,
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;

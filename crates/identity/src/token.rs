use std::path::Path;
use std::sync::Once;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use innkeeper_core::HotelId;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::principal::check_subject;
use crate::secret::{self, SecretError};
use crate::ttl::check_ttl;
use crate::{Permission, Principal, Role, SubjectError, TtlError};

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
    /// The token is signed with an algorithm that is not HS256, or asks for an extension we do not know.
    #[error("the token must be signed with HS256 and no extensions")]
    Algorithm,
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

/// Signs tokens and verifies them, with one secret: JSON Web Tokens (RFC 7519) under HMAC-SHA-256.
///
/// What a token may do: its `permissions` claim if it has one, whatever its role, since the issuer is
/// trusted; otherwise what its role may do. A role or permission that is not known makes the whole
/// token invalid.
pub struct TokenAuthority {
    sign: EncodingKey,
    check: DecodingKey,
    validation: Validation,
}

impl std::fmt::Debug for TokenAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenAuthority").field("leeway", &self.validation.leeway).finish_non_exhaustive()
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
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY.as_secs();
        validation.validate_nbf = true;
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        Ok(Self {
            sign: EncodingKey::from_secret(secret),
            check: DecodingKey::from_secret(secret),
            validation,
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

    /// Accepts tokens this long after their end and before their start; 30 seconds unless set, whole
    /// seconds only.
    #[must_use]
    pub fn with_leeway(mut self, leeway: Duration) -> Self {
        self.validation.leeway = leeway.as_secs();
        self
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
    /// Checked are the length, the algorithm (HS256 and nothing else), the signature, `exp` and `nbf`
    /// with the leeway, `aud` and `iss`, and that `sub`, `jti`, `hotel` and `role` are there and sound.
    ///
    /// # Errors
    /// [`TokenError`] for everything else.
    pub fn verify(&self, token: &str) -> Result<Principal, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let data = jsonwebtoken::decode::<Received>(token, &self.check, &self.validation)
            .map_err(|e| refusal(e.into_kind()))?;
        if data.header.crit.is_some() {
            return Err(TokenError::Algorithm);
        }
        let claims = data.claims;
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
        Ok(Principal { subject, role, hotel, permissions, token_id })
    }
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

use std::fmt;

use innkeeper_core::HotelId;

use crate::{Permission, PermissionSet, Role};

/// Longest subject that is accepted, in bytes.
const MAX_SUBJECT: usize = 128;

/// Why a text cannot name a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a subject has 1 to {MAX_SUBJECT} bytes and no control characters")]
pub struct SubjectError;

/// Subjects end up in logs, audit rows and rate-limit keys, so they are short and printable.
pub(crate) fn check_subject(subject: &str) -> Result<(), SubjectError> {
    let fits = !subject.is_empty() && subject.len() <= MAX_SUBJECT;
    if fits && !subject.chars().any(char::is_control) { Ok(()) } else { Err(SubjectError) }
}

/// What a caller proved itself with, for the audit log. Holds nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Credential {
    /// Nothing: the caller sits at the machine itself.
    None,
    /// A signed token with this identifier (`jti`).
    Token(String),
    /// The API key with this identifier.
    ApiKey(String),
}

impl fmt::Display for Credential {
    /// `none`, `token:ID` or `key:ID`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Token(id) => write!(f, "token:{id}"),
            Self::ApiKey(id) => write!(f, "key:{id}"),
        }
    }
}

/// A caller whose token or API key was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Who it is: an employee, a camera, a service. 1 to 128 bytes, no control characters.
    pub subject: String,
    /// What kind of caller it is. Decide by [`Principal::may`], not by this.
    pub role: Role,
    /// The only hotel whose rows, vectors and images this caller sees.
    pub hotel: HotelId,
    /// What it may do: the credential's own list if it has one, the role's otherwise.
    pub permissions: PermissionSet,
    /// What it proved itself with.
    pub credential: Credential,
}

impl Principal {
    /// A caller with the permissions of a role and no token behind it: for `serve --dev`, which has no
    /// authentication and listens on loopback only, and for commands run on the machine itself.
    ///
    /// # Errors
    /// [`SubjectError`] when the subject is empty, too long or not printable.
    pub fn without_token(subject: &str, role: Role, hotel: HotelId) -> Result<Self, SubjectError> {
        check_subject(subject)?;
        Ok(Self {
            subject: subject.to_owned(),
            role,
            hotel,
            permissions: role.permissions(),
            credential: Credential::None,
        })
    }

    /// Whether the caller may do this.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    /// Whether the caller may do at least one of these. False for an empty list.
    pub fn may_any(&self, permissions: &[Permission]) -> bool {
        permissions.iter().any(|p| self.may(*p))
    }

    /// Whether this is an administrator whose credential was not narrowed. The few answers that hold more
    /// for an administrator (the other person's id in a refused enrolment) ask this, not the role: an
    /// `admin` with a list of permissions is no more than its list.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin && Permission::ALL.iter().all(|p| self.may(*p))
    }

    /// The key under which this caller's requests are counted: hotel and subject, so that a second
    /// token does not double the allowance.
    pub fn client_key(&self) -> String {
        // A hotel id holds no '/', so two different callers cannot meet in one key.
        format!("sub:{}/{}", self.hotel, self.subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(hotel: &str, subject: &str) -> Principal {
        Principal::without_token(subject, Role::Staff, hotel.parse().expect("a hotel id")).expect("a subject")
    }

    #[test]
    fn two_callers_never_share_a_rate_limit_key() {
        let keys = [principal("a", "b/c"), principal("a", "b"), principal("b", "b"), principal("a", "c")]
            .map(|p| p.client_key());
        let distinct: std::collections::HashSet<&String> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }

    #[test]
    fn an_admin_token_narrowed_to_a_list_is_not_an_admin() {
        let mut admin =
            Principal::without_token("root", Role::Admin, "default".parse().expect("id")).expect("subject");
        assert!(admin.is_admin());
        admin.permissions = [Permission::CvRead].into();
        assert!(!admin.is_admin());
        assert!(!admin.may_any(&[Permission::CvEnroll, Permission::MlTrain]));
        assert!(admin.may_any(&[Permission::CvEnroll, Permission::CvRead]));
        assert!(!admin.may_any(&[]));
    }
}

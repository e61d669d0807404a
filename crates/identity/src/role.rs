use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a caller may do, in no particular order.
pub type PermissionSet = BTreeSet<Permission>;

/// The text is not the name of a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown role {0:?}; roles are admin, manager, staff, guest, camera, data-scientist")]
pub struct UnknownRole(String);

/// The text is not the name of a permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown permission {0:?}; permissions are written like cv:recognize")]
pub struct UnknownPermission(String);

/// Declares a closed list of names once: the enum, its texts, and the conversions between them.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident, $error:ident, { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every one there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name as it stands in a token and on the command line.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl FromStr for $name {
            type Err = $error;
            fn from_str(text: &str) -> Result<Self, $error> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    other => Err($error(other.chars().take(64).collect())),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;
            fn try_from(text: String) -> Result<Self, $error> {
                text.parse()
            }
        }

        impl From<$name> for &'static str {
            fn from(name: $name) -> &'static str {
                name.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

names! {
    /// One thing that a route can ask for. What none of them names, nobody may do.
    Permission, UnknownPermission, {
        /// Post a picture and learn who is in it.
        CvRecognize = "cv:recognize",
        /// Post a picture and learn whether something is wrong in it.
        CvAnomaly = "cv:anomaly",
        /// Read what was seen. Never identity documents, never embeddings.
        CvRead = "cv:read",
        /// Teach what is seen: add pictures to the visual index of rooms and lost property, and say what an answer
        /// should have been.
        CvIndex = "cv:index",
        /// Enrol and delete faces.
        CvEnroll = "cv:enroll",
        /// Read documents: invoices and identity documents.
        CvDocuments = "cv:documents",
        /// Use the assistant on anyone's behalf.
        LlmUse = "llm:use",
        /// See flows and their logs.
        WorkflowRead = "workflow:read",
        /// Start and stop flows.
        WorkflowRun = "workflow:run",
        /// Read the audit log.
        AuditRead = "audit:read",
        /// Make and revoke API keys, and rotate the keys that seal the data.
        AdminKeys = "admin:keys",
        /// Read forecasts, scores and model cards.
        MlRead = "ml:read",
        /// Ask for price schedules and accept them.
        MlPrice = "ml:price",
        /// Retrain, promote and roll back models.
        MlTrain = "ml:train",
    }
}

names! {
    /// What kind of caller a token speaks for.
    Role, UnknownRole, {
        /// Runs the installation: everything.
        Admin = "admin",
        /// Runs the hotel: all that staff may, and people, documents, prices, flows, audit.
        Manager = "manager",
        /// Works in the hotel.
        Staff = "staff",
        /// Stays in the hotel. Holds no permission; own requests to the assistant are judged by subject.
        Guest = "guest",
        /// A camera or its gateway.
        Camera = "camera",
        /// Trains models.
        DataScientist = "data-scientist",
    }
}

impl Role {
    /// What the role may do when its token does not list permissions of its own.
    pub fn permissions(self) -> PermissionSet {
        use Permission as P;
        match self {
            Self::Admin => P::ALL.iter().copied().collect(),
            Self::Manager => {
                let own = [P::CvEnroll, P::CvDocuments, P::MlRead, P::MlPrice, P::WorkflowRun, P::AuditRead];
                Self::Staff.permissions().into_iter().chain(own).collect()
            }
            Self::Staff => {
                let own = [P::CvRead, P::CvIndex, P::LlmUse, P::WorkflowRead];
                Self::Camera.permissions().into_iter().chain(own).collect()
            }
            Self::Guest => PermissionSet::new(),
            Self::Camera => [P::CvRecognize, P::CvAnomaly].into(),
            Self::DataScientist => [P::MlRead, P::MlTrain].into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_may_do_exactly_what_the_documentation_says() {
        let camera = ["cv:recognize", "cv:anomaly"];
        let staff = ["cv:read", "cv:index", "llm:use", "workflow:read"];
        let manager = ["cv:enroll", "cv:documents", "ml:read", "ml:price", "workflow:run", "audit:read"];
        let scientist = ["ml:read", "ml:train"];
        let table: [(&str, Vec<&str>); 6] = [
            ("guest", vec![]),
            ("camera", camera.to_vec()),
            ("staff", [&camera[..], &staff].concat()),
            ("manager", [&camera[..], &staff, &manager].concat()),
            ("data-scientist", scientist.to_vec()),
            ("admin", [&camera[..], &staff, &manager, &scientist[1..], &["admin:keys"]].concat()),
        ];
        assert_eq!(table.len(), Role::ALL.len());
        for (role, allowed) in table {
            let role: Role = role.parse().expect(role);
            let want: BTreeSet<&str> = allowed.into_iter().collect();
            let have: BTreeSet<&str> = role.permissions().into_iter().map(Permission::as_str).collect();
            assert_eq!(have, want, "{role}");
        }
    }

    #[test]
    fn a_name_that_is_almost_right_is_not_accepted() {
        for bad in ["", "Admin", "admin ", "data_scientist", "root"] {
            assert!(bad.parse::<Role>().is_err(), "{bad:?}");
        }
        for bad in ["", "cv:*", "*", "cv:Read", "cv", "cv:recognise"] {
            assert!(bad.parse::<Permission>().is_err(), "{bad:?}");
        }
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse(), Ok(*permission));
        }
    }
}

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal,)*) => {
        /// The stable `code` of every problem a client can meet. A code never changes its meaning;
        /// new ones may be added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[doc = $doc])* $name,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as it stands in an answer.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// What the code means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),*).trim_ascii(),)*
                }
            }
        }
    };
}

codes! {
    /// The request is not what the endpoint reads: broken JSON, a missing field, a bad number.
    BadRequest = "bad_request",
    /// The image field is not base64.
    InvalidBase64 = "invalid_base64",
    /// An identifier holds characters that are not allowed, or is too long.
    InvalidId = "invalid_id",
    /// A timestamp is not RFC 3339.
    InvalidTimestamp = "invalid_timestamp",
    /// No token was sent.
    Unauthenticated = "unauthenticated",
    /// The token is malformed, expired, not yet valid or signed by somebody else.
    InvalidToken = "invalid_token",
    /// The token is good but does not allow this.
    Forbidden = "forbidden",
    /// There is no such path.
    NotFound = "not_found",
    /// The path exists, but not with this method.
    MethodNotAllowed = "method_not_allowed",
    /// No face of this employee is enrolled.
    EmployeeNotEnrolled = "employee_not_enrolled",
    /// The answer is unknown or too old, or named somebody else.
    AnswerNotFound = "answer_not_found",
    /// There is no such group of unknown faces; it may have been named, removed or expired.
    UnknownFaceNotFound = "unknown_face_not_found",
    /// There is no such negative sample.
    NegativeNotFound = "negative_not_found",
    /// There is no such attendance row.
    AttendanceNotFound = "attendance_not_found",
    /// There is no such picture in this hotel.
    ImageNotFound = "image_not_found",
    /// There is no such match of lost and found things.
    MatchNotFound = "match_not_found",
    /// A picture like this one is here already, and the request said that such pictures are to be refused.
    DuplicateImage = "duplicate_image",
    /// The time of the picture's address is over; ask for a fresh one.
    AddressExpired = "address_expired",
    /// The picture's address was altered, or was never given.
    AddressInvalid = "address_invalid",
    /// There is no such schedule of prices in this hotel, or not any more.
    ScheduleNotFound = "schedule_not_found",
    /// The schedule has no price for this night and room type.
    CellNotFound = "cell_not_found",
    /// The hotel has no rule of this name.
    RuleNotFound = "rule_not_found",
    /// There is no such API key.
    ApiKeyNotFound = "api_key_not_found",
    /// The room has no such reference photo.
    ReferenceNotFound = "reference_not_found",
    /// There is no model of this name, or not this version of it.
    ModelNotFound = "model_not_found",
    /// The face already belongs to another employee.
    FaceAlreadyEnrolled = "face_already_enrolled",
    /// The employee's faces were enrolled with another model; `innkeeper face reindex` mends it.
    ModelChanged = "model_changed",
    /// The room has as many reference photos as are kept; remove one first.
    TooManyReferences = "too_many_references",
    /// The hotel has a rule of this name already.
    RuleExists = "rule_exists",
    /// Rules contradict each other: they leave some night without a price. The detail and `rules` name them.
    RulesClash = "rules_clash",
    /// The schedule was approved, rejected or published before, or was not approved yet; the detail says which.
    ScheduleState = "schedule_state",
    /// The settings name no system to which prices could be sent.
    PublishTargetMissing = "publish_target_missing",
    /// There is no version to go back to.
    NothingToRollBack = "nothing_to_roll_back",
    /// The body or the picture is larger than allowed.
    PayloadTooLarge = "payload_too_large",
    /// The picture has more pixels than allowed.
    ImageTooLarge = "image_too_large",
    /// The bytes are not a picture of a kind we read.
    UnsupportedImage = "unsupported_image",
    /// The body has a content type the endpoint does not read.
    UnsupportedMediaType = "unsupported_media_type",
    /// The bytes start like a picture but cannot be decoded.
    BrokenImage = "broken_image",
    /// The bytes start like a PDF file but cannot be read.
    BrokenDocument = "broken_document",
    /// A page of the document is larger than what is read.
    DocumentTooLarge = "document_too_large",
    /// The PDF file needs a password.
    DocumentLocked = "document_locked",
    /// No document of the kind that was asked for is in the picture.
    DocumentNotFound = "document_not_found",
    /// The correction names a field that such answers do not have.
    UnknownField = "unknown_field",
    /// No face was found where one is needed.
    NoFace = "no_face",
    /// Several faces were found where exactly one is needed.
    MultipleFaces = "multiple_faces",
    /// The face is too small to be told apart.
    FaceTooSmall = "face_too_small",
    /// The face is too blurred, too dark, too bright or turned away.
    FaceQuality = "face_quality",
    /// The photos show different people.
    DifferentPeople = "different_people",
    /// None of the photos could be enrolled.
    NoUsablePhoto = "no_usable_photo",
    /// The photo cannot be used: too dark, too bright, blurred, too small, or no room in it.
    PhotoQuality = "photo_quality",
    /// Enrolment needs a record of the person's consent.
    ConsentRequired = "consent_required",
    /// The hotel has no room type of this name.
    UnknownRoomType = "unknown_room_type",
    /// Too few days of bookings are known for what was asked; the detail says how many there are and how many it takes.
    HistoryTooShort = "history_too_short",
    /// The rule asks for something that no rule can ask for.
    InvalidRule = "invalid_rule",
    /// The amount is not above zero, is too high, or has more decimals than the currency.
    InvalidPrice = "invalid_price",
    /// The price breaks a rule of the hotel; the detail and `rules` name it.
    RuleBroken = "rule_broken",
    /// No price of the hotel is known to start from.
    PricesUnknown = "prices_unknown",
    /// Nobody told how many rooms the hotel has.
    RoomsUnknown = "rooms_unknown",
    /// Too many requests of this client.
    RateLimited = "rate_limited",
    /// Too many failed matches of this client in a row.
    TooManyFailedMatches = "too_many_failed_matches",
    /// The database or the vector index cannot be reached.
    EngineUnavailable = "engine_unavailable",
    /// The hotel's system did not take the prices; nothing was published.
    PublishFailed = "publish_failed",
    /// The server has more work than it can do in time.
    Overloaded = "overloaded",
    /// The answer was not ready before the deadline.
    DeadlineExceeded = "deadline_exceeded",
    /// The model this needs is not installed; the detail names the command that installs it.
    ModelNotInstalled = "model_not_installed",
    /// The settings leave this part of the service out.
    ServiceDisabled = "service_disabled",
    /// The server is not ready yet, or shuts down.
    NotReady = "not_ready",
    /// Something failed that should not; the log has the request id.
    Internal = "internal",
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_says_what_it_means() {
        for code in ErrorCode::ALL {
            assert!(code.meaning().ends_with('.'), "{}: {}", code.as_str(), code.meaning());
        }
        assert_eq!(ErrorCode::NotFound.meaning(), "There is no such path.");
    }

    #[test]
    fn no_two_problems_share_a_code() {
        let mut seen = std::collections::HashSet::new();
        for code in ErrorCode::ALL {
            assert!(seen.insert(code.as_str()), "{} stands twice", code.as_str());
        }
    }
}

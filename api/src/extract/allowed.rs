//! The first extractor of every route: who calls, whether they may, and whether they call too often. It
//! looks at the head of the request only, so that nobody sends a picture just to be refused.

use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue, header};
use innkeeper_core::ErrorCode;
use innkeeper_identity::{CallClass, Permission, Principal, client_key_of_address};

use crate::app::App;
use crate::problem::Problem;
use crate::service::api_keys;

/// What a route asks of its callers.
pub(crate) trait Right: Send + Sync + 'static {
    /// Any one of these is enough.
    const ANY: &'static [Permission];
    /// Which allowance the call is taken from.
    fn class(caller: &Principal) -> CallClass {
        let _ = caller;
        CallClass::General
    }
}

/// Recognising faces.
pub(crate) struct Recognise;

impl Right for Recognise {
    const ANY: &'static [Permission] = &[Permission::CvRecognize, Permission::CvRead];
    fn class(caller: &Principal) -> CallClass {
        CallClass::recognition_of(caller)
    }
}

/// Enrolling, reading and deleting templates.
pub(crate) struct ManageFaces;

impl Right for ManageFaces {
    const ANY: &'static [Permission] = &[Permission::CvEnroll];
}

/// Naming unknown faces and putting wrong answers right.
pub(crate) struct CorrectFaces;

impl Right for CorrectFaces {
    const ANY: &'static [Permission] = &[Permission::CvEnroll];
}

/// Reading documents, and what was kept of them.
pub(crate) struct ReadDocuments;

impl Right for ReadDocuments {
    const ANY: &'static [Permission] = &[Permission::CvDocuments];
}

/// Adding pictures to the visual index, removing them, and running the desk for lost things.
pub(crate) struct IndexImages;

impl Right for IndexImages {
    const ANY: &'static [Permission] = &[Permission::CvIndex];
}

/// Looking at pictures of rooms and things.
pub(crate) struct SearchImages;

impl Right for SearchImages {
    const ANY: &'static [Permission] = &[Permission::CvRead, Permission::CvIndex];
}

/// Saying what an answer should have been: whoever works in the hotel, and whoever got the answer.
pub(crate) struct GiveFeedback;

impl Right for GiveFeedback {
    const ANY: &'static [Permission] = &[Permission::CvIndex, Permission::CvDocuments];
}

/// Photographing rooms, and reading what was seen of them.
pub(crate) struct SeeRooms;

impl Right for SeeRooms {
    const ANY: &'static [Permission] = &[Permission::CvRead, Permission::CvIndex];
}

/// Keeping reference photos and times of cleanings.
pub(crate) struct TeachRooms;

impl Right for TeachRooms {
    const ANY: &'static [Permission] = &[Permission::CvIndex];
}

/// Asking what will be.
pub(crate) struct ReadForecasts;

impl Right for ReadForecasts {
    const ANY: &'static [Permission] = &[Permission::MlRead];
}

/// Reading prices, and what became of them.
pub(crate) struct ReadPrices;

impl Right for ReadPrices {
    const ANY: &'static [Permission] = &[Permission::MlRead];
}

/// Having prices suggested, and deciding about them.
pub(crate) struct SetPrices;

impl Right for SetPrices {
    const ANY: &'static [Permission] = &[Permission::MlPrice];
}

/// Reading which versions of a model there are.
pub(crate) struct ReadModels;

impl Right for ReadModels {
    const ANY: &'static [Permission] = &[Permission::MlRead, Permission::MlTrain];
}

/// Promoting models and taking that back.
pub(crate) struct TrainModels;

impl Right for TrainModels {
    const ANY: &'static [Permission] = &[Permission::MlTrain];
}

/// Making and revoking API keys.
pub(crate) struct ManageKeys;

impl Right for ManageKeys {
    const ANY: &'static [Permission] = &[Permission::AdminKeys];
}

/// Reading the audit log.
pub(crate) struct ReadAudit;

impl Right for ReadAudit {
    const ANY: &'static [Permission] = &[Permission::AuditRead];
}

/// Where an API key is sent.
static API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// A caller with the right `R`, within their allowance.
pub(crate) struct Allowed<R> {
    pub caller: Principal,
    right: PhantomData<R>,
}

impl<R: Right> FromRequestParts<App> for Allowed<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = match &app.everybody {
            Some(everybody) => {
                from_this_machine(parts)?;
                everybody.clone()
            }
            None => authenticate(parts, app).await?,
        };
        // Counted before it is judged: refusals cost work too.
        if app.everybody.is_none() {
            app.limits.check(&caller.client_key(), R::class(&caller))?;
        }
        if !caller.may_any(R::ANY) {
            let wanted: Vec<&str> = R::ANY.iter().map(|p| p.as_str()).collect();
            let detail = format!("this needs the permission {}", wanted.join(" or "));
            return Err(Problem::new(ErrorCode::Forbidden, detail));
        }
        Ok(Self { caller, right: PhantomData })
    }
}

/// Without tokens a page of any site could have the browser of whoever develops here send requests, or point
/// a name of its own at this machine: the request must name this machine, and come from no other site.
fn from_this_machine(parts: &Parts) -> Result<(), Problem> {
    let header = |name| parts.headers.get(name).map(|v: &HeaderValue| v.to_str().unwrap_or_default());
    let host = parts.uri.authority().map(Authority::as_str).or_else(|| header(header::HOST));
    let host = host.unwrap_or_default();
    let here = host.parse::<Authority>().is_ok_and(|authority| {
        let name = authority.host().trim_matches(['[', ']']);
        name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    });
    let same_site = header(header::ORIGIN).is_none_or(|origin| {
        origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host))
    });
    if here && same_site {
        return Ok(());
    }
    let detail =
        "without tokens only this machine is served, by its own name and not from pages of other sites";
    Err(Problem::new(ErrorCode::Forbidden, detail))
}

async fn authenticate(parts: &Parts, app: &App) -> Result<Principal, Problem> {
    let refuse = |code, detail: &str| {
        // Guessing is counted by address, as nothing else is known of the caller.
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let ip = address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |a| a.0.ip());
        match app.limits.check(&client_key_of_address(ip), CallClass::General) {
            Ok(_) => Problem::new(code, detail),
            Err(limited) => limited.into(),
        }
    };
    let text = |name: &HeaderName| parts.headers.get(name).map(|v| v.to_str().unwrap_or_default().trim());
    match (text(&header::AUTHORIZATION), text(&API_KEY)) {
        (Some(_), Some(_)) => {
            Err(refuse(ErrorCode::BadRequest, "send `Authorization` or `X-API-Key`, not both"))
        }
        (Some(value), None) => {
            let token = value
                .split_once(' ')
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                .map(|(_, token)| token.trim())
                .ok_or_else(|| {
                    refuse(ErrorCode::InvalidToken, "the Authorization header is not `Bearer TOKEN`")
                })?;
            app.tokens.verify(token).map_err(|error| refuse(ErrorCode::InvalidToken, &error.to_string()))
        }
        (None, Some(key)) => api_keys::authenticate(&app.engines.store, key).await?.map_err(|error| {
            tracing::info!(reason = error.reason(), "an API key was refused");
            refuse(ErrorCode::InvalidToken, &error.to_string())
        }),
        (None, None) => {
            let detail =
                "send `Authorization: Bearer TOKEN` or `X-API-Key: KEY`; `innkeeper token` prints a token";
            Err(refuse(ErrorCode::Unauthenticated, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    #[test]
    fn a_name_that_only_looks_like_this_machine_is_refused() {
        let ask = |host: &str, origin: Option<&str>| {
            let mut request = Request::builder().uri("/x").header("host", host);
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            from_this_machine(&request.body(()).unwrap().into_parts().0).is_ok()
        };
        for host in ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "127.1.2.3", "[::1]:8000"] {
            assert!(ask(host, None), "{host}");
        }
        for host in
            ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "x@y z"]
        {
            assert!(!ask(host, None), "{host}");
        }
        assert!(ask("localhost:8000", Some("http://localhost:8000")));
        for origin in
            ["null", "", "http://localhost:3000", "https://evil.example", "http://localhost:8000.evil"]
        {
            assert!(!ask("localhost:8000", Some(origin)), "{origin}");
        }
    }
}

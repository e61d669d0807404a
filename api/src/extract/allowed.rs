//! The first extractor of every route: who calls, whether they may, and whether they call too often. It
//! looks at the head of the request only, so that nobody sends a picture just to be refused.

use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use innkeeper_core::ErrorCode;
use innkeeper_identity::{CallClass, Permission, Principal, client_key_of_address};

use crate::app::App;
use crate::problem::Problem;

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

/// A caller with the right `R`, within their allowance.
pub(crate) struct Allowed<R> {
    pub caller: Principal,
    right: PhantomData<R>,
}

impl<R: Right> FromRequestParts<App> for Allowed<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = match &app.everybody {
            Some(everybody) => everybody.clone(),
            None => authenticate(parts, app)?,
        };
        if !caller.may_any(R::ANY) {
            let wanted: Vec<&str> = R::ANY.iter().map(|p| p.as_str()).collect();
            let detail = format!("this needs the permission {}", wanted.join(" or "));
            return Err(Problem::new(ErrorCode::Forbidden, detail));
        }
        if app.everybody.is_none() {
            app.limits.check(&caller.client_key(), R::class(&caller))?;
        }
        Ok(Self { caller, right: PhantomData })
    }
}

fn authenticate(parts: &Parts, app: &App) -> Result<Principal, Problem> {
    let refuse = |code, detail: String| {
        // Guessing tokens is counted by address, as nothing else is known of the caller.
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let ip = address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |a| a.0.ip());
        match app.limits.check(&client_key_of_address(ip), CallClass::General) {
            Ok(_) => Problem::new(code, detail),
            Err(limited) => limited.into(),
        }
    };
    let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
        let detail = "send `Authorization: Bearer TOKEN`; `innkeeper token` prints one".to_owned();
        return Err(refuse(ErrorCode::Unauthenticated, detail));
    };
    let token = value
        .to_str()
        .ok()
        .and_then(|v| v.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| {
            refuse(ErrorCode::InvalidToken, "the Authorization header is not `Bearer TOKEN`".to_owned())
        })?;
    app.tokens.verify(token).map_err(|error| refuse(ErrorCode::InvalidToken, error.to_string()))
}

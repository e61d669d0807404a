use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;

const SECRET: &[u8] = b"a secret of thirty-two bytes, ok";

fn authority() -> TokenAuthority {
    TokenAuthority::from_secret(SECRET).expect("long enough")
}

fn new_token(role: Role, permissions: Option<Vec<Permission>>) -> NewToken {
    NewToken {
        subject: "EMP001".to_owned(),
        role,
        permissions,
        hotel: "default".parse().expect("an id"),
        ttl: Duration::from_hours(1),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn good_claims() -> Value {
    json!({
        "iss": "innkeeper", "aud": "innkeeper", "sub": "EMP001", "jti": "t1", "hotel": "default",
        "role": "staff", "iat": now(), "nbf": now(), "exp": now() + 3600,
    })
}

/// Signs any claims at all with the right secret.
fn signed(claims: &Value) -> String {
    let header = Header::new(Algorithm::HS256);
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(SECRET)).expect("signed")
}

fn verify_changed(name: &str, value: Value) -> Result<Principal, TokenError> {
    let authority = authority();
    let mut claims = good_claims();
    claims[name] = value;
    authority.verify(&signed(&claims))
}

#[test]
fn an_issued_token_says_who_may_do_what_and_where() {
    let authority = authority();
    let token = authority.issue(&new_token(Role::Camera, None)).expect("issued");
    let principal = authority.verify(&token).expect("accepted");
    assert_eq!(principal.subject, "EMP001");
    assert_eq!(principal.role, Role::Camera);
    assert_eq!(principal.hotel.as_str(), "default");
    assert_eq!(principal.permissions, Role::Camera.permissions());
    assert!(principal.may(Permission::CvRecognize) && !principal.may(Permission::CvEnroll));
    let other = authority.verify(&authority.issue(&new_token(Role::Camera, None)).expect("issued"));
    assert_ne!(other.expect("accepted").credential, principal.credential);
}

#[test]
fn listed_permissions_take_the_place_of_the_roles() {
    let authority = authority();
    let permissions = |role, list: Vec<Permission>| {
        let token = authority.issue(&new_token(role, Some(list))).expect("issued");
        authority.verify(&token).expect("accepted").permissions
    };
    assert_eq!(permissions(Role::Admin, vec![Permission::CvRead]), [Permission::CvRead].into());
    assert_eq!(permissions(Role::Guest, vec![Permission::LlmUse]), [Permission::LlmUse].into());
    assert!(permissions(Role::Admin, vec![]).is_empty(), "an empty list became full access");
}

#[test]
fn a_null_or_unknown_permission_does_not_fall_back_to_the_role() {
    for bad in [json!(null), json!("cv:read"), json!(["cv:read", 5]), json!([null]), json!({})] {
        assert_eq!(verify_changed("permissions", bad.clone()), Err(TokenError::Malformed), "{bad}");
    }
    for bad in [json!(["*"]), json!(["cv:read", "cv:fly"]), json!([""])] {
        assert!(
            matches!(
                verify_changed("permissions", bad.clone()),
                Err(TokenError::InvalidClaim { claim: "permissions", .. })
            ),
            "{bad}"
        );
    }
}

#[test]
fn an_expired_token_stops_working_after_the_leeway() {
    assert_eq!(verify_changed("exp", json!(now() - 60)), Err(TokenError::Expired));
    assert!(verify_changed("exp", json!(now() - 5)).is_ok(), "a slow clock locks callers out");
}

#[test]
fn a_token_does_not_work_before_its_time() {
    assert_eq!(verify_changed("nbf", json!(now() + 600)), Err(TokenError::NotYetValid));
    assert!(verify_changed("nbf", json!(now() + 5)).is_ok());
}

#[test]
fn a_token_for_another_service_or_from_another_issuer_is_refused() {
    assert_eq!(verify_changed("aud", json!("billing")), Err(TokenError::Audience));
    assert_eq!(verify_changed("iss", json!("somebody")), Err(TokenError::Issuer));
}

#[test]
fn a_token_signed_with_another_secret_is_refused() {
    let other = TokenAuthority::from_secret(b"another secret of thirty-two byte").expect("long enough");
    let token = other.issue(&new_token(Role::Admin, None)).expect("issued");
    assert_eq!(authority().verify(&token), Err(TokenError::Signature));
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[test]
fn a_token_without_signature_is_refused_however_it_is_spelt() {
    let claims = encoded(&good_claims());
    for alg in ["none", "None", "NONE", ""] {
        for signature in ["", "AAAA"] {
            let token = format!("{}.{claims}.{signature}", encoded(&json!({"alg": alg, "typ": "JWT"})));
            assert!(authority().verify(&token).is_err(), "alg {alg:?}");
        }
    }
    let good = signed(&good_claims());
    let cut = good.rsplit_once('.').expect("three parts").0;
    assert!(authority().verify(cut).is_err());
    assert_eq!(authority().verify(&format!("{cut}.")), Err(TokenError::Signature));
}

#[test]
fn another_algorithm_in_the_header_is_refused_even_with_our_signature() {
    let good = signed(&good_claims());
    let parts: Vec<&str> = good.split('.').collect();
    for alg in ["RS256", "ES256", "EdDSA", "PS256", "HS384", "HS512"] {
        let header = encoded(&json!({"alg": alg, "typ": "JWT"}));
        let swapped = format!("{header}.{}.{}", parts[1], parts[2]);
        assert_eq!(authority().verify(&swapped), Err(TokenError::Algorithm), "{alg}");
        // And properly signed over that header, by somebody who takes the secret for a public key.
        let message = format!("{header}.{}", parts[1]);
        let signature = jsonwebtoken::crypto::sign(
            message.as_bytes(),
            &EncodingKey::from_secret(SECRET),
            Algorithm::HS256,
        )
        .expect("signed");
        assert_eq!(
            authority().verify(&format!("{message}.{signature}")),
            Err(TokenError::Algorithm),
            "{alg}"
        );
    }
}

#[test]
fn an_extension_that_must_be_understood_is_not_ignored() {
    let mut header = Header::new(Algorithm::HS256);
    header.crit = Some(vec!["b64".to_owned()]);
    let token =
        jsonwebtoken::encode(&header, &good_claims(), &EncodingKey::from_secret(SECRET)).expect("signed");
    assert_eq!(authority().verify(&token), Err(TokenError::Algorithm));
}

#[test]
fn claims_changed_after_signing_are_refused() {
    let authority = authority();
    let token = authority.issue(&new_token(Role::Staff, None)).expect("issued");
    let parts: Vec<&str> = token.split('.').collect();
    let mut claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).expect("base64")).expect("json");
    claims["role"] = json!("admin");
    let forged = format!("{}.{}.{}", parts[0], encoded(&claims), parts[2]);
    assert_eq!(authority.verify(&forged), Err(TokenError::Signature));
}

#[test]
fn a_missing_claim_never_becomes_a_default() {
    for name in ["iss", "aud", "sub", "jti", "hotel", "role", "nbf", "exp"] {
        let mut claims = good_claims();
        claims.as_object_mut().expect("an object").remove(name);
        assert_eq!(
            authority().verify(&signed(&claims)),
            Err(TokenError::MissingClaim(name.to_owned())),
            "{name}"
        );
        assert!(verify_changed(name, json!(null)).is_err(), "{name}: null");
    }
}

#[test]
fn claims_that_could_poison_logs_or_paths_are_refused() {
    for (claim, bad) in [
        ("sub", json!("")),
        ("sub", json!("a\nb")),
        ("sub", json!("x".repeat(129))),
        ("jti", json!("")),
        ("jti", json!("x".repeat(65))),
        ("hotel", json!("../other")),
        ("hotel", json!("")),
        ("role", json!("root")),
        ("role", json!("Admin")),
    ] {
        let refused = verify_changed(claim, bad.clone());
        assert!(
            matches!(&refused, Err(TokenError::InvalidClaim { claim: c, .. }) if *c == claim),
            "{claim} {bad}: {refused:?}"
        );
    }
}

#[test]
fn a_claim_given_twice_is_refused() {
    let good = good_claims().to_string();
    let twice = format!("{},\"role\":\"admin\"}}", &good[..good.len() - 1]);
    let message = format!("{}.{}", encoded(&json!({"alg": "HS256"})), URL_SAFE_NO_PAD.encode(twice));
    let key = EncodingKey::from_secret(SECRET);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("signed");
    assert_eq!(authority().verify(&format!("{message}.{signature}")), Err(TokenError::Malformed));
}

#[test]
fn rubbish_is_refused_without_a_panic() {
    let huge = "A".repeat(MAX_TOKEN_BYTES + 1);
    assert_eq!(authority().verify(&huge), Err(TokenError::TooLong));
    let mut claims = good_claims();
    claims["note"] = json!("x".repeat(MAX_TOKEN_BYTES));
    assert_eq!(authority().verify(&signed(&claims)), Err(TokenError::TooLong), "even signed");
    for bad in ["", ".", "..", "a.b", "a.b.c", "....", "é.é.é", "e30.e30.e30"] {
        assert!(authority().verify(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_weak_secret_is_refused_and_never_replaced_by_the_file() {
    let dir = tempfile::tempdir().expect("a folder");
    for weak in ["", "short", &"x".repeat(31), &format!("{}          ", "x".repeat(30))] {
        let refused = TokenAuthority::open(Some(weak), dir.path());
        assert!(matches!(refused, Err(SecretError::TooShort { .. })), "{weak:?}");
    }
    assert!(!dir.path().join("secrets").exists(), "a file was created although a secret was given");
}

#[test]
fn a_token_survives_a_restart_and_the_move_of_its_secret_into_the_environment() {
    let dir = tempfile::tempdir().expect("a folder");
    let token = TokenAuthority::load_or_create(dir.path())
        .expect("created")
        .issue(&new_token(Role::Staff, None))
        .expect("issued");
    assert!(TokenAuthority::open(None, dir.path()).expect("loaded").verify(&token).is_ok());
    let text = std::fs::read_to_string(dir.path().join("secrets/jwt.key")).expect("the secret");
    let elsewhere = tempfile::tempdir().expect("a folder");
    assert!(TokenAuthority::open(Some(&text), elsewhere.path()).expect("given").verify(&token).is_ok());
}

#[test]
fn a_token_with_an_impossible_life_or_subject_is_not_issued() {
    let authority = authority();
    for ttl in [Duration::ZERO, Duration::from_millis(900), Duration::from_secs(u64::MAX)] {
        let refused = authority.issue(&NewToken { ttl, ..new_token(Role::Staff, None) });
        assert!(matches!(refused, Err(IssueError::Ttl(TtlError::Range))), "{ttl:?}");
    }
    let refused = authority.issue(&NewToken { subject: "a\nb".to_owned(), ..new_token(Role::Staff, None) });
    assert!(matches!(refused, Err(IssueError::Subject(_))));
}

#[test]
fn the_secret_does_not_show_in_debug_output() {
    let shown = format!("{:?}", authority());
    assert!(!shown.contains("secret of"), "{shown}");
}

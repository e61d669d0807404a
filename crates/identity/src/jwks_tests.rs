use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{EncodingKey, Header, get_current_timestamp};
use serde_json::{Value, json};

use super::*;
use crate::{Credential, NewToken, Role, TokenAuthority, TokenError};

const SECRET: &[u8] = b"a secret of thirty-two bytes, ok";

/// A pair of keys of somebody else: what signs, and the public half as it stands in a set.
struct Pair {
    algorithm: Algorithm,
    sign: EncodingKey,
    public: Value,
}

fn rsa(kid: &str) -> Pair {
    let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).expect("a key");
    let der: Pkcs8V1Der = pair.as_der().expect("encoded");
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der.as_ref())
    );
    let sign = EncodingKey::from_rsa_pem(pem.as_bytes()).expect("read");
    let jwk = Jwk::from_encoding_key(&sign, Algorithm::RS256).expect("public");
    let mut public = serde_json::to_value(&jwk).expect("json");
    public["kid"] = json!(kid);
    public["use"] = json!("sig");
    Pair { algorithm: Algorithm::RS256, sign, public }
}

fn ed(kid: &str) -> Pair {
    let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
    let pair = Ed25519KeyPair::from_pkcs8(der.as_ref()).expect("read");
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    let public = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA", "use": "sig", "kid": kid});
    Pair { algorithm: Algorithm::EdDSA, sign: EncodingKey::from_ed_der(der.as_ref()), public }
}

fn ec(kid: &str) -> Pair {
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let der = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, der.as_ref()).expect("read");
    let point = pair.public_key().as_ref();
    let [x, y] = [&point[1..33], &point[33..]].map(|part| URL_SAFE_NO_PAD.encode(part));
    let public =
        json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "alg": "ES256", "use": "sig", "kid": kid});
    Pair { algorithm: Algorithm::ES256, sign: EncodingKey::from_ec_der(der.as_ref()), public }
}

struct House {
    dir: tempfile::TempDir,
}

impl House {
    fn new(keys: &[&Value]) -> Self {
        let house = Self { dir: tempfile::tempdir().expect("a folder") };
        house.publish(&json!({ "keys": keys }));
        house
    }

    fn publish(&self, set: &Value) {
        std::fs::write(self.settings().jwks, set.to_string()).expect("written");
    }

    fn settings(&self) -> ExternalIssuer {
        let (issuer, audience) = ("https://id.example".to_owned(), "hotel".to_owned());
        ExternalIssuer { jwks: self.dir.path().join("jwks.json"), issuer, audience }
    }

    fn open(&self) -> Result<TokenAuthority, JwksError> {
        TokenAuthority::from_secret(SECRET).expect("long enough").with_external(&self.settings())
    }

    fn authority(&self) -> TokenAuthority {
        self.open().expect("a good file")
    }
}

fn claims() -> Value {
    let now = get_current_timestamp();
    json!({
        "iss": "https://id.example", "aud": "hotel", "sub": "anna", "jti": "x1", "hotel": "default",
        "role": "manager", "nbf": now, "exp": now + 600,
    })
}

fn signed(algorithm: Algorithm, kid: Option<&str>, key: &EncodingKey, claims: &Value) -> String {
    let header = Header { kid: kid.map(ToOwned::to_owned), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, claims, key).expect("signed")
}

fn by(pair: &Pair, kid: &str) -> String {
    signed(pair.algorithm, Some(kid), &pair.sign, &claims())
}

#[test]
fn tokens_of_the_external_issuer_are_accepted_under_each_algorithm_beside_our_own() {
    let pairs = [rsa("r"), ed("d"), ec("c")];
    let house = House::new(&[&pairs[0].public, &pairs[1].public, &pairs[2].public]);
    let authority = house.authority();
    for (pair, kid) in pairs.iter().zip(["r", "d", "c"]) {
        let principal = authority.verify(&by(pair, kid)).expect("accepted");
        assert_eq!((principal.subject.as_str(), principal.role), ("anna", Role::Manager));
        assert_eq!(principal.credential, Credential::Token("x1".to_owned()));
    }
    let own = authority.issue(&NewToken {
        subject: "EMP001".to_owned(),
        role: Role::Staff,
        permissions: None,
        hotel: "default".parse().expect("an id"),
        ttl: Duration::from_mins(1),
    });
    assert!(authority.verify(&own.expect("issued")).is_ok());
}

#[test]
fn a_public_key_used_as_an_hmac_secret_opens_nothing() {
    let pair = rsa("r");
    let authority = House::new(&[&pair.public]).authority();
    let text = |name: &str| pair.public[name].as_str().expect("a text").to_owned();
    let modulus = URL_SAFE_NO_PAD.decode(text("n")).expect("base64url");
    // Every spelling in which somebody might hand the public key to an HMAC check.
    let mut ours = claims();
    (ours["iss"], ours["aud"]) = (json!("innkeeper"), json!("innkeeper"));
    for secret in [modulus, text("n").into_bytes(), pair.public.to_string().into_bytes()] {
        for claims in [&claims(), &ours] {
            for kid in [Some("r"), None] {
                let forged = signed(Algorithm::HS256, kid, &EncodingKey::from_secret(&secret), claims);
                assert_eq!(authority.verify(&forged), Err(TokenError::Signature));
            }
        }
    }
}

#[test]
fn a_key_verifies_under_its_own_algorithm_only() {
    let (r, d, c) = (rsa("r"), ed("d"), ec("c"));
    let authority = House::new(&[&r.public, &d.public, &c.public]).authority();
    // The right signature under the name of another key.
    for (pair, other) in [(&r, "d"), (&r, "c"), (&d, "r"), (&d, "c"), (&c, "r"), (&c, "d")] {
        assert_eq!(authority.verify(&by(pair, other)), Err(TokenError::Algorithm), "{other}");
    }
    // The right key under another algorithm of its family.
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS512] {
        let token = signed(algorithm, Some("r"), &r.sign, &claims());
        assert_eq!(authority.verify(&token), Err(TokenError::Algorithm), "{algorithm:?}");
    }
    // Another key that goes by the name of a good one.
    assert_eq!(authority.verify(&by(&ed("d"), "d")), Err(TokenError::Signature));
}

#[test]
fn a_token_without_a_signature_is_refused_also_with_an_external_issuer() {
    let pair = ed("d");
    let authority = House::new(&[&pair.public]).authority();
    let token = by(&pair, "d");
    let parts: Vec<&str> = token.split('.').collect();
    for alg in ["none", "None", ""] {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": alg, "kid": "d"}).to_string());
        assert!(authority.verify(&format!("{header}.{}.", parts[1])).is_err(), "{alg:?}");
    }
    assert_eq!(authority.verify(&format!("{}.{}.", parts[0], parts[1])), Err(TokenError::Signature));
}

#[test]
fn keys_that_the_token_brings_along_or_does_not_name_are_not_used() {
    let (pair, stranger) = (ed("d"), ed("stranger"));
    let authority = House::new(&[&pair.public]).authority();
    for kid in [None, Some(""), Some("D"), Some("stranger")] {
        let token = signed(Algorithm::EdDSA, kid, &pair.sign, &claims());
        assert_eq!(authority.verify(&token), Err(TokenError::UnknownKey), "{kid:?}");
    }
    let mut header = Header::new(Algorithm::EdDSA);
    header.jwk = serde_json::from_value(stranger.public.clone()).expect("a key");
    let token = jsonwebtoken::encode(&header, &claims(), &stranger.sign).expect("signed");
    assert_eq!(authority.verify(&token), Err(TokenError::UnknownKey));
    // And without an external issuer none of these algorithms is looked at.
    let alone = TokenAuthority::from_secret(SECRET).expect("long enough");
    assert_eq!(alone.verify(&by(&pair, "d")), Err(TokenError::Algorithm));
}

#[test]
fn an_external_token_is_held_to_the_same_claims() {
    let pair = ed("d");
    let authority = House::new(&[&pair.public]).authority();
    let verify = |claims: &Value| authority.verify(&signed(Algorithm::EdDSA, Some("d"), &pair.sign, claims));
    assert!(verify(&claims()).is_ok());
    for name in ["iss", "aud", "sub", "jti", "hotel", "role", "nbf", "exp"] {
        let mut claims = claims();
        claims.as_object_mut().expect("an object").remove(name);
        assert_eq!(verify(&claims), Err(TokenError::MissingClaim(name.to_owned())), "{name}");
    }
    let now = get_current_timestamp();
    for (name, value, error) in [
        ("iss", json!("innkeeper"), TokenError::Issuer),
        ("aud", json!("innkeeper"), TokenError::Audience),
        ("exp", json!(now - 60), TokenError::Expired),
        ("nbf", json!(now + 600), TokenError::NotYetValid),
    ] {
        let mut claims = claims();
        claims[name] = value;
        assert_eq!(verify(&claims), Err(error), "{name}");
    }
    // Our own secret does not speak for the external issuer.
    let ours = signed(Algorithm::HS256, None, &EncodingKey::from_secret(SECRET), &claims());
    assert!(matches!(authority.verify(&ours), Err(TokenError::Audience | TokenError::Issuer)));
}

#[test]
fn a_key_that_is_not_said_to_verify_signatures_is_not_used() {
    let good = ed("good");
    let changed = |pair: Pair, member: &str, value: Value| {
        let mut public = pair.public.clone();
        public[member] = value;
        (pair, public)
    };
    for (pair, public) in [
        changed(ed("x"), "use", json!("enc")),
        changed(ed("x"), "use", Value::Null),
        changed(ed("x"), "alg", Value::Null),
        changed(ed("x"), "alg", json!("RS256")),
        changed(ed("x"), "alg", json!("HS256")),
        changed(ed("x"), "crv", json!("Ed448")),
        changed(ed("x"), "key_ops", json!(["encrypt"])),
        changed(ed("x"), "x", json!(URL_SAFE_NO_PAD.encode([1; 31]))),
        changed(ed("x"), "x", json!("not base64url!")),
        changed(ed("x"), "kid", Value::Null),
        changed(ec("x"), "alg", json!("ES384")),
        changed(ec("x"), "y", Value::Null),
        changed(rsa("x"), "alg", json!("RSA-OAEP")),
        changed(rsa("x"), "alg", json!("PS256")),
        changed(rsa("x"), "n", json!(URL_SAFE_NO_PAD.encode([0xff; 128]))),
        changed(rsa("x"), "n", json!(URL_SAFE_NO_PAD.encode([0xff; 1025]))),
    ] {
        let authority = House::new(&[&public, &good.public]).authority();
        assert_eq!(authority.verify(&by(&pair, "x")), Err(TokenError::UnknownKey), "{public}");
        assert!(authority.verify(&by(&good, "good")).is_ok(), "one odd key took the good one away");
        assert!(matches!(House::new(&[&public]).open(), Err(JwksError::NoKey(_))), "{public}");
    }
}

#[test]
fn a_file_with_a_secret_in_it_is_refused_whole() {
    let good = ed("good").public;
    let hmac =
        json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(SECRET), "alg": "HS256", "use": "sig", "kid": "h"});
    let mut private = ed("p").public;
    private["d"] = json!("AAAA");
    for secret in [hmac, private] {
        assert!(matches!(House::new(&[&good, &secret]).open(), Err(JwksError::Secret(_))), "{secret}");
    }
}

#[test]
fn a_changed_file_takes_effect_and_a_broken_one_keeps_the_keys() {
    let (old, new) = (ed("old"), ed("new"));
    let house = House::new(&[&old.public]);
    let authority = house.authority();
    assert!(!authority.reload().expect("unchanged"));
    house.publish(&json!({ "keys": [new.public] }));
    assert_eq!(authority.verify(&by(&new, "new")), Err(TokenError::UnknownKey));
    assert!(authority.reload().expect("changed"));
    assert!(authority.verify(&by(&new, "new")).is_ok());
    assert_eq!(
        authority.verify(&by(&old, "old")),
        Err(TokenError::UnknownKey),
        "a withdrawn key still works"
    );

    let twice = json!({ "keys": [new.public, ed("new").public] });
    for broken in ["", "{", "[]", r#"{"keys": []}"#, &twice.to_string(), &" ".repeat(300_000)] {
        std::fs::write(house.settings().jwks, broken).expect("written");
        assert!(authority.reload().is_err(), "{broken:.80}");
        assert!(house.open().is_err(), "{broken:.80}");
        assert!(authority.verify(&by(&new, "new")).is_ok(), "{broken:.80}");
    }
    std::fs::remove_file(house.settings().jwks).expect("removed");
    assert!(matches!(authority.reload(), Err(JwksError::File { .. })));
    assert!(authority.verify(&by(&new, "new")).is_ok());
}

#[test]
fn an_issuer_without_a_name_is_refused() {
    let house = House::new(&[&ed("d").public]);
    for (issuer, audience) in [("", "hotel"), ("https://id.example", "")] {
        let settings =
            ExternalIssuer { issuer: issuer.into(), audience: audience.into(), ..house.settings() };
        let refused = TokenAuthority::from_secret(SECRET).expect("long enough").with_external(&settings);
        assert!(matches!(refused, Err(JwksError::Nameless)));
    }
}

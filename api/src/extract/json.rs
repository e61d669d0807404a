//! JSON bodies, and what is wrong with one, in few words: the place and the kind of mistake, never what the
//! client sent, which may be a whole picture in a field of another type.

use std::fmt;

use axum::extract::{FromRequest, Request};
use innkeeper_core::ErrorCode;
use serde::de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::{Category, Error};
use serde_json::{Map, Value};

use super::form::content_type;
use crate::app::App;
use crate::problem::Problem;

/// The body of a route that takes no picture.
pub(crate) struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if content_type(&parts.headers) != "application/json" {
            let detail = "send the fields as application/json";
            return Err(Problem::new(ErrorCode::UnsupportedMediaType, detail));
        }
        let (bytes, _room) = app.bodies.read(&parts.headers, body).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|e| broken(&e))
    }
}

/// Longest account of a mistake, in characters.
const LONGEST: usize = 200;
/// Longest name of an unknown field that is repeated to whoever sent it, in bytes.
const LONGEST_NAME: usize = 40;

/// The problem of a body, or of a field of a form, that is not the JSON it should be.
pub(crate) fn broken(error: &Error) -> Problem {
    Problem::new(ErrorCode::BadRequest, describe(error))
}

/// A JSON object in a form field, in which no name stands twice: of two consents nobody could say which holds.
pub(super) fn object(text: &str) -> Result<Map<String, Value>, Problem> {
    serde_json::from_str(text).map(|Unique(map)| map).map_err(|e| broken(&e))
}

/// An object whose names are all different.
struct Unique(Map<String, Value>);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Unique;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Unique, A::Error> {
                let mut map = Map::new();
                while let Some((name, value)) = members.next_entry()? {
                    if map.insert(name, value).is_some() {
                        return Err(A::Error::custom("a field stands twice"));
                    }
                }
                Ok(Unique(map))
            }
        }
        deserializer.deserialize_map(Names)
    }
}

/// Any JSON in which no object has a name twice, at any depth.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Strict(pub Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Anything;
        impl<'de> Visitor<'de> for Anything {
            type Value = Strict;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Strict, E> {
                Ok(Strict(flag.into()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Strict, E> {
                Ok(Strict(number.into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Strict, E> {
                Ok(Strict(number.into()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Strict, E> {
                Ok(Strict(number.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Strict, E> {
                Ok(Strict(text.into()))
            }

            fn visit_unit<E>(self) -> Result<Strict, E> {
                Ok(Strict(Value::Null))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Strict, A::Error> {
                let mut list = Vec::new();
                while let Some(Strict(element)) = elements.next_element()? {
                    list.push(element);
                }
                Ok(Strict(list.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Strict, A::Error> {
                let mut map = Map::new();
                while let Some((name, Strict(value))) = members.next_entry()? {
                    if map.insert(name, value).is_some() {
                        return Err(A::Error::custom("a field stands twice"));
                    }
                }
                Ok(Strict(map.into()))
            }
        }
        deserializer.deserialize_any(Anything)
    }
}

/// One sentence on what is wrong and where.
fn describe(error: &Error) -> String {
    let whole = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = whole.strip_suffix(&place).unwrap_or(&whole);
    let what = match error.classify() {
        // The parser's own messages are fixed texts.
        Category::Io | Category::Syntax | Category::Eof => format!("the JSON is broken: {what}"),
        Category::Data => without_value(what),
    };
    let short: String = what.chars().take(LONGEST).collect();
    // A body built from form fields has no lines.
    if error.line() == 0 { short } else { short + &place }
}

/// The message without the value or the long name it quotes: what is expected stands at its end, so
/// nothing a client writes can be mistaken for it.
fn without_value(message: &str) -> String {
    if let Some(rest) = message.strip_prefix("unknown field `") {
        return match rest.split_once('`') {
            Some((name, expected)) if is_plain(name) => {
                let expected = expected.trim_start_matches(", ");
                format!("unknown field `{name}`, {expected}")
            }
            _ => "a field has an unknown name".to_owned(),
        };
    }
    match message.rsplit_once(", expected ") {
        Some((found, expected)) => {
            let kind = found.split(['"', '`']).next().unwrap_or_default().trim_end();
            format!("{kind}, expected {expected}")
        }
        None => message.to_owned(),
    }
}

/// Whether a name is short and harmless enough to be repeated.
fn is_plain(name: &str) -> bool {
    name.len() <= LONGEST_NAME && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[expect(dead_code, reason = "only read")]
        images: Vec<String>,
        #[expect(dead_code, reason = "only read")]
        name: Option<String>,
    }

    fn of(text: &str) -> String {
        describe(&serde_json::from_str::<Body>(text).unwrap_err())
    }

    #[test]
    fn nothing_the_client_sent_comes_back() {
        let secret = "c2VjcmV0, expected `x`, ".repeat(5_000);
        for body in [
            format!(r#"{{"images": "{secret}"}}"#),
            format!(r#"{{"{secret}": 1}}"#),
            format!(r#"{{"images": [], "name": {{"{secret}": 1}}}}"#),
            format!(r#"{{"images": ["{secret}"#),
            format!("{{\"images\": [{}]}}", "9".repeat(100_000)),
        ] {
            let told = of(&body);
            assert!(told.len() < 300, "{} bytes", told.len());
            assert!(!told.contains("c2VjcmV0") && !told.contains("99999"), "{told}");
        }
    }

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        assert_eq!(object(r#"{"a": 1, "b": {"a": 2}}"#).unwrap()["b"]["a"], 2);
        let told = object(r#"{"a": 1, "a": 1}"#).unwrap_err();
        assert!(told.detail.starts_with("a field stands twice"), "{}", told.detail);
    }

    #[test]
    fn json_of_any_depth_is_read_as_it_is_unless_a_name_stands_twice() {
        let text = r#"{"a": [1, -2, 0.5, "x", null, true, {"b": {"c": []}}], "b": {}}"#;
        let read: Strict = serde_json::from_str(text).unwrap();
        assert_eq!(read.0, serde_json::from_str::<Value>(text).unwrap());
        for twice in [r#"{"a": 1, "a": 1}"#, r#"[{"a": {"b": 1, "c": 2, "b": 3}}]"#] {
            let told = serde_json::from_str::<Strict>(twice).unwrap_err().to_string();
            assert!(told.starts_with("a field stands twice"), "{told}");
        }
        let deep = "[".repeat(100_000);
        assert!(serde_json::from_str::<Strict>(&deep).is_err());
    }

    #[test]
    fn the_kind_of_mistake_and_its_place_are_told() {
        assert_eq!(
            of(r#"{"images": "abc"}"#),
            "invalid type: string, expected a sequence at line 1 column 16"
        );
        assert_eq!(of(r#"{"images": 7}"#), "invalid type: integer, expected a sequence at line 1 column 12");
        assert_eq!(
            of(r#"{"image": 7}"#),
            "unknown field `image`, expected `images` or `name` at line 1 column 8"
        );
        assert_eq!(of("{}"), "missing field `images` at line 1 column 2");
        assert!(of("{").starts_with("the JSON is broken: "), "{}", of("{"));
    }
}

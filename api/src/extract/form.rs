//! Pictures with a few fields, in the three forms a camera, a phone or a program sends them: JSON with
//! base64, `multipart/form-data`, or the raw picture with the fields in the query. All end in the same
//! type, so the answer is the same.

use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Query, Request};
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use innkeeper_core::ErrorCode;
use serde::de::{DeserializeOwned, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::body::Room;
use super::json;
use crate::app::App;
use crate::config::MAX_PHOTOS;
use crate::problem::Problem;

/// Cameras leave the padding out as often as not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Longest text of a form field or query parameter.
const MAX_FIELD: usize = 64 * 1024;
/// Most fields or query parameters; every route has fewer.
const MAX_FIELDS: usize = 32;
/// Longest JSON that is parsed, with its base64, on the thread that serves others too.
const MAX_INLINE: usize = 64 * 1024;

/// The JSON body of a route that takes pictures.
pub(crate) trait FormFields: DeserializeOwned + Send + 'static {
    /// The field that holds the picture, or the list of them.
    const IMAGES: &'static str;
    /// Whether [`FormFields::IMAGES`] is a list.
    const MANY: bool;
    /// Whether a raw body may be a PDF file too.
    const PDF: bool = false;
    /// Whether the fields may come without a picture.
    const OPTIONAL: bool = false;
    /// The object of the JSON body that holds this field, which a form or a query names without it.
    fn object_of(field: &str) -> Option<&'static str> {
        let _ = field;
        None
    }
    /// Takes the base64 texts out of the fields.
    fn take_images(&mut self) -> Vec<String>;
}

/// The fields and the decoded pictures.
pub(crate) struct Form<T> {
    pub fields: T,
    pub images: Vec<Bytes>,
    /// To be kept until the pictures are done with.
    pub room: Room,
}

/// Base64 texts of pictures, at most [`MAX_PHOTOS`]: a list of a million empty texts stops there.
#[derive(Debug, Default)]
pub(crate) struct Pictures(pub Vec<String>);

impl<'de> Deserialize<'de> for Pictures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Pictures;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of pictures")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Pictures, A::Error> {
                let mut pictures = Vec::new();
                while let Some(picture) = list.next_element()? {
                    if pictures.len() == MAX_PHOTOS {
                        return Err(A::Error::custom(format!("more than {MAX_PHOTOS} pictures")));
                    }
                    pictures.push(picture);
                }
                Ok(Pictures(pictures))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

fn bad(detail: impl std::fmt::Display) -> Problem {
    Problem::new(ErrorCode::BadRequest, detail.to_string())
}

impl<T: FormFields> FromRequest<App> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let kind = content_type(&parts.headers);
        match kind.as_str() {
            "application/json" => {
                let (bytes, room) = app.bodies.read(&parts.headers, body).await?;
                let (fields, images) = if bytes.len() > MAX_INLINE {
                    tokio::task::spawn_blocking(move || from_json::<T>(&bytes)).await??
                } else {
                    from_json(&bytes)?
                };
                Ok(Self { fields, images, room })
            }
            "multipart/form-data" => {
                let (bytes, room) = app.bodies.read(&parts.headers, body).await?;
                let request = Request::from_parts(parts, Body::from(bytes));
                let multipart =
                    Multipart::from_request(request, &()).await.map_err(|e| bad(e.body_text()))?;
                parts_of::<T>(multipart, room).await
            }
            raw if raw.starts_with("image/")
                || raw == "application/octet-stream"
                || T::PDF && raw == "application/pdf" =>
            {
                let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(bad)?;
                let mut map = Map::new();
                for (name, text) in query {
                    insert::<T>(&mut map, &name, text)?;
                }
                let (bytes, room) = app.bodies.read(&parts.headers, body).await?;
                Ok(Self { fields: typed(map)?, images: vec![bytes], room })
            }
            other => Err(Problem::new(
                ErrorCode::UnsupportedMediaType,
                format!(
                    "send application/json, multipart/form-data or image/*, not {}",
                    if other.is_empty() { "a body without a content type" } else { other }
                ),
            )),
        }
    }
}

/// The essence of the content type, in lower case, without parameters.
pub(super) fn content_type(headers: &HeaderMap) -> String {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

fn from_json<T: FormFields>(bytes: &[u8]) -> Result<(T, Vec<Bytes>), Problem> {
    let mut fields: T = serde_json::from_slice(bytes).map_err(|e| json::broken(&e))?;
    let images = fields.take_images().iter().map(|text| decode(text)).collect::<Result<_, _>>()?;
    Ok((fields, images))
}

async fn parts_of<T: FormFields>(mut multipart: Multipart, room: Room) -> Result<Form<T>, Problem> {
    let mut map = Map::new();
    let mut images = Vec::new();
    while let Some(part) = multipart.next_field().await.map_err(|e| bad(e.body_text()))? {
        let name = part.name().unwrap_or_default().to_owned();
        // Both spellings, so that a form with one picture works for a route that takes several.
        if name == "image" || name == T::IMAGES {
            if images.len() == MAX_PHOTOS {
                return Err(bad(format!("more than {MAX_PHOTOS} pictures")));
            }
            images.push(part.bytes().await.map_err(|e| bad(e.body_text()))?);
        } else {
            let text = part.text().await.map_err(|e| bad(e.body_text()))?;
            insert::<T>(&mut map, &name, text)?;
        }
    }
    if images.is_empty() && !T::OPTIONAL {
        return Err(bad(format!("the form has no part `{}`", T::IMAGES)));
    }
    if images.len() > 1 && !T::MANY {
        return Err(bad("the form has several parts `image`; one is read"));
    }
    Ok(Form { fields: typed(map)?, images, room })
}

/// Adds a text field; what stands in braces is a nested object, as in the JSON form. `consent.given_at`
/// is the field of an object too.
fn insert<T: FormFields>(map: &mut Map<String, Value>, name: &str, text: String) -> Result<(), Problem> {
    if map.len() == MAX_FIELDS {
        return Err(bad(format!("more than {MAX_FIELDS} fields")));
    }
    if text.len() > MAX_FIELD {
        return Err(bad(format!("the field {name} is longer than {MAX_FIELD} bytes")));
    }
    if name == T::IMAGES || name == "image" {
        return Err(bad(format!("`{name}` is the picture and not a query parameter here")));
    }
    let value = if text.trim_start().starts_with('{') {
        Value::Object(json::object(&text)?)
    } else {
        Value::String(text)
    };
    let place = T::object_of(name).map(|object| (object, name)).or_else(|| name.split_once('.'));
    let (target, key) = match place {
        Some((object, key)) => {
            let nested = map.entry(object).or_insert_with(|| Value::Object(Map::new()));
            let nested =
                nested.as_object_mut().ok_or_else(|| bad(format!("the field {object} stands twice")))?;
            (nested, key)
        }
        None => (map, name),
    };
    if target.contains_key(key) {
        return Err(bad(format!("the field {name} stands twice")));
    }
    target.insert(key.to_owned(), value);
    Ok(())
}

/// The fields as the JSON body has them, its pictures empty.
fn typed<T: FormFields>(mut map: Map<String, Value>) -> Result<T, Problem> {
    if !T::OPTIONAL {
        let empty = if T::MANY { Value::Array(Vec::new()) } else { Value::String(String::new()) };
        map.insert(T::IMAGES.to_owned(), empty);
    }
    serde_json::from_value(Value::Object(map)).map_err(|e| json::broken(&e))
}

/// Base64, with or without padding, with or without a `data:` prefix, across lines.
fn decode(text: &str) -> Result<Bytes, Problem> {
    let broken = |e: &dyn std::fmt::Display| {
        Problem::new(ErrorCode::InvalidBase64, format!("the image is not base64: {e}"))
    };
    let text = match text.strip_prefix("data:") {
        Some(uri) => match uri.split_once(',') {
            Some((kind, data)) if kind.ends_with(";base64") => data,
            _ => return Err(broken(&"the data URI has no `;base64,`")),
        },
        None => text,
    };
    let bytes = if text.bytes().any(|b| b.is_ascii_whitespace()) {
        let compact: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        BASE64.decode(compact)
    } else {
        BASE64.decode(text)
    };
    bytes.map(Bytes::from).map_err(|e| broken(&e))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct One {
        image: String,
        camera_id: Option<String>,
        consent: Option<Value>,
    }

    impl FormFields for One {
        const IMAGES: &'static str = "image";
        const MANY: bool = false;
        fn take_images(&mut self) -> Vec<String> {
            vec![std::mem::take(&mut self.image)]
        }
    }

    #[test]
    fn base64_comes_in_every_shape_clients_send() {
        for text in ["aGVsbG8=", "aGVsbG8", "aGVs\nbG8=", "data:image/jpeg;base64,aGVsbG8="] {
            assert_eq!(decode(text).unwrap(), Bytes::from_static(b"hello"), "{text}");
        }
        for text in ["data:image/jpeg,hello", "a*b", "é"] {
            assert_eq!(decode(text).unwrap_err().code, ErrorCode::InvalidBase64, "{text}");
        }
    }

    #[test]
    fn a_list_of_pictures_has_an_end() {
        let list = |n: usize| format!("[{}\"\"]", "\"\",".repeat(n - 1));
        assert_eq!(serde_json::from_str::<Pictures>(&list(MAX_PHOTOS)).unwrap().0.len(), MAX_PHOTOS);
        // It stops at the picture too many: what follows is not even JSON.
        let refused = serde_json::from_str::<Pictures>(&list(MAX_PHOTOS + 2).replace(']', "!")).unwrap_err();
        assert!(refused.to_string().contains("more than"), "{refused}");
    }

    #[test]
    fn form_fields_become_the_json_body() {
        let mut map = Map::new();
        insert::<One>(&mut map, "camera_id", "cam".to_owned()).unwrap();
        insert::<One>(&mut map, "consent.given_at", "now".to_owned()).unwrap();
        assert!(insert::<One>(&mut map, "camera_id", "other".to_owned()).is_err(), "a field given twice");
        let one: One = typed(map).unwrap();
        assert_eq!(one.camera_id.as_deref(), Some("cam"));
        assert_eq!(one.consent.unwrap()["given_at"], "now");
        let mut map = Map::new();
        insert::<One>(&mut map, "camera", "cam".to_owned()).unwrap();
        assert!(typed::<One>(map).is_err(), "a misspelt field");
    }
}

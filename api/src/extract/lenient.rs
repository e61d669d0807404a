//! Numbers and lists as JSON has them, or as the text of a form field or query parameter.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Longest list, longer than any that means something.
const LONGEST: usize = 256;

/// A number, or a text that is one.
pub(crate) fn number<'de, D: Deserializer<'de>, N>(deserializer: D) -> Result<Option<N>, D::Error>
where
    N: FromStr + Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either<N> {
        Number(N),
        Text(String),
    }
    match Option::<Either<N>>::deserialize(deserializer)
        .map_err(|_| D::Error::custom("a field is no number of the range it takes"))?
    {
        None => Ok(None),
        Some(Either::Number(number)) => Ok(Some(number)),
        Some(Either::Text(text)) => {
            let number = text.trim().parse();
            number.map(Some).map_err(|_| D::Error::custom("a field is no number of the range it takes"))
        }
    }
}

/// True or false, or the text of it; false when it is left out.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Flag(bool),
        Text(String),
    }
    let wrong = || D::Error::custom("a field is neither true nor false");
    match Option::<Either>::deserialize(deserializer).map_err(|_| wrong())? {
        None => Ok(false),
        Some(Either::Flag(flag)) => Ok(flag),
        Some(Either::Text(text)) => text.trim().parse().map_err(|_| wrong()),
    }
}

/// A list of texts, or one text with commas between them.
pub(crate) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Texts(PhantomData<()>);
    impl<'de> Visitor<'de> for Texts {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of texts")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Vec<String>, E> {
            let texts: Vec<String> =
                text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect();
            if texts.len() > LONGEST { Err(too_long()) } else { Ok(texts) }
        }

        fn visit_unit<E: Error>(self) -> Result<Vec<String>, E> {
            Ok(Vec::new())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
            let mut texts = Vec::new();
            while let Some(text) = list.next_element()? {
                if texts.len() == LONGEST {
                    return Err(too_long());
                }
                texts.push(text);
            }
            Ok(texts)
        }
    }
    deserializer.deserialize_any(Texts(PhantomData))
}

fn too_long<E: Error>() -> E {
    E::custom(format!("a list holds at most {LONGEST} texts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Query {
        #[serde(default, deserialize_with = "number")]
        top_k: Option<u32>,
        #[serde(default, deserialize_with = "number")]
        threshold: Option<f32>,
        #[serde(default, deserialize_with = "list")]
        tags: Vec<String>,
    }

    #[test]
    fn a_query_says_the_same_as_json() {
        let json = r#"{"top_k": 5, "threshold": 0.5, "tags": ["clean", "ready"]}"#;
        let query = r#"{"top_k": "5", "threshold": "0.5", "tags": " clean, ready,"}"#;
        for text in [json, query] {
            let read: Query = serde_json::from_str(text).unwrap();
            assert_eq!((read.top_k, read.threshold), (Some(5), Some(0.5)), "{text}");
            assert_eq!(read.tags, ["clean", "ready"], "{text}");
        }
        let empty: Query = serde_json::from_str(r#"{"top_k": null, "tags": null}"#).unwrap();
        assert_eq!((empty.top_k, empty.tags.len()), (None, 0));
    }

    #[test]
    fn a_switch_is_a_switch_in_every_form() {
        #[derive(Deserialize)]
        struct Switch {
            #[serde(default, deserialize_with = "flag")]
            save: bool,
        }
        for (text, on) in [
            ("{}", false),
            (r#"{"save": null}"#, false),
            (r#"{"save": true}"#, true),
            (r#"{"save": "true"}"#, true),
            (r#"{"save": "false"}"#, false),
        ] {
            assert_eq!(serde_json::from_str::<Switch>(text).unwrap().save, on, "{text}");
        }
        for text in [r#"{"save": "yes"}"#, r#"{"save": 1}"#, r#"{"save": []}"#] {
            assert!(serde_json::from_str::<Switch>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_or_too_long_a_list_is_refused() {
        for text in [
            r#"{"top_k": "five"}"#.to_owned(),
            r#"{"top_k": -1}"#.to_owned(),
            r#"{"top_k": [1]}"#.to_owned(),
            r#"{"tags": 5}"#.to_owned(),
            r#"{"tags": [["a"]]}"#.to_owned(),
            format!(r#"{{"tags": "{}"}}"#, "a,".repeat(300)),
            format!(r#"{{"tags": [{}"a"]}}"#, "\"a\",".repeat(300)),
        ] {
            let refused = serde_json::from_str::<Query>(&text).unwrap_err().to_string();
            assert!(refused.len() < 200, "{refused}");
        }
    }
}

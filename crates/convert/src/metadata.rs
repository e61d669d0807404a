//! What a finished ONNX file says about itself.

use prost::Message;

use crate::ConvertError;

/// The file, but for everything except its metadata; the decoder jumps over the rest.
#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(message, repeated, tag = "14")]
    metadata_props: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// The text that an ONNX file keeps under `key` (`metadata_props`), such as the characters that a text
/// recogniser tells apart; `None` when the key is not there.
///
/// # Errors
/// [`ConvertError::Malformed`] when the bytes are no protobuf message of this kind.
pub fn metadata(onnx: &[u8], key: &str) -> Result<Option<String>, ConvertError> {
    let file = File::decode(onnx).map_err(|cause| ConvertError::malformed("ONNX", cause.to_string()))?;
    Ok(file.metadata_props.into_iter().find(|entry| entry.key == key).map(|entry| entry.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_among_others_and_a_missing_one_is_none() {
        let entry = |key: &str, value: &str| Entry { key: key.to_owned(), value: value.to_owned() };
        let file = File { metadata_props: vec![entry("author", "x"), entry("character", "a\nb")] };
        let bytes = file.encode_to_vec();
        assert_eq!(metadata(&bytes, "character").unwrap().as_deref(), Some("a\nb"));
        assert_eq!(metadata(&bytes, "dictionary").unwrap(), None);
        assert_eq!(metadata(&[], "character").unwrap(), None);
    }

    #[test]
    fn a_graph_beside_the_metadata_does_not_hide_it() {
        let mut bytes = crate::onnx::Graph::new("empty", "nothing").finish();
        File { metadata_props: vec![Entry { key: "k".to_owned(), value: "v".to_owned() }] }
            .encode(&mut bytes)
            .unwrap();
        assert_eq!(metadata(&bytes, "k").unwrap().as_deref(), Some("v"));
    }

    #[test]
    fn bytes_that_are_no_model_are_an_error() {
        assert!(matches!(
            metadata(b"\x72\xff\xff\xff\xffnot a model", "k"),
            Err(ConvertError::Malformed { .. })
        ));
    }
}

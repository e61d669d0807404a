use crate::OcrError;

/// The characters that a recogniser tells apart, by its output classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Characters {
    /// Class 1 and on; class 0 is "no character here".
    signs: Vec<char>,
}

/// Name of the list in the metadata of the ONNX file.
const KEY: &str = "character";

impl Characters {
    /// The list that a recognition model carries under the metadata key `character`: one character a line, in
    /// the order of the classes from 1 on; the space, which the list leaves out, is the last class.
    ///
    /// # Errors
    /// [`OcrError::Characters`] when the bytes are no ONNX file, the key is missing or a line does not hold one
    /// character.
    pub fn of_model(onnx: &[u8]) -> Result<Self, OcrError> {
        let list = innkeeper_convert::metadata(onnx, KEY)
            .map_err(|cause| OcrError::Characters(cause.to_string()))?;
        let list = list.ok_or_else(|| OcrError::Characters(format!("there is no metadata key `{KEY}`")))?;
        Self::of_list(&list)
    }

    fn of_list(list: &str) -> Result<Self, OcrError> {
        let mut signs = Vec::with_capacity(list.len() / 4 + 2);
        for (number, line) in list.strip_suffix('\n').unwrap_or(list).split('\n').enumerate() {
            let mut line = line.strip_suffix('\r').filter(|rest| !rest.is_empty()).unwrap_or(line).chars();
            match (line.next(), line.next()) {
                (Some(sign), None) => signs.push(sign),
                _ => return Err(OcrError::Characters(format!("line {} is not one character", number + 1))),
            }
        }
        signs.push(' ');
        Ok(Self { signs })
    }

    /// Count of output classes: the characters, the space and "no character here".
    pub fn classes(&self) -> usize {
        self.signs.len() + 1
    }

    /// Whether the recogniser can answer with `sign`.
    pub fn contains(&self, sign: char) -> bool {
        self.signs.contains(&sign)
    }

    /// The character of a class; `None` for class 0 and beyond the last one.
    pub(super) fn sign(&self, class: usize) -> Option<char> {
        class.checked_sub(1).and_then(|i| self.signs.get(i)).copied()
    }
}

/// A choice of a recogniser's characters. Read with it, only those compete, so that what can only be a capital
/// letter is not read as a digit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alphabet {
    /// Classes in rising order, 0 first.
    classes: Vec<usize>,
}

impl Alphabet {
    /// Those of the `allowed` characters that the recogniser knows.
    pub fn new(characters: &Characters, allowed: &str) -> Self {
        let known = characters.signs.iter().enumerate().filter(|(_, sign)| allowed.contains(**sign));
        Self { classes: std::iter::once(0).chain(known.map(|(i, _)| i + 1)).collect() }
    }

    pub(super) fn classes(&self) -> &[usize] {
        &self.classes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_count_from_one_and_end_with_the_space() {
        let characters = Characters::of_list("a\nß\n€").unwrap();
        assert_eq!(characters.classes(), 5);
        assert_eq!(
            (characters.sign(0), characters.sign(2), characters.sign(4)),
            (None, Some('ß'), Some(' '))
        );
        assert_eq!(characters.sign(5), None);
        assert!(characters.contains('€') && !characters.contains('b'));
    }

    #[test]
    fn a_model_without_its_characters_is_a_typed_error() {
        assert!(matches!(Characters::of_model(&[]), Err(OcrError::Characters(_))));
        assert!(matches!(Characters::of_list("a\nbc"), Err(OcrError::Characters(_))));
        assert!(matches!(Characters::of_list("a\n\nb"), Err(OcrError::Characters(_))));
    }

    #[test]
    fn an_alphabet_keeps_only_what_the_model_knows() {
        let characters = Characters::of_list("b\na\n<").unwrap();
        assert_eq!(Alphabet::new(&characters, "a<é").classes(), [0, 2, 3]);
        assert_eq!(Alphabet::new(&characters, "").classes(), [0]);
    }
}

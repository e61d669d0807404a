/// The value of a character in a check digit: digits are themselves, letters 10 to 35, the filler 0; `None`
/// for anything else.
pub(crate) fn value(character: char) -> Option<u32> {
    match character {
        '<' => Some(0),
        '0'..='9' | 'A'..='Z' => character.to_digit(36),
        _ => None,
    }
}

/// The check digit of ICAO Doc 9303 part 3 (weights 7, 3, 1 repeated, sum modulo 10). Characters outside the
/// alphabet count as fillers.
pub(crate) fn digit(characters: impl Iterator<Item = char>) -> u32 {
    characters
        .zip([7, 3, 1].into_iter().cycle())
        .map(|(c, weight)| value(c).unwrap_or(0) * weight)
        .sum::<u32>()
        % 10
}

#[cfg(test)]
mod tests {
    use super::digit;

    #[test]
    fn check_digits_of_the_standard_come_out() {
        assert_eq!(digit("520727".chars()), 3);
        assert_eq!(digit("AB2134<<<".chars()), 5);
        assert_eq!(digit("HA672242<658022549601086<<<<<<<<<<<<<<0".chars()), 8);
        assert_eq!(digit("D231458907<<<<<<<<<<<<<<<34071279507122<<<<<<<<<<".chars()), 2);
    }
}

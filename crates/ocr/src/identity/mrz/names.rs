/// Surname and given names of a name zone: the two are parted by two fillers, the words of each by one.
pub(crate) fn split(zone: &str) -> (String, String) {
    let zone = zone.trim_end_matches('<');
    let words = |part: &str| part.split('<').filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
    match zone.split_once("<<") {
        Some((surname, given)) => (words(surname), words(given)),
        None => (words(zone), String::new()),
    }
}

/// Positions of a name zone where a letter stands in the run of fillers that ends it: after the given names a
/// second double filler begins, and nothing may follow it. Only letters that fillers are read as, standing
/// alone or as one repeated letter, are taken for fillers; anything else may be a name and stays.
pub(crate) fn misread_fillers(zone: &str) -> Vec<usize> {
    const LIKE_FILLERS: &str = "KCLSEXGZ";
    let characters: Vec<char> = zone.chars().collect();
    let Some(first) = zone.find("<<") else { return Vec::new() };
    let after = |from: usize| (from..characters.len()).find(|i| characters[*i] != '<');
    let Some(given) = after(first) else { return Vec::new() };
    let Some(end) = zone.get(given..).and_then(|rest| rest.find("<<")).map(|at| given + at) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    let mut at = end;
    while let Some(start) = after(at) {
        let stop = (start..characters.len()).find(|i| characters[*i] == '<').unwrap_or(characters.len());
        let letter = characters[start];
        if !LIKE_FILLERS.contains(letter) || characters[start..stop].iter().any(|c| *c != letter) {
            return Vec::new();
        }
        out.extend(start..stop);
        at = stop;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parted_at_the_double_filler() {
        assert_eq!(
            split("VAN<DER<MUELLEN<<MARIANNE<ELS<<<<<"),
            ("VAN DER MUELLEN".into(), "MARIANNE ELS".into())
        );
        assert_eq!(split("ARKFREITH<<<<<<<<"), ("ARKFREITH".into(), String::new()));
        assert_eq!(split("<<<<"), (String::new(), String::new()));
        assert_eq!(split("NILAVADHANANANDA<<CHAYAPA<DEJ"), ("NILAVADHANANANDA".into(), "CHAYAPA DEJ".into()));
    }

    #[test]
    fn letters_in_the_closing_run_are_fillers_but_a_third_name_is_not() {
        assert_eq!(misread_fillers("ERIKSSON<<ANNA<<<<K<<CC<<"), [18, 21, 22]);
        assert!(misread_fillers("ERIKSSON<<ANNA<<MARIA<<<<").is_empty());
        assert!(misread_fillers("ERIKSSON<<K<<<<<<").is_empty());
        assert!(misread_fillers("KKKK").is_empty());
    }
}

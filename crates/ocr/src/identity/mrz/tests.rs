use proptest::prelude::*;

use super::*;

const PASSPORT: [&str; 2] =
    ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"];

/// What a generated zone says.
#[derive(Debug, Clone)]
struct Holder {
    number: String,
    state: String,
    nationality: String,
    birth: String,
    sex: char,
    expiry: String,
    surname: String,
    given: String,
    optional: String,
}

fn padded(text: &str, width: usize) -> String {
    let mut out: String = text.chars().take(width).collect();
    while out.len() < width {
        out.push('<');
    }
    out
}

fn digit(text: &str) -> char {
    char::from_digit(checksum::digit(text.chars()), 10).unwrap()
}

fn with_digit(text: &str, width: usize) -> String {
    let text = padded(text, width);
    let check = digit(&text);
    format!("{text}{check}")
}

/// Writes a zone as an issuer would.
fn printed(format: MrzFormat, holder: &Holder) -> Vec<String> {
    let Holder { number, state, nationality, birth, sex, expiry, surname, given, optional } = holder;
    let (state, nationality) = (padded(state, 3), padded(nationality, 3));
    let names = format!("{}<<{}", surname.replace(' ', "<"), given.replace(' ', "<"));
    let (birth, expiry) = (with_digit(birth, 6), with_digit(expiry, 6));
    let two = |code: &str, width: usize, optional: String| {
        let first = padded(&format!("{code}{state}{names}"), width);
        let second = format!("{}{nationality}{birth}{sex}{expiry}{optional}", with_digit(number, 9));
        (first, second)
    };
    match format {
        MrzFormat::Td3 => {
            let (first, mut second) = two("P<", 44, with_digit(optional, 14));
            let all = format!("{}{}{}", &second[..10], &second[13..20], &second[21..43]);
            second.push(digit(&all));
            vec![first, second]
        }
        MrzFormat::Td2 => {
            let (first, mut second) = two("I<", 36, padded(optional, 7));
            let all = format!("{}{}{}", &second[..10], &second[13..20], &second[21..35]);
            second.push(digit(&all));
            vec![first, second]
        }
        MrzFormat::MrvA => {
            let (first, second) = two("V<", 44, padded(optional, 16));
            vec![first, second]
        }
        MrzFormat::MrvB => {
            let (first, second) = two("V<", 36, padded(optional, 8));
            vec![first, second]
        }
        MrzFormat::Td1 => {
            let numbered = if number.len() > 9 {
                format!("{}<{}{}", &number[..9], &number[9..], digit(number))
            } else {
                with_digit(number, 9)
            };
            let rest = if number.len() > 9 { String::new() } else { optional.clone() };
            let first = padded(&format!("I<{state}{numbered}{rest}"), 30);
            let mut second = padded(&format!("{birth}{sex}{expiry}{nationality}"), 29);
            let all = format!("{}{}{}{}", &first[5..], &second[..7], &second[8..15], &second[18..]);
            second.push(digit(&all));
            vec![first, second, padded(&names, 30)]
        }
        MrzFormat::FrenchId => {
            let first = padded(&format!("IDFRA{}", padded(&surname.replace(' ', "<"), 25)), 36);
            let number = with_digit(&padded(number, 12).replace('<', "7"), 12);
            let mut second = format!("{number}{}{birth}{sex}", padded(&given.replace(' ', "<"), 14));
            second.push(digit(&format!("{first}{second}")));
            vec![first, second]
        }
    }
}

fn holder() -> impl Strategy<Value = Holder> {
    let date = (0u32..100, 1u32..13, 1u32..29).prop_map(|(y, m, d)| format!("{y:02}{m:02}{d:02}"));
    let code = prop::sample::select(vec!["UTO", "D", "VNM", "FRA", "XXA", "GBR"]).prop_map(str::to_owned);
    (
        "[A-Z]{0,2}[0-9]{6,7}",
        code.clone(),
        code,
        date.clone(),
        prop::sample::select(vec!['M', 'F', '<']),
        date,
        "[A-Z]{2,10}( [A-Z]{2,6})?",
        "[A-Z]{2,8}",
        "[A-Z0-9]{0,7}",
    )
        .prop_map(|(number, state, nationality, birth, sex, expiry, surname, given, optional)| Holder {
            number,
            state,
            nationality,
            birth,
            sex,
            expiry,
            surname,
            given,
            optional,
        })
}

fn any_format() -> impl Strategy<Value = MrzFormat> {
    prop::sample::select(MrzFormat::ALL.to_vec())
}

fn replaced(lines: &[String], line: usize, column: usize, by: char) -> Vec<String> {
    let mut lines = lines.to_vec();
    lines[line].replace_range(column..=column, &by.to_string());
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_an_issuer_prints_is_read_back(format in any_format(), holder in holder()) {
        let mrz = parse(&printed(format, &holder)).expect("a zone");
        prop_assert_eq!(mrz.format, format);
        prop_assert!(mrz.valid);
        prop_assert!(mrz.repaired.is_empty());
        prop_assert!(mrz.fields.surname == holder.surname);
        prop_assert!(mrz.fields.given_names == holder.given);
        prop_assert!(mrz.fields.date_of_birth == holder.birth);
        prop_assert!(mrz.fields.sex == holder.sex);
        if format == MrzFormat::FrenchId {
            prop_assert!(mrz.fields.issuing_state == "FRA");
        } else {
            prop_assert!(mrz.fields.document_number == holder.number);
            prop_assert!(mrz.fields.expiry_date == holder.expiry);
            prop_assert!(mrz.fields.issuing_state == holder.state);
            prop_assert!(mrz.fields.nationality == holder.nationality);
            prop_assert!(mrz.unknown_codes.is_empty());
        }
    }

    #[test]
    fn a_misread_digit_is_put_right_or_the_zone_is_invalid(
        format in any_format(), holder in holder(), at in 0usize..1000, by in "[A-Z0-9]",
    ) {
        let truth = printed(format, &holder);
        let covered: Vec<_> = format
            .checks(|l, c| truth[l].as_bytes()[c] as char)
            .iter()
            .flat_map(|c| c.positions().collect::<Vec<_>>())
            .collect();
        let (line, column) = covered[at % covered.len()];
        let by = by.chars().next().unwrap();
        let was = truth[line].as_bytes()[column] as char;
        // Characters whose values differ by a multiple of ten are one to a check digit: nothing can tell them.
        prop_assume!(checksum::value(by).unwrap() % 10 != checksum::value(was).unwrap() % 10);
        let corrupted = replaced(&truth, line, column, by);
        if let Some(mrz) = parse(&corrupted) {
            prop_assert!(!mrz.valid);
        }
        // Where the position holds only digits, a look-alike letter is the one misreading that is believed.
        if let Some(mrz) = parse_read(&corrupted)
            && mrz.valid
            && mrz.lines != truth
        {
            prop_assert!(!mrz.repaired.is_empty());
            prop_assert!(mrz.repaired.len() == 1, "more was changed than was wrong");
        }
    }

    #[test]
    fn letters_read_for_digits_in_dates_are_put_right(
        format in any_format(), holder in holder(), at in 0usize..6,
    ) {
        let truth = printed(format, &holder);
        let (line, columns) = format.places().birth;
        let column = columns.start + at;
        let read = match truth[line].as_bytes()[column] {
            b'0' => 'O',
            b'1' => 'I',
            b'2' => 'Z',
            b'5' => 'S',
            b'6' => 'G',
            b'8' => 'B',
            _ => return Ok(()),
        };
        let mrz = parse_read(&replaced(&truth, line, column, read)).expect("a zone");
        prop_assert!(mrz.valid);
        prop_assert_eq!(&mrz.lines, &truth);
        prop_assert_eq!(mrz.repaired[0].proof, Proof::CheckDigit);
        prop_assert_eq!((mrz.repaired[0].line, mrz.repaired[0].column), (line + 1, column + 1));
    }

    #[test]
    fn no_text_makes_the_parser_panic(lines in prop::collection::vec("\\PC{0,50}", 0..5)) {
        let _ = parse(&lines);
        let _ = parse_read(&lines);
    }

    #[test]
    fn no_zone_of_the_right_size_makes_the_parser_panic(
        format in any_format(), text in "[A-Z0-9<]{90}", code in "[IPVAC]",
    ) {
        let (count, width) = format.size();
        let lines: Vec<String> =
            (0..count).map(|i| format!("{code}{}", &text[i * width % 40..][..width - 1])).collect();
        let _ = parse(&lines);
        let _ = parse_read(&lines);
    }
}

#[test]
fn german_cards_keep_their_one_letter_code() {
    let mrz = parse(&[
        "IDD<<T220001293<<<<<<<<<<<<<<<",
        "6408125<2010315D<<<<<<<<<<<<<4",
        "MUSTERMANN<<ERIKA<<<<<<<<<<<<<",
    ])
    .expect("a zone");
    assert!(mrz.valid);
    assert_eq!((mrz.fields.issuing_state.as_str(), mrz.fields.nationality.as_str()), ("D", "D"));
    assert!(mrz.unknown_codes.is_empty());
}

#[test]
fn the_d_of_a_card_is_no_o() {
    for code in ["IO", "I0", "1D"] {
        let first = format!("{code}D<<T220001293<<<<<<<<<<<<<<<");
        let mrz =
            parse_read(&[first.as_str(), "6408125<2010315D<<<<<<<<<<<<<4", "MUSTERMANN<<ERIKA<<<<<<<<<<<<<"])
                .expect("a zone");
        assert_eq!(mrz.fields.document_code, "ID", "{code}");
        assert_eq!((mrz.repaired.len(), mrz.repaired[0].proof), (1, Proof::PositionType));
    }
}

#[test]
fn a_long_document_number_is_joined_with_its_overflow() {
    let holder = Holder {
        number: "D23145890734".into(),
        state: "UTO".into(),
        nationality: "UTO".into(),
        birth: "340712".into(),
        sex: 'F',
        expiry: "950712".into(),
        surname: "STEVENSON".into(),
        given: "PETER".into(),
        optional: String::new(),
    };
    let lines = printed(MrzFormat::Td1, &holder);
    assert_eq!(lines[0], "I<UTOD23145890<7349<<<<<<<<<<<");
    let mrz = parse(&lines).expect("a zone");
    assert!(mrz.valid);
    assert_eq!(mrz.fields.document_number, "D23145890734");
    assert!(mrz.fields.optional.is_empty());
}

#[test]
fn the_french_card_is_not_taken_for_another_card_of_its_size() {
    let mrz = parse(&["IDFRABERTHIER<<<<<<<<<<<<<<<<<<<<<<<", "8806923102858CORINNE<<<<<<<6512068F6"])
        .expect("a zone");
    assert_eq!(mrz.format, MrzFormat::FrenchId);
    assert!(mrz.valid);
    assert_eq!((mrz.fields.surname.as_str(), mrz.fields.given_names.as_str()), ("BERTHIER", "CORINNE"));
}

#[test]
fn a_zone_that_is_wrong_as_printed_is_not_made_right() {
    for lines in [
        [
            "IDMLT9999999<<3<9999999M<999<<",
            "7309258F0810245MLT0310240<<<<5",
            "SPITERI<MANDY<<<<<<<<<<<<<<<<<",
        ],
        [
            "IDESPAAA1000014<00000023T<<<<<",
            "7212018F1101236ESP<<<<<<<<<<<8",
            "ESPANOLA<ESPANOLA<CARMEN<<<<<<",
        ],
    ] {
        let mrz = parse_read(&lines).expect("a zone");
        assert!(!mrz.valid);
        assert_eq!(mrz.lines, lines);
    }
}

#[test]
fn zeros_in_names_and_states_become_letters_and_are_listed() {
    let mut lines = PASSPORT.map(str::to_owned);
    lines[0] = lines[0].replace('O', "0");
    lines[1] = lines[1].replace("UTO", "UT0");
    let mrz = parse_read(&lines).expect("a zone");
    assert_eq!(mrz.lines, PASSPORT);
    assert_eq!(mrz.repaired.len(), 3);
    assert!(mrz.repaired.iter().all(|r| r.proof == Proof::PositionType && r.taken == 'O'));
}

#[test]
fn fillers_lost_by_the_recogniser_come_back() {
    let lines = ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<10"];
    let mrz = parse_read(&lines).expect("a zone");
    assert!(mrz.valid);
    assert_eq!(mrz.lines, PASSPORT);
}

#[test]
fn fillers_are_put_back_where_the_gap_is() {
    // Two runs of fillers, the second of equal length: only the places tell which one lost two.
    let truth = "99009054<4CZE6906229F1607299<<<<0612<<<<<<74";
    let glyphs: Vec<Glyph> = truth
        .chars()
        .enumerate()
        .filter(|(i, _)| *i != 29 && *i != 38 && *i != 40)
        .map(|(i, character)| Glyph {
            character,
            confidence: 0.99,
            centre: 0.01 + 0.98 * i as f32 / 43.0,
            alternatives: Vec::new(),
        })
        .collect();
    let cells = columns(&glyphs, 44).expect("columns");
    assert_eq!(cells.iter().map(Cell::character).collect::<String>(), truth);
    assert!(columns(&glyphs, 36).is_none());
}

#[test]
fn the_recognisers_second_reading_is_taken_when_the_check_digit_proves_it() {
    let glyphs = |read: Option<(usize, char, f32)>| -> Vec<Vec<Glyph>> {
        PASSPORT
            .iter()
            .enumerate()
            .map(|(l, line)| {
                line.chars()
                    .enumerate()
                    .map(|(i, character)| match read {
                        Some((at, wrong, confidence)) if l == 1 && at == i => Glyph {
                            character: wrong,
                            confidence,
                            centre: i as f32 / 43.0,
                            alternatives: vec![(character, 1.0 - confidence)],
                        },
                        _ => Glyph {
                            character,
                            confidence: 0.99,
                            centre: i as f32 / 43.0,
                            alternatives: Vec::new(),
                        },
                    })
                    .collect()
            })
            .collect()
    };
    let unsure = parse_glyphs(&glyphs(Some((3, '3', 0.6)))).expect("a zone");
    assert!(unsure.valid);
    assert_eq!(unsure.lines, PASSPORT);
    assert_eq!(unsure.repaired.len(), 1);
    let sure = parse_glyphs(&glyphs(Some((3, '3', 0.999)))).expect("a zone");
    assert!(!sure.valid, "a digit that the recogniser was sure of was changed");
    let clean = parse_glyphs(&glyphs(None)).expect("a zone");
    assert!(unsure.confidence(MrzField::DocumentNumber) < clean.confidence(MrzField::DocumentNumber));
    assert!(sure.confidence(MrzField::DocumentNumber) < 0.6);
}

#[test]
fn a_state_that_is_none_is_reported() {
    let mut lines = PASSPORT.map(str::to_owned);
    lines[1] = lines[1].replace("UTO", "QQQ");
    assert_eq!(parse(&lines).expect("a zone").unknown_codes, ["nationality"]);
}

#[test]
fn debug_output_holds_nothing_of_the_holder() {
    let mut lines = PASSPORT.map(str::to_owned);
    lines[1] = lines[1].replace("UTO", "UT0");
    let shown = format!("{:?}", parse_read(&lines).expect("a zone"));
    for secret in ["ERIKSSON", "ANNA", "L898902C3", "740812"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let check = Check { name: "composite", expected: '7', found: '3', ok: false };
    let shown = format!("{check:?}");
    assert!(!shown.contains(['7', '3']), "{shown}");
}

/// The passport with one character of it read as another, sure of it but for the right one.
fn misread(line: usize, column: usize, read: char) -> Mrz {
    let glyphs: Vec<Vec<Glyph>> = PASSPORT
        .iter()
        .enumerate()
        .map(|(l, text)| {
            let glyph = |(c, right): (usize, char)| {
                let wrong = (l, c) == (line, column) && right != read;
                Glyph {
                    character: if wrong { read } else { right },
                    confidence: if wrong { 0.6 } else { 0.99 },
                    centre: c as f32 / 43.0,
                    alternatives: if wrong { vec![(right, 0.4)] } else { Vec::new() },
                }
            };
            text.chars().enumerate().map(glyph).collect()
        })
        .collect();
    parse_glyphs(&glyphs).expect("a zone")
}

#[test]
fn no_letter_of_a_name_or_state_becomes_another_letter_without_a_check_digit() {
    for (line, column) in [(0, 4), (1, 12), (0, 6), (0, 16)] {
        let mrz = misread(line, column, 'Q');
        assert_eq!(mrz.lines[line].as_bytes()[column], b'Q', "line {line} column {column}");
        assert!(mrz.repaired.is_empty());
    }
}

#[test]
fn what_no_check_digit_proves_lowers_the_confidence_of_its_field() {
    let clean = misread(0, 0, 'P');
    for (line, column, read, field) in [
        (0, 4, '0', MrzField::IssuingState),
        (1, 12, '0', MrzField::Nationality),
        (0, 10, '0', MrzField::Names),
        (0, 35, 'K', MrzField::Names),
    ] {
        let mrz = misread(line, column, read);
        assert_eq!(mrz.repaired.len(), 1, "line {line} column {column}");
        assert!(mrz.confidence(field) < clean.confidence(field), "line {line} column {column}");
    }
}

#[test]
fn a_code_chosen_because_it_exists_is_no_witness_to_itself() {
    let mut mrz = misread(0, 4, '0');
    let before = mrz.confidence(MrzField::IssuingState);
    for repair in &mut mrz.repaired {
        repair.proof = Proof::CodeList;
    }
    assert!(mrz.confidence(MrzField::IssuingState) < before);
}

#[test]
fn a_wrong_passport_is_not_cut_down_to_a_valid_card() {
    // Without eight fillers in each line every digit of a smaller format comes out.
    let holder = Holder {
        number: "000000".into(),
        state: "UTO".into(),
        nationality: "UTO".into(),
        birth: "000101".into(),
        sex: 'M',
        expiry: "000101".into(),
        surname: "AA".into(),
        given: "AA".into(),
        optional: "3".into(),
    };
    let truth = printed(MrzFormat::Td3, &holder);
    for column in 28..42 {
        let mrz = parse_read(&replaced(&truth, 1, column, 'C')).expect("a zone");
        assert_eq!(mrz.format, MrzFormat::Td3, "column {column}");
    }
}

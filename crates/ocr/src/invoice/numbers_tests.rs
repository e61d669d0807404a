use proptest::prelude::*;

use super::*;

fn one(text: &str) -> Option<Decimal> {
    parse(text, None).map(|n| n.value)
}

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn an_amount_in_another_countrys_format_is_read_as_another_amount() {
    for (text, value) in [
        ("1.500.000 ₫", "1500000"),
        ("1.500.000đ", "1500000"),
        ("1,500.00", "1500.00"),
        ("1.500,00 €", "1500.00"),
        ("1 500,00", "1500.00"),
        ("1\u{202f}500,00\u{a0}€", "1500.00"),
        ("1'500.00", "1500.00"),
        ("CHF 1’500.00", "1500.00"),
        ("1,00,000.00", "100000.00"),
        ("RM33.90", "33.90"),
        ("-RM 0.02", "-0.02"),
        ("RM-0.02", "-0.02"),
        ("2.37-", "-2.37"),
        ("(0.02)", "-0.02"),
        ("$ 12", "12"),
        ("12,5", "12.5"),
        ("¥1,200", "1200"),
        ("165.00SR", "165.00"),
        (".50", "0.50"),
    ] {
        assert_eq!(one(text), Some(dec(value)), "{text}");
    }
}

#[test]
fn a_telephone_number_a_time_or_a_code_is_taken_for_an_amount() {
    for text in
        ["03-7731 8169", "12:06:00", "CS00082662", "06/03/2018", "1-1/2", "8.8.8.8", "1,23,4", "12.345.67"]
    {
        assert!(find(text, None).iter().all(|n| n.decimals != 2), "{text}: {:?}", find(text, None));
    }
}

#[test]
fn quantity_and_price_run_together() {
    let values = |text: &str| find(text, None).into_iter().map(|n| n.value).collect::<Vec<_>>();
    assert_eq!(values("2.50*3"), [dec("2.50"), dec("3")]);
    assert_eq!(values("2 x 3,50"), [dec("2"), dec("3.50")]);
    assert_eq!(values("4X 38.00"), [dec("4"), dec("38.00")]);
    assert!(find("2 @ 3.50", None).iter().all(|n| n.times));
}

#[test]
fn slips_of_the_reader_are_mended_and_said() {
    let read = |text: &str| find(text, Some(DecimalMark::Point)).pop().unwrap();
    for (text, value) in [("1O.00", "10.00"), ("12. 00", "12.00"), ("10 00", "10.00"), ("2.1C", "2.10")] {
        assert_eq!(read(text).value, dec(value), "{text}");
        assert!(read(text).repaired, "{text}");
    }
}

#[test]
fn fifteen_hundred_and_one_and_a_half_are_told_apart_by_the_page_only() {
    let with = |hint| parse("1.500", hint).unwrap();
    assert_eq!(with(Some(DecimalMark::Point)).value, dec("1.500"));
    assert_eq!(with(Some(DecimalMark::Comma)).value, dec("1500"));
    assert_eq!(with(None).other, Some(dec("1.500")), "the other reading is kept");
    assert_eq!(decimal_mark(["12.50", "1,300.00", "7,2"].into_iter()), Some(DecimalMark::Point));
    assert_eq!(decimal_mark(["12,50", "1.300,00"].into_iter()), Some(DecimalMark::Comma));
}

/// Whole part grouped by threes (or the Indian way), then the fraction.
fn format(cents: i64, group: &str, mark: &str, indian: bool) -> String {
    let digits = (cents / 100).to_string();
    let mut parts = Vec::new();
    let mut rest = digits.as_str();
    let mut size = 3;
    while rest.len() > size {
        let (head, tail) = rest.split_at(rest.len() - size);
        parts.push(tail.to_owned());
        rest = head;
        if indian {
            size = 2;
        }
    }
    parts.push(rest.to_owned());
    parts.reverse();
    format!("{}{mark}{:02}", parts.join(group), cents % 100)
}

proptest! {
    #[test]
    fn every_locale_reads_back_what_it_prints(cents in 0_i64..100_000_000_000, locale in 0_usize..7) {
        let (group, mark, indian) = [
            (",", ".", false),
            (".", ",", false),
            ("\u{202f}", ",", false),
            (" ", ",", false),
            ("'", ".", false),
            ("", ".", false),
            (",", ".", true),
        ][locale];
        let text = format(cents, group, mark, indian);
        let read = parse(&text, None).map(|n| n.value);
        prop_assert_eq!(read, Some(Decimal::new(cents, 2)), "{}", text);
    }

    #[test]
    fn whole_amounts_read_back(amount in 1000_i64..1_000_000_000_000) {
        let text = format(amount * 100, ".", ",", false);
        let text = format!("{} ₫", text.trim_end_matches(",00"));
        prop_assert_eq!(parse(&text, None).map(|n| n.value), Some(Decimal::from(amount)), "{}", text);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let count = text.chars().count();
        for hint in [None, Some(DecimalMark::Point), Some(DecimalMark::Comma)] {
            for number in find(&text, hint) {
                prop_assert!(number.chars.start < number.chars.end && number.chars.end <= count);
            }
        }
    }

    #[test]
    fn no_jumble_of_digits_and_signs_makes_the_parser_panic(text in "[0-9.,' xX@()%€$RMO-]{0,40}") {
        let _ = find(&text, Some(DecimalMark::Point));
    }
}

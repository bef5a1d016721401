//! Every spelling reads back to the number it was written from.

use proptest::prelude::*;

use super::DecimalSign::{Comma, Point};
use super::Exactness::{Exact, Rounded, Shortened};
use super::*;

fn exact(text: &str, sign: DecimalSign) -> (i64, u8) {
    match price(text, sign) {
        Ok((price, Exact)) => (price.mantissa, price.scale),
        other => panic!("{text:?}: {other:?}"),
    }
}

#[test]
fn trailing_zeros_are_kept_up_to_nine_decimals_and_lose_nothing_beyond() {
    assert_eq!(exact("1.50", Point), (150, 2));
    assert_eq!(exact("1.5759700000", Point), (1_575_970_000, 9));
    assert_eq!(exact("1.57000000000000000000000000", Point), (1_570_000_000, 9));
    assert_eq!(exact("12345678901.000000000", Point), (12_345_678_901, 0));
    assert_eq!(exact("0.0000000000", Point), (0, 9));
    assert_eq!(exact("000000000000000000000001.5", Point), (15, 1));
}

#[test]
fn exponents_are_exact() {
    assert_eq!(exact("1.5e-05", Point), (15, 6));
    assert_eq!(exact("1E3", Point), (1000, 0));
    assert_eq!(exact("1,5E+3", Comma), (1500, 0));
    assert_eq!(exact("2.853e-5", Point), (2853, 8));
    assert_eq!(exact("0e999", Point), (0, 0));
}

#[test]
fn thousands_are_separated_by_many_signs() {
    for text in ["1,234.56", "1 234.56", "1'234.56", "1_234.56", "1\u{2019}234.56", " +1\u{a0}234.56 "] {
        assert_eq!(exact(text, Point), (123_456, 2), "{text}");
    }
    for text in ["1.234,56", "1 234,56", "1\u{a0}234,56", "1\u{2009}234,56", "1\u{202f}234,56"] {
        assert_eq!(exact(text, Comma), (123_456, 2), "{text}");
    }
    assert_eq!(exact("1,234,567", Point), (1_234_567, 0));
    assert_eq!(exact("12 345", Comma), (12_345, 0));
    assert_eq!(price(b"1\xa0234,5".as_slice(), Comma).unwrap().0, Price { mantissa: 12_345, scale: 1 });
}

#[test]
fn what_can_be_read_in_two_ways_is_refused_and_says_so() {
    for (text, sign, separator) in [("1,234", Point, ','), ("-0,575", Point, ','), ("1.234", Comma, '.')] {
        let error = price(text, sign).unwrap_err();
        assert!(matches!(&error, NumberError::Ambiguous { separator: s, .. } if *s == separator), "{error}");
    }
    let said = price("1,234", Point).unwrap_err().to_string();
    assert_eq!(said, "\"1,234\" can be read in two ways: is ',' the decimal sign?");
}

#[test]
fn most_cells_tell_the_decimal_sign() {
    let sign = |samples: &[&str]| sign_of(samples.iter().map(|text| text.as_bytes()));
    assert_eq!(sign(&["1,57597", "1,575", "open"]), Comma);
    assert_eq!(sign(&["76,123"]), Comma);
    assert_eq!(sign(&["76.123", "1.5", "1,5"]), Point);
    assert_eq!(sign(&["157", ""]), Point);
    assert_eq!(sign(&[]), Point);
}

#[test]
fn what_is_no_number_is_refused() {
    let bad = [
        "",
        " ",
        ".",
        "-",
        "+-1",
        "abc",
        "nan",
        "NaN",
        "inf",
        "-Infinity",
        "0x1f",
        "1.2.3",
        "1e",
        "1e5.5",
        "e5",
        "$1.5",
        "1.5 \u{20ac}",
        "\u{a3}1",
        "1.5%",
        "1,57597",
        "1,23,456.7",
        "12,34.5",
        "1234,567.8",
        "1,234 567.8",
        "0,123.4",
        ",123.4",
        "1, 234.5",
        "1.234,5",
        "1__234",
        "1,234.5e3",
        "1.5-",
        "(1.5)",
        "1.123 456",
        "1d5",
    ];
    for text in bad {
        assert!(matches!(price(text, Point), Err(NumberError::NotANumber(_))), "{text:?}");
    }
    for text in ["1.57597", "1,2,3", "1,234.5"] {
        assert!(matches!(price(text, Comma), Err(NumberError::NotANumber(_))), "{text:?}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    for text in
        ["99999999999999999999", "9223372036854775808", "1e30", "1e999999999999", "99999999999.123456789"]
    {
        assert!(matches!(price(text, Point), Err(NumberError::TooLarge(_))), "{text}");
    }
    assert_eq!(exact("9223372036854775807", Point), (i64::MAX, 0));
}

#[test]
fn binary_artefacts_are_shortened() {
    for (text, mantissa, scale) in [
        ("1.5759800000000002", 157_598, 5),
        ("1.5757700000000001", 157_577, 5),
        ("0.30000000000000004", 3, 1),
        ("-109987.50000000001", -1_099_875, 1),
        ("1.0999999999999999", 11, 1),
        ("9899.999999999998", 9900, 0),
    ] {
        assert_eq!(price(text, Point), Ok((Price { mantissa, scale }, Shortened)), "{text}");
    }
}

#[test]
fn what_has_more_than_nine_decimals_is_rounded_half_to_even() {
    for (text, mantissa) in [
        ("1.12345678949", 1_123_456_789),
        ("1.1234567885", 1_123_456_788),
        ("1.1234567895", 1_123_456_790),
        ("-1.12345678951", -1_123_456_790),
        ("0.0000000005", 0),
        ("0.0000000015", 2),
        ("0.00000000051", 1),
        ("0.00000000009", 0),
        ("1e-12", 0),
        ("1e-9999", 0),
        ("0.9999999999", 1_000_000_000),
    ] {
        let expected = Price { mantissa, scale: 9 };
        assert_eq!(price(text, Point), Ok((expected, Rounded)), "{text}");
    }
}

/// A number as a plain decimal text.
fn written(mantissa: i64, scale: u8, mark: char) -> String {
    let digits = format!("{:0width$}", mantissa.unsigned_abs(), width = usize::from(scale) + 1);
    let (whole, decimals) = digits.split_at(digits.len() - usize::from(scale));
    let point = if scale > 0 { String::from(mark) } else { String::new() };
    format!("{}{whole}{point}{decimals}", if mantissa < 0 { "-" } else { "" })
}

/// The same with a separator between its thousands.
fn grouped(plain: &str, mark: char, separator: char) -> String {
    let (whole, rest) = plain.find(mark).map_or((plain, ""), |at| plain.split_at(at));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut out = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            out.push(separator);
        }
        out.push(digit);
    }
    out + rest
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_the_wire_reads_is_read_alike(text in "[ ]?[-+]?[0-9]{0,20}[.]?[0-9]{0,10}[ ]?") {
        if let Ok(expected) = Price::parse(&text) {
            prop_assert_eq!(price(&text, Point), Ok((expected, Exact)));
        }
    }

    #[test]
    fn every_spelling_of_a_number_reads_back_to_it(
        mantissa in any::<i64>(), digits in 0u32..19, scale in 0u8..=9, zeros in 0usize..15, shift in -12i64..12,
    ) {
        let mantissa = mantissa / 10i64.pow(digits);
        let expected = Price { mantissa, scale };
        for (sign, mark, separators) in [(Point, '.', [',', ' ', '\'', '_']), (Comma, ',', ['.', '\u{a0}', '\u{202f}', '\u{2009}'])] {
            let plain = written(mantissa, scale, mark);
            prop_assert_eq!(price(&plain, sign), Ok((expected, Exact)));
            let longer = if scale > 0 { format!("{plain}{}", "0".repeat(zeros)) } else { plain.clone() };
            prop_assert!(equal(price(&longer, sign), expected), "{}", longer);
            for separator in separators {
                let text = grouped(&plain, mark, separator);
                let open = separator == sign.other() && scale == 0 && text.matches(separator).count() == 1;
                match price(&text, sign) {
                    Err(NumberError::Ambiguous { .. }) => prop_assert!(open, "{}", text),
                    read => prop_assert!(!open && read == Ok((expected, Exact)), "{}", text),
                }
            }
            let moved = written(mantissa, scale, mark);
            let power = i64::from(scale) + shift;
            let text = format!("{}e{}", moved.replace(mark, ""), -power);
            if (0..=9).contains(&power) {
                prop_assert!(equal(price(&text, sign), Price { mantissa, scale: power.try_into().unwrap() }), "{}", text);
            }
        }
    }

    #[test]
    fn a_double_of_up_to_fifteen_digits_survives_arithmetic(mantissa in 1i64..10_000_000, scale in 0u8..6) {
        let double = Price { mantissa, scale }.value();
        let text = format!("{:.17}", double);
        let (read, _) = price(&text, Point).unwrap();
        prop_assert_eq!(read.value(), double, "{}", text);
    }

    #[test]
    fn no_text_is_too_strange(text in "[-+0-9.,eE '_\u{a0}x]{0,40}", comma in any::<bool>()) {
        let _ = price(&text, if comma { Comma } else { Point });
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = price(&bytes, Point);
    }
}

/// Whether both are the same number, whatever their scale.
fn equal(read: Result<(Price, Exactness), NumberError>, expected: Price) -> bool {
    let number = |price: Price| i128::from(price.mantissa) * 10i128.pow(u32::from(9 - price.scale));
    matches!(read, Ok((price, Exact)) if number(price) == number(expected))
}

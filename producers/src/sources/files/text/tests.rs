//! Lines of every encoding and line end.

use proptest::prelude::*;

use super::*;

fn reader(bytes: &[u8]) -> Box<dyn BufRead + Send> {
    Box::new(BufReader::with_capacity(7, Cursor::new(bytes.to_vec())))
}

/// Numbers and texts of all lines.
fn lines(bytes: &[u8]) -> Vec<(u64, Result<String, TooLong>)> {
    let mut lines = Lines::new(reader(bytes)).unwrap();
    let mut found = Vec::new();
    while let Some(line) = lines.next_line().unwrap() {
        found.push((line.number, line.text.map(|text| String::from_utf8_lossy(text).into_owned())));
    }
    found
}

fn texts(bytes: &[u8]) -> Vec<String> {
    lines(bytes).into_iter().map(|(_, text)| text.unwrap()).collect()
}

fn utf16(text: &str, order: ByteOrder) -> Vec<u8> {
    let bytes = |unit: u16| match order {
        ByteOrder::Little => unit.to_le_bytes(),
        ByteOrder::Big => unit.to_be_bytes(),
    };
    text.encode_utf16().flat_map(bytes).collect()
}

use super::utf16::ByteOrder;

#[test]
fn blank_lines_are_counted_and_passed_over() {
    let found = lines(b"\n  \t\r\na,b\r\n\n\nc\n \n");
    assert_eq!(found, [(3, Ok("a,b".into())), (6, Ok("c".into()))]);
    assert_eq!(lines(b""), []);
    assert_eq!(lines(b"\xef\xbb\xbf\n"), []);
    assert_eq!(lines(b"\xef\xbb\xbf"), []);
}

#[test]
fn spaces_and_tabs_at_the_edges_belong_to_the_text() {
    assert_eq!(texts(b"\ta\t\r\n b \n"), ["\ta\t", " b "]);
}

#[test]
fn carriage_returns_alone_end_lines_where_there_is_no_line_feed() {
    assert_eq!(lines(b"a\r\rb\rc"), [(1, Ok("a".into())), (3, Ok("b".into())), (4, Ok("c".into()))]);
    assert_eq!(texts(b"a\rb\nc"), ["a\rb", "c"]);
    assert_eq!(texts(b"a\r\r\nb\r\r\n"), ["a", "b"]);
}

#[test]
fn a_byte_order_mark_is_no_text_wherever_it_stands() {
    assert_eq!(texts(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n"), ["a", "b"]);
}

#[test]
fn bytes_of_another_code_page_pass() {
    let mut lines = Lines::new(reader(b"Zeit\xfc,1\n")).unwrap();
    assert_eq!(lines.next_line().unwrap().unwrap().text, Ok(&b"Zeit\xfc,1"[..]));
}

#[test]
fn a_line_that_is_too_long_is_one_refused_line() {
    let fits = "x".repeat(MAX_LINE);
    for end in ["\n", "\r\n", "\r"] {
        let text = ["a", &fits, &format!("{fits}y"), &fits.repeat(50), "b"].join(end);
        let found = lines(text.as_bytes());
        let expected = [Ok("a".into()), Ok(fits.clone()), Err(TooLong), Err(TooLong), Ok("b".into())];
        assert_eq!(found, (1..).zip(expected).collect::<Vec<_>>());
    }
    assert_eq!(lines(fits.repeat(3).as_bytes()), [(1, Err(TooLong))]);
    assert_eq!(TooLong.to_string(), "is longer than 4096 bytes");
}

#[test]
fn utf_16_is_known_by_its_mark_or_its_zeros() {
    let text = "time;öffnung\r\n2012-02-01;1,5\r\n";
    for order in [ByteOrder::Little, ByteOrder::Big] {
        for marked in [format!("\u{feff}{text}"), text.into()] {
            let bytes = utf16(&marked, order);
            assert_eq!(byte_order(&bytes), Some(order));
            assert_eq!(texts(&bytes), ["time;öffnung", "2012-02-01;1,5"]);
        }
    }
    for bytes in [&b"time,open\n"[..], b"", b"a\0", b"\0\0\0\0\0\0", b"ab\0\0cd\0\0"] {
        assert_eq!(byte_order(bytes), None, "{bytes:?}");
    }
}

#[test]
fn broken_utf_16_costs_one_character() {
    let mut bytes = utf16("\u{feff}a\n\u{1f600}b\n", ByteOrder::Little);
    bytes.push(b'x');
    assert_eq!(texts(&bytes), ["a", "\u{1f600}b", "\u{fffd}"]);
    let lone = [0xff, 0xfe, b'a', 0, 0x3d, 0xd8];
    assert_eq!(texts(&lone), ["a\u{fffd}"]);
}

#[test]
fn an_error_of_the_reader_is_passed_on() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("disk"))
        }
    }
    assert!(Lines::new(Box::new(BufReader::new(Broken))).is_err());
    let later = vec![b'\n'; usize::try_from(BEGIN).unwrap()];
    let mut lines = Lines::new(Box::new(BufReader::new(Cursor::new(later).chain(Broken)))).unwrap();
    assert_eq!(lines.next_line().unwrap_err().to_string(), "disk");
}

proptest! {
    #[test]
    fn every_encoding_and_line_end_gives_the_same_lines(
        expected in proptest::collection::vec("[ -~öß€\u{1f600}]{0,90}", 1..60),
        end in proptest::sample::select(vec!["\n", "\r\n", "\r"]),
        repeat in 1usize..40,
    ) {
        let text = vec![expected.join(end); repeat].join(end);
        let whole = texts(text.as_bytes());
        let kept = text.split(end).filter(|line| !line.trim_matches(' ').is_empty());
        prop_assert_eq!(&whole, &kept.collect::<Vec<_>>());
        prop_assert_eq!(&texts(format!("\u{feff}{text}").as_bytes()), &whole);
        for order in [ByteOrder::Little, ByteOrder::Big] {
            prop_assert_eq!(&texts(&utf16(&format!("\u{feff}{text}"), order)), &whole);
        }
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = lines(&bytes);
    }
}

//! Cells with and without quotes, and the delimiters of real files.

use proptest::prelude::*;

use super::*;

fn split(line: &str, delimiter: u8) -> Vec<String> {
    let mut splitter = Splitter::new(delimiter);
    let cells = splitter.split(line.as_bytes());
    assert_eq!(cells.get(cells.len()), None);
    cells.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
}

#[test]
fn a_line_is_split_at_its_delimiter() {
    assert_eq!(split("a, b ,,c", b','), ["a", "b", "", "c"]);
    assert_eq!(split("a\t\tb\t", b'\t'), ["a", "", "b", ""]);
    assert_eq!(split("a;1,5", b';'), ["a", "1,5"]);
    assert_eq!(split("", b','), [""]);
    assert_eq!(split(",", b','), ["", ""]);
}

#[test]
fn quotes_keep_a_cell_together() {
    assert_eq!(split(r#""a,b",c"#, b','), ["a,b", "c"]);
    assert_eq!(split(r#""say ""x""","y\"z","#, b','), [r#"say "x""#, r#"y"z"#, ""]);
    assert_eq!(split(r#"" a "," b""#, b','), ["a", "b"]);
    assert_eq!(split(r#""a", "b""#, b','), ["a", "b"]);
    assert_eq!(split("\"1\r2\";x", b';'), ["1\r2", "x"]);
}

#[test]
fn a_stray_quote_costs_one_line() {
    let mut splitter = Splitter::new(b',');
    assert_eq!(splitter.split(b"\"a,b").len(), 1);
    assert_eq!(splitter.split(b"c,d").len(), 2);
    assert_eq!(splitter.split(b"e,\"f\"").iter().last(), Some(&b"f"[..]));
    assert_eq!(splitter.split(b"5\",6").iter().collect::<Vec<_>>(), [&b"5\""[..], b"6"]);
}

#[test]
fn the_delimiter_splits_most_lines_alike() {
    let delimiter = |text: &str| delimiter_of(&text.lines().map(str::as_bytes).collect::<Vec<_>>());
    assert_eq!(delimiter("time;open;close\n2012-02-01;1,57;1,58\n2012-02-02;1,57;1,58"), Some(b';'));
    assert_eq!(delimiter("2012-02-01;1,57;1,58"), Some(b';'));
    assert_eq!(delimiter("2012-02-01\t1,57\t1,58"), Some(b'\t'));
    assert_eq!(delimiter("2012-02-01|1,57|1,58"), Some(b'|'));
    assert_eq!(delimiter("time,open\n2012-02-01,1.57\n# a; b; c"), Some(b','));
    assert_eq!(delimiter("\"a;b\",c\n\"d;e\",f"), Some(b','));
    assert_eq!(delimiter("a\nb"), None);
    assert_eq!(delimiter(""), None);
}

proptest! {
    #[test]
    fn cells_read_back_whatever_is_quoted(
        cells in proptest::collection::vec(("[a-z0-9.,;\"| \u{e9}]{0,12}", any::<bool>()), 1..12),
        delimiter in proptest::sample::select(&DELIMITERS[..]),
    ) {
        let write = |(cell, quoted): &(String, bool)| {
            let needed = cell.contains(['"', char::from(delimiter)]);
            if *quoted || needed { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
        };
        let line = cells.iter().map(write).collect::<Vec<_>>().join(&char::from(delimiter).to_string());
        let expected: Vec<String> = cells.iter().map(|(cell, _)| cell.trim_matches(' ').into()).collect();
        let shown: Vec<String> = split(&line, delimiter);
        // Quotes that surround a whole cell's text are dropped once more.
        let stripped = |cell: &String| String::from_utf8_lossy(unquoted(cell.as_bytes())).into_owned();
        for (read, wanted) in shown.iter().zip(&expected) {
            prop_assert!(read == wanted || *read == stripped(wanted), "{}: {:?}", line, read);
        }
        prop_assert_eq!(shown.len(), expected.len());
    }

    #[test]
    fn no_bytes_are_too_strange(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..8)) {
        let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
        let mut splitter = Splitter::new(delimiter_of(&lines).unwrap_or(b','));
        for line in lines {
            let cells = splitter.split(line);
            prop_assert!(cells.len() >= 1 && cells.iter().count() == cells.len());
        }
    }
}

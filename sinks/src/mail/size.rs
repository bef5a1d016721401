//! `SIZE` of RFC 1870: how large a mail a server takes.

/// Most bytes of one mail, by the lines of an answer to EHLO; none where it says nothing, or that it has no fixed limit.
pub(super) fn limit<'a>(mut lines: impl Iterator<Item = &'a str>) -> Option<u64> {
    lines.find_map(|line| {
        let mut words = line.split_whitespace();
        let named = words.next().is_some_and(|keyword| keyword.eq_ignore_ascii_case("SIZE"));
        if named { words.next()?.parse().ok().filter(|most| *most > 0) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_how_large_a_mail_it_takes_or_that_nothing_is_fixed() {
        let limit = |lines: &[&str]| limit(lines.iter().copied());
        assert_eq!(limit(&["mx.example", "8BITMIME", "SIZE 35882577", "HELP"]), Some(35_882_577));
        assert_eq!(limit(&["mx.example", "size 1000"]), Some(1_000));
        for none in [&["mx.example", "SIZE"][..], &["SIZE 0"], &["SIZE many"], &["SIZES 5"], &[]] {
            assert_eq!(limit(none), None, "{none:?}");
        }
    }
}

//! Texts that others wrote, as a mail says them, and counted things.

/// Most characters of a title.
pub(super) const TITLE: usize = 100;
/// Most characters of a value, such as `175K`.
pub(super) const VALUE: usize = 24;

/// On one line and no longer than that: what breaks a line, cannot be seen or turns the direction of reading around is
/// a space. A calendar is read from elsewhere, and what it says stands in subjects.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let plain: String = text.chars().map(|c| if is_plain(c) { c } else { ' ' }).collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(most) {
        None => line,
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
    }
}

fn is_plain(c: char) -> bool {
    let turns =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_control() && !turns
}

/// `1 alert`, `12 alerts`
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays_on_one_line_and_is_cut_where_it_is_too_long() {
        assert_eq!(
            one_line(" Non-Farm\r\nBcc: a@b.example\t Payrolls\u{7} ", TITLE),
            "Non-Farm Bcc: a@b.example Payrolls"
        );
        assert_eq!(one_line("a\u{202e}b\u{2028}c\u{200b}", TITLE), "a b c");
        assert_eq!(one_line("über alles", 4), "über…");
        assert_eq!(one_line("über alles", 5), "über…");
        assert_eq!(one_line(&"é".repeat(TITLE), TITLE), "é".repeat(TITLE));
        assert_eq!(one_line("\n", TITLE), "");
    }
}

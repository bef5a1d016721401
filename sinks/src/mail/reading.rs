//! How tests read a mail: as a person does, through a parser that did not write it.

use std::collections::BTreeSet;

use mail_parser::MessageParser;

use super::compose::Composed;

/// HTML and text of a mail.
pub(crate) fn bodies(mail: &Composed) -> (String, String) {
    let parsed = MessageParser::default().parse(&mail.content).unwrap();
    (parsed.body_html(0).unwrap().into_owned(), parsed.body_text(0).unwrap().into_owned())
}

/// What a person sees of HTML.
pub(crate) fn visible(html: &str) -> String {
    let body = &html[html.find("<body").unwrap()..];
    let mut text = String::new();
    let mut inside = false;
    for c in body.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text.replace("&#8202;", " ")
        .replace("&#160;", " ")
        .replace("&#183;", "·")
        .replace("&amp;", "&")
        .replace("&#39;", "'")
}

/// Plain text without its addresses, which are links in HTML.
pub(crate) fn prose(text: &str) -> String {
    text.lines().filter(|line| !line.contains("https://")).collect::<Vec<_>>().join("\n")
}

/// Every number in a text.
pub(crate) fn numbers(text: &str) -> BTreeSet<String> {
    let split = text.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    let trimmed = split.map(|part| part.trim_matches('.')).filter(|part| !part.is_empty());
    trimmed.map(String::from).collect()
}

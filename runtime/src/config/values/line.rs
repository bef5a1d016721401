//! Texts that are shown on one line.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::Deserialize;

/// A text of at most `MAX` characters that can go into the header of a mail: not empty, no line break, no control
/// character, nothing that reorders what is read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Line<const MAX: usize>(String);

/// Says why a text is no line of at most `max` characters.
pub(super) fn check(text: &str, max: usize) -> Result<(), String> {
    let length = text.chars().count();
    if !is_printable(text) || text.trim().is_empty() {
        return Err("is empty or has a line break or another control character".into());
    }
    if length > max {
        return Err(format!("has {length} characters, the limit is {max}"));
    }
    Ok(())
}

/// No control character, and none of those by which Unicode separates lines or changes the direction of writing.
pub(super) fn is_printable(text: &str) -> bool {
    let reorders = |c: char| matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.chars().any(|c| c.is_control() || reorders(c))
}

impl<const MAX: usize> FromStr for Line<MAX> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        check(text, MAX).map(|()| Self(text.into()))
    }
}

impl<const MAX: usize> TryFrom<String> for Line<MAX> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl<const MAX: usize> Deref for Line<MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Display for Line<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_would_break_a_header_is_no_line() {
        assert_eq!("FXLabs Prime".parse::<Line<64>>().unwrap().to_string(), "FXLabs Prime");
        for bad in ["A\r\nBcc: x@y.example", "A\nB", "A\0B", "A\u{2028}B", "A\u{202e}B", "", "  "] {
            let wrong = bad.parse::<Line<64>>().unwrap_err();
            assert!(wrong.contains("is empty or has a line break"), "{bad:?}: {wrong}");
        }
    }

    #[test]
    fn a_line_has_a_limit_in_characters() {
        assert!("é".repeat(64).parse::<Line<64>>().is_ok());
        assert_eq!("é".repeat(65).parse::<Line<64>>(), Err("has 65 characters, the limit is 64".into()));
    }
}

//! How many settings somebody looked at, in words: of so many, some look good by chance.

use crate::study::CHANCE;

/// What so many looks mean, of which some were told apart from random bars; nothing without any.
#[expect(clippy::cast_precision_loss, reason = "a few hundred looks")]
pub(super) fn looks(looks: usize, apart: usize, what: &str) -> String {
    let expected = looks as f64 * CHANCE;
    let verdict = match apart {
        0 => "None is.".to_owned(),
        apart if apart as f64 <= expected.ceil() => {
            format!("{apart} {}: no more than chance gives.", be(apart))
        }
        apart => format!(
            "{apart} {}, which is more; whether it lasts only shows on a time that it was not chosen on.",
            be(apart)
        ),
    };
    match looks {
        0 => String::new(),
        1 => "You looked at one. One in twenty is told apart from random bars by chance alone.".into(),
        _ => format!(
            "You looked at {looks} {what}; one in twenty looks good by chance: {} of {looks} would be told apart from \
             random bars if nothing were behind any. {verdict}",
            about(expected)
        ),
    }
}

const fn be(number: usize) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

/// `1 or 2` for 1.55.
fn about(expected: f64) -> String {
    match (expected.floor(), expected.ceil()) {
        (0.0, _) => "at most one".into(),
        (below, above) if below < above => format!("{below} or {above}"),
        (exactly, _) => format!("{exactly}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_looks_is_said_with_what_chance_makes_of_it() {
        assert_eq!(
            looks(31, 2, "settings"),
            "You looked at 31 settings; one in twenty looks good by chance: 1 or 2 of 31 would be told apart from random \
             bars if nothing were behind any. 2 are: no more than chance gives."
        );
        assert!(looks(31, 3, "settings").contains("3 are, which is more"));
        assert!(
            looks(3, 0, "settings").contains("at most one of 3")
                && looks(3, 0, "settings").ends_with("None is.")
        );
        assert!(
            looks(40, 1, "settings").contains(": 2 of 40")
                && looks(40, 1, "settings").contains("1 is: no more")
        );
        assert!(looks(1, 1, "settings").starts_with("You looked at one."));
        assert_eq!(looks(0, 0, "settings"), "");
    }
}

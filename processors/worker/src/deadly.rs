//! A death by content, for tests: no build that is released has it.

use std::sync::OnceLock;

/// Names text: a worker dies of a journal record that has it.
const VARIABLE: &str = "BELLWETHER_TEST_DIES_OF";

/// Ends the process at once, as a fault of memory would, where the record has the text that the environment names.
pub(crate) fn meet(value: &[u8]) {
    static TEXT: OnceLock<Option<String>> = OnceLock::new();
    let text = TEXT.get_or_init(|| std::env::var(VARIABLE).ok().filter(|text| !text.is_empty()));
    if let Some(text) = text
        && value.windows(text.len()).any(|window| window == text.as_bytes())
    {
        std::process::abort();
    }
}

//! What is not given on the command line is asked for, where somebody sits at a terminal.

use std::io::{BufRead as _, IsTerminal as _};

use bellwether_runtime::secret::Secret;
use console::Term;

use crate::exit::{Coded, USAGE};
use crate::output::note;

/// What was given, or what somebody at a terminal types.
pub(super) fn asked(flag: &str, what: &str, given: Option<&str>) -> Result<String, Coded> {
    if let Some(given) = given {
        return Ok(given.into());
    }
    answer(flag, what, || {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        Ok(line)
    })
}

/// What somebody at a terminal types, of which nothing is shown.
pub(super) fn asked_unseen(flag: &str, what: &str) -> Result<Secret, Coded> {
    answer(flag, what, || Term::stderr().read_secure_line()).map(Secret::new)
}

fn answer(flag: &str, what: &str, read: impl FnOnce() -> std::io::Result<String>) -> Result<String, Coded> {
    let missing = || Coded { code: USAGE, message: format!("{what} is missing: give it as {flag}") };
    if !std::io::stdin().is_terminal() {
        return Err(missing());
    }
    note(&format!("{what}: "));
    let line = read().map_err(|_| missing())?;
    Some(line.trim().to_owned()).filter(|line| !line.is_empty()).ok_or_else(missing)
}

//! A TOML file into sections of parsed values. An error is one line, names file and key, and quotes nothing but the
//! value of that key: other lines of the file may hold what is not to be shown.

use std::path::Path;

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

use super::ConfigError;

/// The text of a configuration file.
pub(super) fn read(file: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(file).map_err(|error| ConfigError::unreadable(file, &error))
}

/// The text of a file with these keys, each section an object.
///
/// # Errors
/// A value that TOML does not have.
pub fn text_of(keys: &serde_json::Map<String, serde_json::Value>) -> Result<String, String> {
    toml::to_string(keys).map_err(|error| error.to_string())
}

/// The text as a table of values whose meaning is not looked at yet.
pub(super) fn parse(file: &Path, text: &str) -> Result<toml::Table, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        let place = line.map_or_else(String::new, |line| format!("line {line}: "));
        let reason = format!("{place}is no TOML: {}", error.message().replace('\n', ", "));
        ConfigError::Form { file: file.into(), reason }
    })
}

/// The table as the sections that `T` has, every key of them known and every value possible.
pub(super) fn sections<T: DeserializeOwned>(file: &Path, table: toml::Table) -> Result<T, ConfigError> {
    toml::Value::Table(table).try_into().map_err(|error: toml::de::Error| match key_of(&error) {
        Some(key) => ConfigError::value(file, &key, error.message()),
        None => ConfigError::Form { file: file.into(), reason: error.message().into() },
    })
}

/// The line of a key, counted from 1. In a list of sections it is the first that has the key.
pub(super) fn line_of(text: &str, path: &[String]) -> Option<usize> {
    let table = DeTable::parse(text).ok()?.into_inner();
    let start = start_of(&table, path)?;
    Some(1 + text.get(..start)?.matches('\n').count())
}

fn start_of(table: &DeTable<'_>, path: &[String]) -> Option<usize> {
    let (first, rest) = path.split_first()?;
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == first)?;
    let inner = match value.get_ref() {
        DeValue::Table(table) => start_of(table, rest),
        DeValue::Array(several) => several
            .iter()
            .filter_map(|each| each.get_ref().as_table())
            .find_map(|table| start_of(table, rest)),
        _ => None,
    };
    Some(inner.unwrap_or_else(|| key.span().start))
}

/// The key whose value is wrong. The library tells it in the error's text alone, on a line of its own.
fn key_of(error: &toml::de::Error) -> Option<String> {
    let text = error.to_string();
    let key = text.strip_prefix(error.message())?.trim().strip_prefix("in `")?.strip_suffix('`')?;
    Some(key.into())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(rename = "inner")]
        _inner: Inner,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[serde(rename = "count")]
        _count: u8,
    }

    fn error(text: &str) -> String {
        let file = Path::new("x.toml");
        parse(file, text).and_then(|table| sections::<Outer>(file, table)).unwrap_err().to_string()
    }

    #[test]
    fn an_error_names_the_key_with_its_section_and_is_one_line() {
        assert!(error("[inner]\ncount = 300\n").starts_with("x.toml: inner.count: "), "the key");
        assert!(error("inner.count = \"a\\nb\"\n").starts_with("x.toml: inner.count: "), "dotted");
        assert_eq!(error("[inner]\n"), "x.toml: inner: missing field `count`");
        assert_eq!(error("[inner]\nkount = 3\n"), "x.toml: inner: unknown field `kount`, expected `count`");
        assert_eq!(error("outer = 3\n"), "x.toml: unknown field `outer`, expected `inner`");
    }

    #[test]
    fn an_error_of_form_names_the_line_and_quotes_none() {
        let wrong = error("[inner]\ncount = 3\npassword = \"swordfish\n");
        assert!(wrong.starts_with("x.toml: line 3: is no TOML: "), "{wrong}");
        assert!(!wrong.contains("swordfish") && !wrong.contains('\n'), "{wrong}");
    }
}

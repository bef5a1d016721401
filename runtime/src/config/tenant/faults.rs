//! Everything that is wrong with a tenant's file, at once. Reading it ends at the first thing that is wrong; here that
//! is written down, set aside, and the rest is read.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use bellwether_schemas::TenantId;
use toml::{Table, Value};

use super::{Tenant, id_of, of_table};
use crate::config::{ConfigError, toml_file};

/// Most things that are told of one file.
const MOST: usize = 100;
/// A domain that nobody has (RFC 2606).
const NOBODY: &str = "x.invalid";
/// What stands in for keys that a file has to have, so that the rest of it can be read. It never leaves this module
/// but within the tenant of a file that has faults.
const STAND_IN: &str =
    "revision = 1\nzone = \"UTC\"\nbrand.name = \"-\"\ndatabase = {}\nmail.from = \"a@x.invalid\"\n";

/// The sender stands in for one that the file lacks.
pub(in crate::config) fn is_stand_in(tenant: &Tenant) -> bool {
    tenant.mail.from.address().domain() == NOBODY
}

/// Something that is wrong with a tenant's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// Where in it, counted from 1; none for what is not there.
    pub line: Option<usize>,
    /// Which key, with its section; empty where it is not about one.
    pub key: String,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, key, reason } = self;
        write!(f, "{}", file.display())?;
        line.map_or(Ok(()), |line| write!(f, ":{line}"))?;
        let colon = if key.is_empty() { "" } else { ": " };
        write!(f, ": {key}{colon}{reason}")
    }
}

/// A tenant's file as far as it can be read, and what is wrong with it.
#[derive(Debug)]
pub(in crate::config) struct Examined {
    /// None where nothing can be read of it. With faults, what is wrong has been set aside or stood in for.
    pub(in crate::config) tenant: Option<Tenant>,
    pub(in crate::config) faults: Vec<Fault>,
}

/// Reads the file to its end, whatever is wrong with it.
pub(in crate::config) fn examine(path: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Examined {
    match toml_file::read(path) {
        Ok(text) => examine_text(path, text, environment),
        Err(error) => beyond_reading(path, &error),
    }
}

/// As [`examine`], of a file that has that text, or is to have it.
pub(in crate::config) fn examine_text(
    path: &Path,
    text: String,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Examined {
    match id_of(path).and_then(|id| Ok((id, toml_file::parse(path, &text)?))) {
        Ok((id, table)) => Examination { path, text, found: Vec::new(), set_aside: BTreeSet::new() }.run(
            &id,
            table,
            environment,
        ),
        Err(error) => beyond_reading(path, &error),
    }
}

fn beyond_reading(path: &Path, error: &ConfigError) -> Examined {
    let (key, reason) = error.parts();
    Examined { tenant: None, faults: vec![Fault { file: path.into(), line: None, key, reason }] }
}

struct Examination<'a> {
    path: &'a Path,
    text: String,
    found: Vec<Fault>,
    /// Keys that were there and wrong. That they are missing afterwards is our doing.
    set_aside: BTreeSet<Vec<String>>,
}

impl Examination<'_> {
    fn run(
        mut self,
        id: &TenantId,
        mut table: Table,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Examined {
        let (mut tenant, mut silenced) = (None, false);
        for _ in 0..MOST {
            let variables: &dyn Fn(&str) -> Option<String> = if silenced { &|_| None } else { environment };
            let error = match of_table(self.path, id, table.clone(), variables) {
                Ok(read) => {
                    tenant = Some(read);
                    break;
                }
                Err(error) => error,
            };
            let place = self.note(&error);
            if !mend(&mut table, &place) {
                // It came out of a variable: without any of them the file may be read on.
                if std::mem::replace(&mut silenced, true) {
                    break;
                }
            }
        }
        self.found.sort_by_key(|fault| fault.line);
        Examined { tenant, faults: self.found }
    }

    /// Writes it down, unless it is there; its place.
    fn note(&mut self, error: &ConfigError) -> Place {
        let (section, reason) = error.parts();
        let place = Place::of(&section, &reason);
        let line = if place.is_missing { None } else { toml_file::line_of(&self.text, &place.path) };
        let fault = Fault { file: self.path.into(), line, key: section, reason };
        let ours = place.is_missing && self.set_aside.contains(&place.path);
        if !ours && !self.found.contains(&fault) {
            self.found.push(fault);
        }
        self.set_aside.insert(place.path.clone());
        place
    }
}

/// Where in the file something is wrong.
struct Place {
    path: Vec<String>,
    is_missing: bool,
    is_unknown: bool,
}

impl Place {
    /// The reader names the section of a key that is not there or not known, and the key in its words.
    fn of(section: &str, reason: &str) -> Self {
        let named = |start: &str| reason.strip_prefix(start)?.split('`').next().map(str::to_owned);
        let (missing, unknown) = (named("missing field `"), named("unknown field `"));
        let (is_missing, is_unknown) = (missing.is_some(), unknown.is_some());
        let parts = section.split('.').filter(|part| !part.is_empty()).map(str::to_owned);
        Self { path: parts.chain(missing).chain(unknown).collect(), is_missing, is_unknown }
    }
}

/// Sets aside what is wrong, or has something stand in for it. False where nothing can be changed any more.
fn mend(table: &mut Table, place: &Place) -> bool {
    let stand_in = (!place.is_unknown).then(|| stand_in(&place.path)).flatten();
    let Some((last, sections)) = place.path.split_last() else { return false };
    if let Some(value) = stand_in
        && put(table, sections, last, &value)
    {
        return true;
    }
    // Its section goes where the key alone is not there to go.
    remove(table, sections, last)
        || sections.split_last().is_some_and(|(section, before)| {
            let whole = self::stand_in(sections);
            match whole {
                Some(value) => put(table, before, section, &value),
                None => remove(table, before, section),
            }
        })
}

fn stand_in(path: &[String]) -> Option<Value> {
    let table: Table = toml::from_str(STAND_IN).ok()?;
    path.iter().try_fold(Value::Table(table), |at, part| match at {
        Value::Table(mut table) => table.remove(part),
        _ => None,
    })
}

/// False where it is there already.
fn put(table: &mut Table, sections: &[String], key: &str, value: &Value) -> bool {
    let Some((section, rest)) = sections.split_first() else {
        return table.insert(key.into(), value.clone()).as_ref() != Some(value);
    };
    let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
    match inner {
        Value::Table(inner) => put(inner, rest, key, value),
        other => {
            *other = Value::Table(Table::new());
            put(table, sections, key, value)
        }
    }
}

/// Of a list of sections the first that has the key loses it, for which of them is wrong is not told; where none has it
/// any more, the first goes.
fn remove(table: &mut Table, sections: &[String], key: &str) -> bool {
    let Some((section, rest)) = sections.split_first() else { return table.remove(key).is_some() };
    match table.get_mut(section) {
        Some(Value::Table(inner)) => remove(inner, rest, key),
        Some(Value::Array(several)) if !several.is_empty() => {
            let lost = several.iter_mut().filter_map(Value::as_table_mut).any(|each| remove(each, rest, key));
            if !lost {
                several.remove(0);
            }
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examined(text: &str, variables: &[(&str, &str)]) -> Examined {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("fxlabs.toml");
        std::fs::write(&file, text).unwrap();
        let mut examined = examine(&file, &|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_string())
        });
        examined.faults.iter_mut().for_each(|fault| fault.file = "fxlabs.toml".into());
        examined
    }

    fn told(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
        examined(text, variables).faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_with_its_line_and_key() {
        let text = "revision = true\n\
                    zone = \"Asia/Kolkatta\"\n\
                    colour = 3\n\
                    symbols = []\n\
                    \n\
                    [brand]\n\
                    bar = \"white\"\n\
                    [database]\n\
                    url_file = \"nowhere.url\"\n\
                    modus = \"direct\"\n\
                    [mail]\n\
                    from = \"nobody\"\n\
                    smtp = \"smtp://me:swordfish@mail.example\"\n\
                    [[calendar]]\n\
                    name = \"a\"\n\
                    [[api.tokens]]\n\
                    id = \"12345678\"\n\
                    role = \"admin\"\n\
                    hash = \"swordfish\"\n";
        let told = told(text, &[("FXLABS_BOUNCE_SECRET", "swordfish")]);
        let begins = |start: &str| told.iter().any(|line| line.starts_with(&format!("fxlabs.toml{start}")));
        for start in [
            ":1: revision: ",
            ":2: zone: \"Asia/Kolkatta\"",
            ":3: unknown field `colour`",
            ":4: symbols: the list is empty",
            ": brand: missing field `name`",
            ":7: brand.bar: \"white\" is not a colour",
            ":9: database.url_file: ",
            ":10: database: unknown field `modus`",
            ":12: mail.from: \"nobody\" is not an address",
            ":13: mail.smtp: holds a password",
            ":11: mail.bounce_secret_file: is not whsec_",
            ":18: api.tokens.role: ",
            ":19: api.tokens.hash: ",
        ] {
            assert!(begins(start), "{start:?} is not among\n{}", told.join("\n"));
        }
        assert!(
            told.is_sorted_by_key(|line| line.split(':').nth(1).and_then(|line| line.parse::<usize>().ok()))
        );
        assert!(told.iter().any(|line| line.contains("calendar")), "{}", told.join("\n"));
        assert!(!told.join("").contains("swordfish"), "{}", told.join("\n"));
    }

    #[test]
    fn a_good_file_has_no_fault_and_what_is_no_toml_has_one_with_its_line() {
        let good = "revision = 1\nzone = \"UTC\"\n[brand]\nname = \"FX\"\n[database]\n[mail]\nfrom = \"a@fx.example\"\n";
        let found = examined(good, &[]);
        assert_eq!((found.faults, found.tenant.unwrap().id.as_str()), (Vec::new(), "fxlabs"));
        let told = told("revision = 1\nzone = \"UTC\n", &[]);
        assert!(told.len() == 1 && told[0].contains("line 2: is no TOML"), "{told:?}");
    }
}

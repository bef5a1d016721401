//! The demo's directory: the log, the mails, the tenants' files. Its Postgres may have to live elsewhere.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bellwether_runtime::config::{Tenant, load_tenants};
use bellwether_schemas::Timestamp;

use super::morning::Morning;
use super::{DemoError, Result};

/// The example tenants, as they stand in `tenants/`, and what they refer to.
const FILES: [(&str, &[u8]); 4] = [
    ("fxlabs.toml", include_bytes!("../../../tenants/fxlabs.toml")),
    ("hextech.toml", include_bytes!("../../../tenants/hextech.toml")),
    ("brands/fxlabs.png", include_bytes!("../../../tenants/brands/fxlabs.png")),
    ("brands/hextech.png", include_bytes!("../../../tenants/brands/hextech.png")),
];

/// `$XDG_DATA_HOME/bellwether/demo`, or below `~/.local/share`.
#[must_use]
pub fn default_dir(environment: impl Fn(&str) -> Option<String>) -> PathBuf {
    let data = environment("XDG_DATA_HOME").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let home = || environment("HOME").map(|home| Path::new(&home).join(".local/share"));
    data.or_else(home).unwrap_or_else(|| "/var/tmp".into()).join("bellwether/demo")
}

/// The demo's directory and what lies in it.
pub(super) struct Home {
    dir: PathBuf,
}

impl Home {
    pub(super) fn at(dir: &Path) -> Result<Self> {
        let home = Self { dir: std::path::absolute(dir).map_err(|source| failed("find", dir, source))? };
        let tenants = home.dir.join("tenants");
        let brands = tenants.join("brands");
        std::fs::create_dir_all(&brands).map_err(|source| failed("create", &brands, source))?;
        for (name, bytes) in FILES {
            let file = tenants.join(name);
            std::fs::write(&file, bytes).map_err(|source| failed("write", &file, source))?;
        }
        Ok(home)
    }

    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.dir.join("postgres")
    }

    pub(super) fn inbox(&self) -> PathBuf {
        self.dir.join("inbox")
    }

    /// A morning that begins so long after `now`.
    pub(super) fn morning(&self, now: Timestamp, wait: Duration) -> Result<Morning> {
        let micros = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
        Morning::begins(now.plus(micros), &self.dir)
    }

    /// The example tenants. What surrounds the process is not theirs to read: two demos are the same everywhere.
    pub(super) fn tenants(&self) -> Result<Vec<Tenant>> {
        Ok(load_tenants(&self.dir.join("tenants"), &|_| None)?)
    }
}

fn failed(what: &'static str, path: &Path, source: std::io::Error) -> DemoError {
    DemoError::Directory { what, path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_users_data_directory() {
        let dir = |variables: &[(&str, &str)]| {
            let found =
                |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_string());
            default_dir(found)
        };
        let both = [("XDG_DATA_HOME", "/data"), ("HOME", "/home/a")];
        assert_eq!(dir(&both), Path::new("/data/bellwether/demo"));
        assert_eq!(dir(&both[1..]), Path::new("/home/a/.local/share/bellwether/demo"));
    }
}

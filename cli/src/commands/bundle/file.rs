//! Files of bundles, read and written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bellwether_worker::bundle::{BadBundle, Bundle};

use crate::exit::{Coded, DATA, IO, NO_INPUT};

/// Users' ids and alerts are nobody else's business.
const MODE: u32 = 0o600;

pub(in crate::commands) fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads a bundle.
pub(super) fn read(path: &Path) -> Result<Bundle, Coded> {
    let bytes = fs::read(path).map_err(|error| {
        let code = if error.kind() == ErrorKind::NotFound { NO_INPUT } else { IO };
        Coded { code, message: format!("{}: {error}", path.display()) }
    })?;
    Bundle::decode(&bytes).map_err(|error| bad(path, &error))
}

pub(super) fn bad(path: &Path, error: &BadBundle) -> Coded {
    Coded { code: DATA, message: format!("{}: {error}", path.display()) }
}

/// Writes all of it or nothing: under another name first, unless it goes to stdout.
pub(in crate::commands) fn write(path: &Path, bytes: &[u8]) -> Result<(), Coded> {
    let written = if is_stdout(path) { to_stdout(bytes) } else { whole(path, bytes) };
    written.map_err(|error| Coded { code: IO, message: format!("{}: {error}", path.display()) })
}

fn to_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

fn whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = beside(path, "part");
    let mut file = private(&part)?;
    let written = file.write_all(bytes).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(path)
}

/// The file's name with one more ending.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

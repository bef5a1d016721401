//! What is wrong with a configuration: each error names the file and, where there is one, the key.

use std::path::{Path, PathBuf};

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or cannot be read.
    #[error("{file}: cannot be read: {reason}")]
    Unreadable {
        /// Path of the file that cannot be read.
        file: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file is not TOML, or has not the keys that it must have and no others.
    #[error("{file}: {reason}")]
    Form {
        /// Path of the file that is not TOML, or has a key too many.
        file: PathBuf,
        /// Line or key, and what was expected.
        reason: String,
    },
    /// A key has a value that it cannot have.
    #[error("{file}: {key}: {reason}")]
    Value {
        /// Path of the file whose key has no valid value.
        file: PathBuf,
        /// Which key, with its section: `brand.bar`.
        key: String,
        /// Value and what to do.
        reason: String,
    },
    /// The file's own name is no tenant id.
    #[error("{file}: {reason}")]
    Name {
        /// Path of the tenant's file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is right, and lacks what the role that was asked for needs.
    #[error("{file}: {reason}")]
    Unfit {
        /// Path of the tenant's file that lacks something.
        file: PathBuf,
        /// What it lacks.
        reason: String,
    },
    /// There is no such tenant.
    #[error("no tenant {tenant:?} in {dir}: it has {known}")]
    UnknownTenant {
        /// What was asked for.
        tenant: String,
        /// Where it was looked for.
        dir: PathBuf,
        /// Those that are there.
        known: String,
    },
}

impl ConfigError {
    /// A key with a value that it cannot have.
    pub(super) fn value(file: &Path, key: &str, reason: impl std::fmt::Display) -> Self {
        Self::Value { file: file.into(), key: key.into(), reason: reason.to_string() }
    }

    /// The file or directory that it is about.
    pub(super) fn file(&self) -> &Path {
        match self {
            Self::Unreadable { file, .. }
            | Self::Form { file, .. }
            | Self::Value { file, .. }
            | Self::Name { file, .. }
            | Self::Unfit { file, .. } => file,
            Self::UnknownTenant { dir, .. } => dir,
        }
    }

    /// Which key, empty where it is about none, and what is wrong.
    pub(super) fn parts(&self) -> (String, String) {
        match self {
            Self::Value { key, reason, .. } => (key.clone(), reason.clone()),
            Self::Form { reason, .. } | Self::Name { reason, .. } | Self::Unfit { reason, .. } => {
                (String::new(), reason.clone())
            }
            Self::Unreadable { reason, .. } => (String::new(), format!("cannot be read: {reason}")),
            Self::UnknownTenant { .. } => (String::new(), self.to_string()),
        }
    }

    /// The file or directory could not be read.
    pub(super) fn unreadable(file: &Path, error: &std::io::Error) -> Self {
        Self::Unreadable { file: file.into(), reason: error.to_string() }
    }
}

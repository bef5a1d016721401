//! `[database]`: the tenant's own Postgres.

use std::path::PathBuf;

use serde::Deserialize;

use super::secrets::Secrets;
use crate::config::ConfigError;
use crate::secret::Secret;

/// The tenant's own Postgres.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// File with the URL; else `<TENANT>_DATABASE_URL`. Both is an error.
    pub url_file: Option<PathBuf>,
    /// File with the URL of the role that the gateway logs in as; else `<TENANT>_GATEWAY_DATABASE_URL`. That role can
    /// switch mails off and nothing else.
    pub gateway_url_file: Option<PathBuf>,
    /// How it is reached: `direct`, `session` or `transaction`.
    #[serde(default)]
    pub mode: DatabaseMode,
    /// Whether other tenants' rows may lie in the same database, whose files say the same. Left out, the database is the
    /// tenant's alone. Takes effect with `bellwether tenants init`, once for all.
    #[serde(default)]
    pub shared: bool,
    /// Where recipients come from: `database`, or `auth_api` with a section `[auth]`.
    #[serde(default)]
    pub recipients: Recipients,
    /// How pages hear of new rows in `public.user_events`: `publication`, `broadcast` or `none`. Takes effect with
    /// `bellwether tenants init`.
    #[serde(default)]
    pub announce: Announce,
    /// The URL itself, filled in when the file is loaded. None is an error of the roles that need a database only.
    #[serde(skip)]
    pub url: Option<Secret>,
    /// The gateway's URL itself, filled in when the file is loaded.
    #[serde(skip)]
    pub gateway_url: Option<Secret>,
}

/// What stands between us and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseMode {
    /// No pooler: every connection is a server process of its own.
    #[default]
    Direct,
    /// A pooler that keeps a connection for a session.
    Session,
    /// A pooler that keeps it for a transaction: no named statements.
    Transaction,
}

/// Where the addresses of users come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipients {
    /// The view `bellwether.recipients` of the tenant's database.
    #[default]
    Database,
    /// The admin API of the tenant's Supabase Auth.
    AuthApi,
}

/// How pages hear that there is something new for them. They read the table in any case: this only makes it faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Announce {
    /// The table is in publication `supabase_realtime`, where that exists.
    #[default]
    Publication,
    /// A trigger calls `realtime.broadcast_changes`, where that exists, once a user and transaction.
    Broadcast,
    /// Nobody is told: pages poll.
    None,
}

impl Announce {
    /// The name in tenants' files and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Publication => "publication",
            Self::Broadcast => "broadcast",
            Self::None => "none",
        }
    }
}

impl Database {
    /// The section with its secrets.
    pub(super) fn with_secrets(mut self, secrets: &Secrets<'_>) -> Result<Self, ConfigError> {
        self.url = secrets.get("database.url_file", self.url_file.as_deref(), "DATABASE_URL")?;
        let gateway = self.gateway_url_file.as_deref();
        self.gateway_url = secrets.get("database.gateway_url_file", gateway, "GATEWAY_DATABASE_URL")?;
        Ok(self)
    }
}

//! `bellwether migrate`.

use std::process::ExitCode;

use bellwether_database::{self as database, DatabaseError};
use bellwether_runtime::secret::Secret;
use bellwether_schemas::TenantId;
use clap::Args;

use crate::exit::{CONFIG, Coded, NO};
use crate::output::tell;
use crate::wiring::{Process, environment};

/// Brings tenants' databases to this version's tables. Harmless to repeat.
///
/// It needs the database's owner, so each tenant's administrative URL is read from the environment variable
/// <TENANT>_ADMIN_DATABASE_URL, or the file that <TENANT>_ADMIN_DATABASE_URL_FILE names, and never from its file.
#[derive(Args)]
#[command(
    after_help = "Example:\n  FXLABS_ADMIN_DATABASE_URL=postgres://… bellwether migrate --tenant fxlabs"
)]
pub(crate) struct Migrate {
    /// Whose database. Repeatable; without it every tenant's.
    #[arg(long)]
    tenant: Vec<TenantId>,
    /// Change nothing: list what is missing, or say why nothing may be applied, and exit with 1 if there is anything.
    #[arg(long)]
    check: bool,
}

impl Migrate {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let mut missing = false;
        let (tenants, mut left_out) = process.good_tenants(&self.tenant)?;
        for tenant in tenants {
            match self.one(&tenant.id).await {
                Ok((is_missing, what)) => {
                    missing |= is_missing;
                    tell(&format!("{}: {what}\n", tenant.id))?;
                }
                Err(error) => left_out.failed(&error),
            }
        }
        Ok(left_out.code(if missing { ExitCode::from(NO) } else { ExitCode::SUCCESS }))
    }

    /// Whether anything is missing, and what was done or is to be.
    async fn one(&self, tenant: &TenantId) -> anyhow::Result<(bool, String)> {
        let url = required(tenant, ADMIN_URL, OWNER)?;
        if !self.check {
            let applied = database::migrate(&url).await?;
            return Ok((false, listed("applied", &applied, "nothing to do")));
        }
        match database::pending(&url).await {
            Err(refusal @ (DatabaseError::Ahead { .. } | DatabaseError::Changed { .. })) => {
                Ok((true, refusal.to_string()))
            }
            pending => {
                let pending = pending?;
                Ok((!pending.is_empty(), listed("missing", &pending, "up to date")))
            }
        }
    }
}

fn listed(what: &str, names: &[&str], none: &str) -> String {
    if names.is_empty() { none.into() } else { format!("{what} {}", names.join(", ")) }
}

/// The variable's name after the tenant's, and what it holds.
pub(super) const ADMIN_URL: &str = "ADMIN_DATABASE_URL";
pub(super) const OWNER: &str = "the database URL of the tables' owner";

/// A secret from the environment variable `<TENANT>_<NAME>`, or from the file that `<TENANT>_<NAME>_FILE` names.
pub(super) fn required(tenant: &TenantId, name: &str, holds: &str) -> Result<Secret, Coded> {
    let variable = variable(tenant, name);
    optional(tenant, name)?.ok_or_else(|| {
        refused(format!("{variable} is not set: it holds {holds}; or {variable}_FILE, a file with it"))
    })
}

/// The same, where it may be missing.
pub(super) fn optional(tenant: &TenantId, name: &str) -> Result<Option<Secret>, Coded> {
    let variable = variable(tenant, name);
    let in_file = format!("{variable}_FILE");
    match (environment(&variable), environment(&in_file)) {
        (Some(text), None) => Ok(Some(Secret::new(text))),
        (None, Some(file)) => {
            let unreadable = |error| refused(format!("{in_file}: {file} cannot be read: {error}"));
            let text = std::fs::read_to_string(&file).map_err(unreadable)?;
            Ok(Some(Secret::new(text.trim_end())))
        }
        (Some(_), Some(_)) => Err(refused(format!("{variable} and {in_file} are both set: unset one"))),
        (None, None) => Ok(None),
    }
}

fn variable(tenant: &TenantId, name: &str) -> String {
    format!("{}_{name}", tenant.as_str().to_uppercase().replace('-', "_"))
}

fn refused(message: String) -> Coded {
    Coded { code: CONFIG, message }
}

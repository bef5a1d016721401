//! `bellwether migrate`.

use std::process::ExitCode;

use bellwether_runtime::secret::Secret;
use bellwether_schemas::TenantId;
use bellwether_sinks::database;
use clap::Args;

use crate::exit::{CONFIG, Coded, NO};
use crate::wiring::Process;

/// Brings tenants' databases to this version's tables. Harmless to repeat.
///
/// It needs the database's owner, so each tenant's administrative URL is read from the environment variable
/// <TENANT>_ADMIN_DATABASE_URL, and never from its file.
#[derive(Args)]
#[command(
    after_help = "Example:\n  FXLABS_ADMIN_DATABASE_URL=postgres://… bellwether migrate --tenant fxlabs"
)]
pub(crate) struct Migrate {
    /// Whose database. Repeatable; without it every tenant's.
    #[arg(long)]
    tenant: Vec<TenantId>,
    /// Change nothing: list what is missing, and exit with 1 if anything is.
    #[arg(long)]
    check: bool,
}

impl Migrate {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let mut missing = false;
        for tenant in process.tenants_named(&self.tenant)? {
            let url = required(&tenant.id, ADMIN_URL, OWNER)?;
            let names =
                if self.check { database::pending(&url).await? } else { database::migrate(&url).await? };
            missing |= self.check && !names.is_empty();
            let (done, none) =
                if self.check { ("missing", "up to date") } else { ("applied", "nothing to do") };
            let what = if names.is_empty() { none.into() } else { format!("{done} {}", names.join(", ")) };
            println!("{}: {what}", tenant.id);
        }
        Ok(if missing { ExitCode::from(NO) } else { ExitCode::SUCCESS })
    }
}

/// The variable's name after the tenant's, and what it holds.
pub(super) const ADMIN_URL: &str = "ADMIN_DATABASE_URL";
pub(super) const OWNER: &str = "the database URL of the tables' owner";

/// A secret from the environment variable `<TENANT>_<NAME>`.
pub(super) fn required(tenant: &TenantId, name: &str, holds: &str) -> Result<Secret, Coded> {
    let variable = format!("{}_{name}", tenant.as_str().to_uppercase().replace('-', "_"));
    let missing = || Coded { code: CONFIG, message: format!("{variable} is not set: it holds {holds}") };
    crate::wiring::environment(&variable).map(Secret::new).ok_or_else(missing)
}

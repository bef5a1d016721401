//! `bellwether users`.

use std::process::ExitCode;

use bellwether_database::{self as database, tables::forgotten};
use bellwether_schemas::{TenantId, UserId};
use clap::{Args, Subcommand};
use serde_json::{Map, json};

use crate::exit::{CONFIG, Coded};
use crate::output::tell;
use crate::wiring::Process;

/// What a tenant's database holds of a user.
#[derive(Subcommand)]
pub(crate) enum Users {
    Forget(Forget),
}

/// Removes a user's alerts, triggers, preferences, mails and suppressions from the tenant's database, and says how many
/// rows of each table went.
///
/// Alerts are deleted as the user would delete them, so the engine hears of it; what the log still holds of the user is
/// written no more, and leaves it with its retention. The log keeps the opaque id. The account itself is Auth's: delete
/// it there. Harmless to repeat.
#[derive(Args)]
#[command(
    after_help = "Example:\n  bellwether users forget 1f0a3c52-7d9b-4a51-9c0e-6f1f3f0f8a11 --tenant fxlabs"
)]
pub(crate) struct Forget {
    /// The user's id, as Auth knows it.
    user: UserId,
    /// Whose user.
    #[arg(long, value_name = "T")]
    tenant: TenantId,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

impl Users {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        match self {
            Self::Forget(forget) => forget.run(process).await,
        }
    }
}

impl Forget {
    async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let found = process.tenants_named(std::slice::from_ref(&self.tenant))?.into_iter().next();
        let missing = || Coded { code: CONFIG, message: format!("no tenant {}", self.tenant) };
        let tenant = found.ok_or_else(missing)?;
        database::check_configured(&tenant)?;
        let pool = database::connect(&tenant).await?;
        let removed = forgotten::forget(&pool, &tenant.id, self.user).await?;
        tell(&if self.json { self.object(&removed) } else { self.lines(&removed) })?;
        Ok(ExitCode::SUCCESS)
    }

    fn object(&self, removed: &[(String, u64)]) -> String {
        let rows: Map<_, _> = removed.iter().map(|(table, rows)| (table.clone(), json!(rows))).collect();
        format!("{}\n", json!({ "tenant": self.tenant, "user": self.user, "removed": rows }))
    }

    fn lines(&self, removed: &[(String, u64)]) -> String {
        let mut text = format!("{}: user {} is forgotten\n", self.tenant, self.user);
        for (table, rows) in removed.iter().filter(|(_, rows)| *rows > 0) {
            text.push_str(&format!("  {table}: {rows}\n"));
        }
        if removed.iter().all(|(_, rows)| *rows == 0) {
            text.push_str("  nothing was held of this user\n");
        }
        text
    }
}

//! `bellwether tenants`.

mod asked;
mod check;
mod env_file;
mod import;
mod new;
mod resume;
mod secret_files;
mod verify;

use std::process::ExitCode;

use bellwether_database as database;
use bellwether_producers::{ProducerContext, settings};
use bellwether_roles::topics::{self, Missing};
use bellwether_runtime::config::{Announce, tenant_text};
use bellwether_runtime::log::Access;
use bellwether_runtime::secret::Secret;
use bellwether_schemas::TenantId;
use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use self::check::{Check, List};
use self::import::Import;
use self::new::New;
use self::resume::Resume;
use self::verify::Verify;
use super::migrate::{ADMIN_URL, OWNER, optional, required};
use crate::exit::{Coded, SOFTWARE};
use crate::output::tell;
use crate::wiring::Process;

/// The tenants and what they need.
#[derive(Subcommand)]
pub(crate) enum Tenants {
    List(List),
    Check(Check),
    New(Box<New>),
    Import(Import),
    Init(Init),
    Verify(Verify),
    Resume(Resume),
}

/// Makes a tenant's database its own: tables, login role, default and check on every tenant_id. Harmless to repeat.
///
/// Reads <TENANT>_ADMIN_DATABASE_URL and <TENANT>_DATABASE_PASSWORD from the environment, or with _FILE behind the
/// name from a file; prints neither. <TENANT>_GATEWAY_DATABASE_PASSWORD makes the gateway's login role, too.
#[derive(Args)]
#[command(
    after_help = "Example:\n  FXLABS_ADMIN_DATABASE_URL=postgres://… FXLABS_DATABASE_PASSWORD=… bellwether \
    tenants init fxlabs"
)]
pub(crate) struct Init {
    /// Tenant whose database and topics are made ready.
    tenant: TenantId,
}

impl Tenants {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(list) => list.run(process),
            Self::Check(check) => check.run(process),
            Self::New(new) => new.run(process).await,
            Self::Import(import) => import.run(process).map(|()| ExitCode::SUCCESS),
            Self::Init(init) => init.run(process).await.map(|()| ExitCode::SUCCESS),
            Self::Verify(verify) => verify.run(process).await,
            Self::Resume(resume) => resume.run(process).await,
        }
    }
}

impl Init {
    async fn run(self, process: &Process) -> anyhow::Result<()> {
        let tenants = process.tenants_named(std::slice::from_ref(&self.tenant))?;
        let password = required(&self.tenant, "DATABASE_PASSWORD", "the password its login role is to have")?;
        let admin = required(&self.tenant, ADMIN_URL, OWNER)?;
        database::migrate(&admin).await?;
        let role = match tenants.iter().any(|tenant| tenant.database.shared) {
            true => database::init_shared(&admin, &self.tenant, &password).await?,
            false => database::init(&admin, &self.tenant, &password).await?,
        };
        let gateway = optional(&self.tenant, "GATEWAY_DATABASE_PASSWORD")?;
        let gateway = match &gateway {
            Some(password) => Some(database::init_gateway(&admin, &self.tenant, password).await?),
            None => None,
        };
        let log = process.log(Access::Write)?;
        topics::ensure(&log, Missing::Made, &tenants).await?;
        let context = ProducerContext::new(log, process.clock.clone(), Process::shutdown()?);
        for tenant in &tenants {
            settings::publish(&context, tenant).await?;
            announce(&admin, tenant.database.announce).await?;
        }
        tell(&format!(
            "{}: tables, role {role}, topics and settings are in place; its database.url_file is to hold \
             postgres://{role}:PASSWORD@HOST:PORT/DATABASE{}\n",
            self.tenant,
            gateway.map_or_else(String::new, |role| format!(
                ", its database.gateway_url_file the same for {role}"
            )),
        ))
    }
}

/// A tenant's file with these keys.
fn file_text(keys: &Map<String, Value>) -> Result<String, Coded> {
    tenant_text(keys).map_err(|message| Coded { code: SOFTWARE, message })
}

/// Says so where nothing of the kind is there: on another Postgres than Supabase's that is as it should be.
async fn announce(admin: &Secret, how: Announce) -> anyhow::Result<()> {
    if !database::announce(admin, how).await? {
        let needs = match how {
            Announce::Publication => "publication supabase_realtime",
            Announce::Broadcast | Announce::None => "function realtime.broadcast_changes",
        };
        tracing::info!(
            database.announce = how.name(),
            "the database has no {needs}: pages poll for events; run this again once it has"
        );
    }
    Ok(())
}

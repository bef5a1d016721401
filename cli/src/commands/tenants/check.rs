//! `bellwether tenants check` and `tenants list`.

use std::process::ExitCode;

use bellwether_runtime::config::{Fault, Tenant};
use bellwether_sinks::mail::brand::Look;
use bellwether_sinks::mail::server::Server;
use clap::Args;
use serde_json::json;

use crate::exit::CONFIG;
use crate::output::tell;
use crate::wiring::Process;

/// Reads every tenant's file and says everything that is wrong with any of them, each with file, line and key.
///
/// Also what no two tenants may share: a sender, a database that is not declared shared, a token, an origin. Changes
/// nothing. Ends with 78 where anything is wrong.
#[derive(Args)]
#[command(after_help = "Examples:\n  bellwether tenants check\n  bellwether tenants check --json")]
pub(crate) struct Check {
    /// One JSON object for each thing that is wrong.
    #[arg(long)]
    json: bool,
}

/// Lists the tenants and what their files say of them.
///
/// A bad file leaves its tenant out: what is wrong is said on standard error, and the command ends with 78.
#[derive(Args)]
#[command(after_help = "Examples:\n  bellwether tenants list\n  bellwether tenants list --json")]
pub(crate) struct List {
    /// One JSON object a tenant and line.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(&self, process: &Process) -> anyhow::Result<ExitCode> {
        let (tenants, mut faults) = process.directory(&[]).examine()?;
        faults.extend(tenants.iter().flat_map(|tenant| beyond_its_file(process, tenant)));
        for fault in &faults {
            tell(&if self.json { as_json(fault) } else { format!("{fault}\n") })?;
        }
        if !faults.is_empty() {
            return Ok(CONFIG.into());
        }
        for tenant in tenants.iter().filter(|_| !self.json) {
            tell(&format!("{}: {} symbols, {}\n", tenant.id, tenant.settings.symbols.len(), tenant.zone))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What a role would say once it uses what the file names: the brand's logo, the mail server's password.
fn beyond_its_file(process: &Process, tenant: &Tenant) -> Vec<Fault> {
    let file = process.config.tenants.join(format!("{}.toml", tenant.id));
    let fault = |key: &str, reason: String| Fault { file: file.clone(), line: None, key: key.into(), reason };
    let look = Look::new(tenant).err().map(|error| fault(error.key, error.reason));
    let server = Server::of(&tenant.mail).err().map(|error| fault("mail", error.to_string()));
    look.into_iter().chain(server).collect()
}

fn as_json(fault: &Fault) -> String {
    let Fault { file, line, key, reason } = fault;
    format!("{}\n", json!({ "file": file, "line": line, "key": key, "reason": reason }))
}

impl List {
    pub(super) fn run(&self, process: &Process) -> anyhow::Result<ExitCode> {
        let (tenants, left_out) = process.good_tenants(&[])?;
        if self.json {
            let line = |tenant: &Tenant| format!("{}\n", as_json_line(tenant));
            tell(&tenants.iter().map(line).collect::<String>())?;
            return Ok(left_out.code(ExitCode::SUCCESS));
        }
        let mut text = format!(
            "{:<14} {:<24} {:<18} {:>5}  {:>7}  {}\n",
            "TENANT", "NAME", "ZONE", "BRIEF", "SYMBOLS", "SENDER"
        );
        for tenant in &tenants {
            let Tenant { id, zone, brand, mail, .. } = tenant;
            let (zone, name, symbols) = (zone.name(), &*brand.name, tenant.settings.symbols.len());
            let from = mail.from.address();
            text.push_str(&format!(
                "{:<14} {name:<24} {zone:<18} {:>5}  {symbols:>7}  {from}\n",
                id.as_str(),
                brief(tenant)
            ));
        }
        tell(&text)?;
        Ok(left_out.code(ExitCode::SUCCESS))
    }
}

fn brief(tenant: &Tenant) -> String {
    tenant.daily_brief.map_or_else(|| "-".into(), |time| time.format("%H:%M").to_string())
}

fn as_json_line(tenant: &Tenant) -> serde_json::Value {
    json!({
        "tenant": tenant.id,
        "name": &*tenant.brand.name,
        "revision": tenant.revision,
        "zone": tenant.zone.name(),
        "daily_brief": tenant.daily_brief.map(|_| brief(tenant)),
        "symbols": tenant.settings.symbols.len(),
        "sender": tenant.mail.from.address().to_string(),
        "database": tenant.database.url.is_some(),
        "mail": tenant.mail.smtp.is_some(),
        "tokens": tenant.api.tokens.len(),
        "origins": tenant.api.origins.len(),
    })
}

//! `bellwether tenants verify`.

use std::process::ExitCode;

use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::Finding;
use bellwether_schemas::TenantId;
use bellwether_sinks::mail::render::Templates;
use bellwether_sinks::verify;
use clap::Args;

use crate::commands::doctor::tell_findings;
use crate::wiring::Process;

/// Looks at a tenant as a whole: its next brief, a mail of each kind, who is mailed, where a trigger lands, who may ask.
///
/// Changes nothing that stays: a test trigger of each kind is written into its table and taken back with its transaction.
/// Ends with 1 where there is a fault.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  bellwether tenants verify fxlabs\n  bellwether tenants verify fxlabs --json"
)]
pub(crate) struct Verify {
    /// Tenant that is looked at.
    tenant: TenantId,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(super) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let now = process.clock.now();
        let templates = Templates::compile()?;
        let mut found = Vec::new();
        for tenant in process.tenants_named(std::slice::from_ref(&self.tenant))? {
            let (others, unread) = others(process)?;
            let mut findings = vec![verify::brief(&tenant, now)];
            findings.extend(verify::mails(&tenant, &others, &templates, now));
            findings.extend(unread);
            findings.extend(verify::rows(&tenant).await);
            findings.extend(verify::api(&tenant, now));
            found.push((tenant.id.to_string(), findings));
        }
        tell_findings(found, self.json)
    }
}

/// Every tenant there is, whose names must not stand in this one's mails; and that some of them cannot be read.
fn others(process: &Process) -> anyhow::Result<(Vec<Tenant>, Option<Finding>)> {
    let (tenants, faults) = process.directory(&[]).examine()?;
    let unread = faults.first().map(|fault| {
        let found = format!("{fault}: what it says of its tenant is not looked for");
        Finding::unseen("others", found, "`bellwether tenants check` says all that is wrong")
    });
    Ok((tenants, unread))
}

//! `bellwether doctor mail`.

use std::process::ExitCode;
use std::time::Duration;

use bellwether_database as database;
use bellwether_runtime::config::{Operator, Tenant};
use bellwether_runtime::finding::Finding;
use bellwether_runtime::http::{self, Limits};
use bellwether_schemas::TenantId;
use bellwether_sinks::mail::doctor::dns::System;
use bellwether_sinks::mail::doctor::{Sender, links, readers, relay, sender, shape};
use bellwether_sinks::mail::outbox::Outbox;
use bellwether_sinks::mail::render::Templates;
use clap::Args;

use super::print::tell_findings;
use crate::exit::{Coded, UNAVAILABLE};
use crate::wiring::Process;

/// What the address of one-click unsubscribing may take.
const LIMITS: Limits = Limits { time: Duration::from_secs(10), bytes: 1024 * 1024 };

/// Looks at each tenant's mail from outside, as receivers do: SPF, DKIM and DMARC of the sender's domain, MX, the relay's
/// PTR and TLS, the one-click address, brand and sizes, volume, bounces and complaints.
///
/// Asks the DNS, connects to the relay and logs in, and presses a one-click link that is nobody's. Sends no mail and
/// changes nothing.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  bellwether doctor mail\n  bellwether doctor mail --tenant fxlabs --json"
)]
pub(crate) struct MailDoctor {
    /// Whose. Repeatable; without it every tenant's.
    #[arg(long, value_name = "T")]
    tenant: Vec<TenantId>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

impl MailDoctor {
    pub(super) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let dns = System::new().map_err(|error| Coded { code: UNAVAILABLE, message: error.to_string() })?;
        let templates = Templates::compile()?;
        let mut found = Vec::new();
        let (tenants, left_out) = process.good_tenants(&self.tenant)?;
        for tenant in tenants {
            let mut findings = sender(&dns, &Sender::of(&tenant)).await;
            findings.push(relay(&tenant).await);
            findings.push(one_click(&tenant).await);
            findings.extend(shape(&tenant, &templates, process.clock.now()));
            findings.extend(numbers(&tenant, &findings).await);
            findings.push(operator(&process.config.operator, &tenant));
            found.push((tenant.id.to_string(), findings));
        }
        tell_findings(found, self.json).map(|code| left_out.code(code))
    }
}

async fn one_click(tenant: &Tenant) -> Finding {
    let ask = async |address: &bellwether_runtime::config::FeedAddress, question: http::Question<'_>| {
        http::ask(address.place(), question, LIMITS).await.map(|answer| answer.status)
    };
    links(tenant, ask).await
}

/// What the tenant's database says; a database that is away is a fault of its own.
async fn numbers(tenant: &Tenant, others: &[Finding]) -> Vec<Finding> {
    let pool = match database::connect(tenant).await {
        Ok(pool) => pool,
        Err(error) => return vec![away(&error)],
    };
    match Outbox::new(pool, tenant.id.clone()).numbers().await {
        Ok(numbers) => readers(&numbers, others),
        Err(error) => vec![away(&error)],
    }
}

fn away(error: &dyn std::fmt::Display) -> Finding {
    Finding::fault(
        "outbox",
        format!("the tenant's outbox cannot be read: {error}"),
        "see that its database answers",
    )
}

/// Whoever hears of a tenant's mail server that fails must not hear of it over that server.
fn operator(operator: &Operator, tenant: &Tenant) -> Finding {
    const ABOUT: &str = "operator";
    let host =
        |smtp: Option<&bellwether_runtime::config::SmtpServer>| smtp.map(|smtp| smtp.host().to_string());
    match (host(operator.smtp.as_ref()), host(tenant.mail.smtp.as_ref())) {
        (None, _) => Finding::warn(
            ABOUT,
            "nobody is told when this tenant's mail stops",
            "set smtp, from and to in [operator] of bellwether.toml",
        ),
        (Some(ours), Some(theirs)) if ours == theirs => Finding::warn(
            ABOUT,
            format!("the operator is told over {ours}, by which this tenant's mail leaves too"),
            "give [operator] a server of its own",
        ),
        (Some(ours), _) => Finding::ok(ABOUT, format!("the operator is told over {ours}")),
    }
}

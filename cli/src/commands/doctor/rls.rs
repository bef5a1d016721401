//! `bellwether doctor rls`.

use std::fmt::Write as _;
use std::process::ExitCode;

use bellwether_database::checks::{self, Session, Sight, Visitor};
use bellwether_runtime::finding::{Finding, Level};
use bellwether_schemas::{TenantId, UserId};
use clap::Args;
use serde_json::json;

use crate::commands::migrate::{ADMIN_URL, OWNER, required};
use crate::exit::NO;
use crate::output::tell;
use crate::wiring::Process;

/// Tries every table as a user, or as somebody who has not signed in: what they read of their own rows and of others',
/// which policy decides, which index serves it.
///
/// It acts as the role itself with the claims of its token, in a transaction that is taken back. Needs
/// <TENANT>_ADMIN_DATABASE_URL, or _FILE behind it: of a role that may act as anon and authenticated, as Supabase's
/// postgres may.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    bellwether doctor rls --as 11111111-2222-4333-8444-555555555555 --tenant fxlabs\n  bellwether doctor rls --json")]
pub(super) struct RlsDoctor {
    /// As this user, by id; without it as anon.
    #[arg(long = "as", value_name = "ID")]
    user: Option<UserId>,
    /// Whose database. Repeatable; without it every tenant's.
    #[arg(long, value_name = "T")]
    tenant: Vec<TenantId>,
    /// One JSON object a table and line.
    #[arg(long)]
    json: bool,
}

impl RlsDoctor {
    pub(super) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let mut is_fault = false;
        let (tenants, mut left_out) = process.good_tenants(&self.tenant)?;
        for tenant in tenants {
            match self.one(&tenant.id).await {
                Ok((of_it, text)) => {
                    is_fault |= of_it;
                    tell(&text)?;
                }
                Err(error) => left_out.failed(&error),
            }
        }
        Ok(left_out.code(if is_fault { NO.into() } else { ExitCode::SUCCESS }))
    }

    /// Whether anything is not as it should be, and what is told of it.
    async fn one(&self, tenant: &TenantId) -> anyhow::Result<(bool, String)> {
        let visitor = self.user.map_or(Visitor::Anybody, Visitor::User);
        let url = required(tenant, ADMIN_URL, OWNER)?;
        let mut session = Session::of_owner(tenant, &url).await?;
        let sights = checks::sights(&mut session, visitor).await?;
        let findings = checks::judge_sights(visitor, &sights);
        let mut text = String::new();
        if self.json {
            sights.iter().for_each(|sight| json_line(&mut text, tenant, sight));
        } else {
            table(&mut text, tenant, visitor, &sights);
            remarks(&mut text, &findings);
        }
        Ok((findings.iter().any(Finding::is_fault), text))
    }
}

fn json_line(text: &mut String, tenant: &TenantId, Sight { table, rows, policies, index }: &Sight) {
    let line = json!({
        "of": tenant, "table": table, "refused": rows.is_none(), "own": rows.map(|rows| rows.own),
        "others": rows.map(|rows| rows.others), "policies": policies, "index": index,
    });
    let _ = writeln!(text, "{line}");
}

fn table(text: &mut String, tenant: &TenantId, visitor: Visitor, sights: &[Sight]) {
    let who = match visitor {
        Visitor::Anybody => "anon, who has not signed in".to_string(),
        Visitor::User(user) => format!("user {}", user.0),
    };
    let _ = writeln!(text, "{tenant}: what {who} reads");
    let width = sights.iter().map(|sight| sight.table.len()).max().unwrap_or(0);
    let policies = |sight: &Sight| sight.policies.join(", ");
    let decides = sights.iter().map(|sight| policies(sight).len()).max().unwrap_or(0).max("POLICY".len());
    let _ =
        writeln!(text, "  {:<width$}  {:>7}  {:>7}  {:<decides$}  INDEX", "TABLE", "OWN", "OTHERS", "POLICY");
    for sight in sights {
        let (own, others) = sight.rows.map_or_else(
            || ("refused".into(), String::new()),
            |rows| (rows.own.to_string(), rows.others.to_string()),
        );
        let index = sight.index.as_deref().unwrap_or_default();
        let line = format!(
            "  {:<width$}  {own:>7}  {others:>7}  {:<decides$}  {index}",
            sight.table,
            policies(sight)
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// What of it is not as it should be.
fn remarks(text: &mut String, findings: &[Finding]) {
    for Finding { about, level, found, advice } in findings.iter().filter(|finding| finding.level > Level::Ok)
    {
        let advice = advice.as_ref().map_or_else(String::new, |advice| format!("\n          → {advice}"));
        let _ = writeln!(text, "  {:<6}  {about}: {found}{advice}", level.name());
    }
}

//! `bellwether schedule`.

use std::process::ExitCode;

use bellwether_runtime::log::{Access, Log, LogError};
use bellwether_schemas::calendar::CalendarItem;
use bellwether_schemas::{TenantId, Topic, TopicKind};
use bellwether_sinks::schedule::upcoming::{Upcoming, upcoming};
use clap::Args;
use serde_json::json;

use crate::output::tell;
use crate::wiring::Process;

/// Shows what each tenant's clock owes next: the brief, and reminders of the news calendar.
#[derive(Args)]
#[command(after_help = "Examples:\n  bellwether schedule\n  bellwether schedule --tenant fxlabs --json")]
pub(crate) struct Schedule {
    /// Whose. Repeatable; without it every tenant's.
    #[arg(long)]
    tenant: Vec<TenantId>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Schedule {
    pub(crate) fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let now = process.clock.now();
        let mut lines = Vec::new();
        let (tenants, left_out) = process.good_tenants(&self.tenant)?;
        for tenant in tenants {
            let calendar = match process.log(Access::Read) {
                Ok(log) => calendar(log.as_ref(), &tenant.id)?,
                // Before the first role has run there is no log, and no calendar in it.
                Err(error) if is_no_log(&error) => Vec::new(),
                Err(error) => return Err(error),
            };
            let upcoming = upcoming(&tenant, &calendar, now);
            let line = |upcoming: &Upcoming| {
                if self.json { as_json(&tenant.id, upcoming) } else { as_line(&tenant.id, upcoming) }
            };
            lines.extend(upcoming.iter().map(line));
            if upcoming.is_empty() && !self.json {
                lines.push(format!(
                    "{:<14} nothing: its file has no daily_brief, its calendar no item of high impact",
                    tenant.id.as_str()
                ));
            }
        }
        tell(&lines.into_iter().map(|line| line + "\n").collect::<String>())?;
        Ok(left_out.code(ExitCode::SUCCESS))
    }
}

fn is_no_log(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(LogError::NoLog { .. }))
}

/// What the readings topic says of the news calendar; nothing where there is no topic yet.
fn calendar(log: &dyn Log, tenant: &TenantId) -> Result<Vec<CalendarItem>, LogError> {
    let topic = Topic::new(tenant, TopicKind::Readings);
    if !log.topics()?.contains(&topic) {
        return Ok(Vec::new());
    }
    bellwether_sinks::schedule::upcoming::calendar(log, &topic)
}

fn as_line(tenant: &TenantId, upcoming: &Upcoming) -> String {
    let Upcoming { kind, due, local, about } = upcoming;
    let utc = due.utc().format("%Y-%m-%dT%H:%M:%SZ");
    format!("{:<14} {local:<28} {utc:<21} {:<14} {about}", tenant.as_str(), kind.name())
}

fn as_json(tenant: &TenantId, upcoming: &Upcoming) -> String {
    let Upcoming { kind, due, local, about } = upcoming;
    json!({ "tenant": tenant, "kind": kind.name(), "due": due, "local": local, "about": about }).to_string()
}

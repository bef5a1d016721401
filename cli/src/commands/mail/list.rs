//! `bellwether mail list`.

use std::fmt::Write as _;
use std::num::NonZero;
use std::process::ExitCode;

use bellwether_schemas::{TenantId, Timestamp, UserId};
use bellwether_sinks::mail::outbox::by_hand::{Listed, Wanted};
use clap::Args;

use super::outbox::{Addresses, as_json, outbox, refused};
use crate::output::tell;
use crate::wiring::Process;

/// Most characters of a reason in the table; `show` and `--json` have all of it.
const WHY: usize = 60;

/// Lists the mails of a tenant's outbox, newest last, with where each stands and why.
///
/// States: pending, claimed, data_started (its content has begun to leave), sent, failed, suppressed, ambiguous (it may
/// have arrived), held (until quiet hours end or a digest tells of it), digested.
#[derive(Args)]
#[command(after_help = "Examples:\n  bellwether mail list --tenant fxlabs --state ambiguous\n  \
    bellwether mail list --tenant fxlabs --kind daily_brief --since 2026-05-01T00:00:00Z --json")]
pub(crate) struct ListMails {
    /// Whose.
    #[arg(long, value_name = "T")]
    tenant: TenantId,
    /// Only mails in this state.
    #[arg(long)]
    state: Option<String>,
    /// Only mails of this kind.
    #[arg(long)]
    kind: Option<String>,
    /// Only mails of this user, by id.
    #[arg(long, value_name = "ID")]
    user: Option<UserId>,
    /// Only mails owed from here on: an RFC 3339 time.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// At most so many, the newest.
    #[arg(long, value_name = "COUNT", default_value = "50")]
    limit: NonZero<u16>,
    /// Shows addresses whole.
    #[arg(long)]
    addresses: bool,
    /// One JSON object a mail and line.
    #[arg(long)]
    json: bool,
}

impl ListMails {
    pub(super) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let outbox = outbox(process, &self.tenant).await?;
        let wanted = Wanted {
            state: self.state.clone(),
            kind: self.kind.clone(),
            user: self.user.map(|user| user.0),
            since: self.since,
            most: self.limit.get(),
        };
        let mails = outbox.list(&wanted).await.map_err(refused)?;
        let addresses = Addresses::of(self.addresses);
        let line = |mail: &Listed| format!("{}\n", as_json(&self.tenant, mail, addresses));
        tell(&if self.json { mails.iter().map(line).collect() } else { table(&mails, addresses) })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Columns as wide as what stands in them.
fn table(mails: &[Listed], addresses: Addresses) -> String {
    if mails.is_empty() {
        return "no mails\n".into();
    }
    let titles = ["OWED", "STATE", "KIND", "TO", "TRIES", "OCCURRENCE", "WHY"].map(String::from);
    let rows = mails.iter().map(|mail| cells(mail, addresses));
    let lines: Vec<[String; 7]> = std::iter::once(titles).chain(rows).collect();
    let width = |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let [owed, state, kind, to, tries, about] = [width(0), width(1), width(2), width(3), width(4), width(5)];
    let mut text = String::new();
    for [a, b, c, d, e, f, why] in &lines {
        let line = format!("{a:<owed$}  {b:<state$}  {c:<kind$}  {d:<to$}  {e:>tries$}  {f:<about$}  {why}");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn cells(mail: &Listed, addresses: Addresses) -> [String; 7] {
    let why = mail.reason.as_deref().map_or_else(String::new, |reason| addresses.text(reason));
    [
        mail.created_at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        mail.state.clone(),
        mail.kind.clone(),
        mail.recipient.as_deref().map_or_else(|| "-".into(), |to| addresses.text(to)),
        mail.attempts.to_string(),
        mail.occurrence.clone(),
        match why.char_indices().nth(WHY) {
            Some((cut, _)) => format!("{}…", &why[..cut]),
            None => why,
        },
    ]
}

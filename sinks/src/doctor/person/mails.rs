//! What a user's mail came to: what they wish, what was held, suppressed or failed, and why.

use bellwether_database::checks::ask;
use bellwether_runtime::finding::{Finding, Level};
use bellwether_schemas::Timestamp;
use chrono::{DateTime, NaiveTime, Utc};

use super::{Inquiry, without_addresses};

/// A row of what the user wishes.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Wish {
    kind: String,
    email: bool,
    digest: bool,
    quiet_from: Option<NaiveTime>,
    quiet_to: Option<NaiveTime>,
    quiet_zone: Option<String>,
    quiet_action: String,
    muted_symbols: Option<Vec<String>>,
}

/// Mails of the last week that stand alike.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Standing {
    kind: String,
    state: String,
    reason: Option<String>,
    mails: i64,
    newest: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
}

pub(super) async fn look(inquiry: &mut Inquiry<'_>) -> sqlx::Result<Vec<Finding>> {
    let (tenant, user) = (inquiry.tenant.id.as_str(), inquiry.user.0);
    let mut transaction = inquiry.session.begin().await?;
    let wishes: Vec<Wish> = ask::rows(
        "select kind, email, digest, quiet_from, quiet_to, quiet_zone, quiet_action, muted_symbols
         from public.notification_preferences where tenant_id = $1 and user_id = $2 order by kind",
    )
    .bind(tenant)
    .bind(user)
    .fetch_all(&mut *transaction)
    .await?;
    let standing: Vec<Standing> = ask::rows(
        "select kind, state, case when state = 'held' then hold_reason else reason end as reason, count(*) as mails,
                max(created_at) as newest, max(hold_until) filter (where state = 'held') as until
         from bellwether.mail_outbox
         where tenant_id = $1 and user_id = $2 and created_at > now() - interval '7 days'
         group by 1, 2, 3 order by newest desc limit 30",
    )
    .bind(tenant)
    .bind(user)
    .fetch_all(&mut *transaction)
    .await?;
    let paused: bool = ask::value("select exists (select from bellwether.mail_pause where tenant_id = $1)")
        .bind(tenant)
        .fetch_one(&mut *transaction)
        .await?;
    let mut findings: Vec<Finding> = wishes.iter().flat_map(wish).collect();
    if paused {
        let advice = format!("bellwether mail resume --tenant {tenant}");
        findings.push(Finding::fault("mail", "the tenant's mail is paused", advice));
    }
    if inquiry.tenant.mail.smtp.is_none() {
        findings.push(Finding::fault(
            "mail",
            "the tenant's file names no server: every mail fails",
            "set mail.smtp",
        ));
    }
    if standing.is_empty() {
        findings.push(Finding::ok("mail", "none was owed to them within a week"));
    }
    findings.extend(standing.iter().map(|one| judge(tenant, one)));
    Ok(findings)
}

fn wish(wish: &Wish) -> Vec<Finding> {
    const ABOUT: &str = "preferences";
    let Wish { kind, email, digest, quiet_from, quiet_to, quiet_zone, quiet_action, muted_symbols } = wish;
    let mut findings = Vec::new();
    let theirs = "it is their own choice: they change it on their page";
    if !email {
        findings.push(Finding::warn(ABOUT, format!("they switched off mails of kind {kind}"), theirs));
    }
    if let Some(symbols) = muted_symbols.as_ref().filter(|symbols| !symbols.is_empty()) {
        findings.push(Finding::warn(ABOUT, format!("they muted {}", symbols.join(", ")), theirs));
    }
    if let (Some(from), Some(to)) = (quiet_from, quiet_to) {
        let zone = quiet_zone.as_deref().unwrap_or("the tenant's zone");
        let found =
            format!("quiet hours of kind {kind}: {from} to {to} in {zone}, in which mails: {quiet_action}");
        findings.push(Finding::ok(ABOUT, found));
    }
    if *digest {
        findings.push(Finding::ok(ABOUT, format!("mails of kind {kind} come in a digest")));
    }
    findings
}

fn judge(tenant: &str, Standing { kind, state, reason, mails, newest, until }: &Standing) -> Finding {
    let reason = reason.as_deref().map(without_addresses);
    let why = reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    let until = until.map_or_else(String::new, |until| format!(", until {}", Timestamp::from(until)));
    let newest = Timestamp::from(*newest);
    let found = format!("{mails} {state} within a week, the newest owed at {newest}{until}{why}");
    let level = match state.as_str() {
        "failed" => Level::Fault,
        "suppressed" | "ambiguous" | "held" => Level::Warn,
        _ => Level::Ok,
    };
    let advice = format!("bellwether mail list --tenant {tenant} --user … --state {state}");
    match level {
        Level::Fault => Finding::fault(kind, found, advice),
        Level::Warn => Finding::warn(kind, found, advice),
        Level::Ok | Level::Unseen => Finding::ok(kind, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_mails_is_told_with_its_reason_and_no_address() {
        let of = |state: &str, reason: Option<&str>| {
            let (kind, newest) = ("rsi_tracker".into(), DateTime::<Utc>::UNIX_EPOCH);
            let reason = reason.map(Into::into);
            judge("fxlabs", &Standing { kind, state: state.into(), reason, mails: 2, newest, until: None })
        };
        assert_eq!(of("sent", None).level, Level::Ok);
        let failed = of("failed", Some("550 a@b.example unknown"));
        assert_eq!(failed.level, Level::Fault);
        assert!(failed.found.ends_with(": 550 <address> unknown"), "{failed:?}");
        assert_eq!(of("held", Some("quiet_hours")).level, Level::Warn);
    }
}

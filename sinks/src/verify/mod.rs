//! A tenant as a whole, looked at as its users will meet it: when its brief comes, what a mail of each kind looks like,
//! who is mailed, where a trigger lands, who may ask for it. Changes nothing that stays.

mod mails;
mod rows;

use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::Finding;
use bellwether_schemas::Timestamp;

pub use self::mails::mails;
pub use self::rows::rows;

use crate::mail::kind::MailKind;
use crate::schedule::upcoming::upcoming;

/// When the next brief is due, by the tenant's clocks and in UTC.
#[must_use]
pub fn brief(tenant: &Tenant, now: Timestamp) -> Finding {
    const ABOUT: &str = "brief";
    let next = upcoming(tenant, &[], now).into_iter().find(|upcoming| upcoming.kind == MailKind::Brief);
    match (tenant.daily_brief, next) {
        (Some(_), Some(next)) => {
            let utc = next.due.utc().format("%Y-%m-%dT%H:%M:%SZ");
            Finding::ok(ABOUT, format!("next at {} in {}, which is {utc}", next.local, tenant.zone))
        }
        (Some(time), None) => Finding::fault(
            ABOUT,
            format!("{time} is never by the clocks of {}", tenant.zone),
            "choose another daily_brief",
        ),
        (None, _) => Finding::ok(ABOUT, "none: the file has no daily_brief"),
    }
}

/// Which programs and pages may ask the gateway for the tenant.
#[must_use]
pub fn api(tenant: &Tenant, now: Timestamp) -> Vec<Finding> {
    let (tokens, origins) = (&tenant.api.tokens, &tenant.api.origins);
    let ended = tokens.iter().find(|token| token.expires.is_some_and(|end| end <= now));
    let roles: Vec<&str> = tokens.iter().map(|token| token.role.name()).collect();
    let of_tokens = match ended {
        Some(token) => Finding::warn(
            "tokens",
            format!("{} ended at {}", token.id, token.expires.unwrap_or(now)),
            "take it out of [[api.tokens]], or make a new one",
        ),
        None if tokens.is_empty() => Finding::ok("tokens", "none: no program may ask"),
        None => Finding::ok("tokens", format!("{}: {}", tokens.len(), roles.join(", "))),
    };
    let named: Vec<&str> = origins.iter().map(|origin| origin.as_str()).collect();
    let of_origins = if named.is_empty() { "none: no page may ask".into() } else { named.join(", ") };
    vec![of_tokens, Finding::ok("origins", of_origins)]
}

//! The relay itself: does it answer, by TLS, and know us?

use std::time::Duration;

use bellwether_runtime::config::{Tenant, Tls};
use bellwether_runtime::finding::Finding;

use crate::mail::core::Verdict;
use crate::mail::server::Server;
use crate::mail::session::{Deadlines, Session};

const ABOUT: &str = "tls";
const DEADLINES: Deadlines = Deadlines {
    connect: Duration::from_secs(10),
    command: Duration::from_secs(10),
    body: Duration::from_secs(10),
};

/// Connects as a mail would go, says hello by TLS and logs in, and leaves.
pub async fn relay(tenant: &Tenant) -> Finding {
    let server = match Server::of(&tenant.mail) {
        Err(error) => return Finding::fault(ABOUT, error.to_string(), "give it the password"),
        Ok(None) => {
            return Finding::fault(
                ABOUT,
                "the tenant's file names no relay: every mail fails",
                "set mail.smtp",
            );
        }
        Ok(Some(server)) => server,
    };
    let place = format!("{}:{}", server.host, server.port);
    match Session::open(&server, DEADLINES).await {
        Ok(session) => {
            session.quit().await;
            opened(&place, server.tls)
        }
        Err(Verdict::AuthRefused(words)) => Finding::fault(
            ABOUT,
            format!("{place} refuses user or password: {words}"),
            "set the user in mail.smtp and the password right",
        ),
        Err(
            Verdict::Retry { reason, .. }
            | Verdict::Failed { reason, .. }
            | Verdict::Limited(reason)
            | Verdict::Ambiguous(reason),
        ) => Finding::fault(
            ABOUT,
            with_place(&place, &reason),
            "see that mail.smtp is right and the relay answers",
        ),
        Err(Verdict::Sent(_)) => Finding::ok(ABOUT, place),
    }
}

/// A reason that comes of connecting says where to already.
fn with_place(place: &str, reason: &str) -> String {
    if reason.contains(place) { reason.into() } else { format!("{place}: {reason}") }
}

fn opened(place: &str, tls: Tls) -> Finding {
    match tls {
        Tls::Implicit | Tls::Required => {
            Finding::ok(ABOUT, format!("{place} answers by TLS that this machine trusts"))
        }
        Tls::Opportunistic => Finding::warn(
            ABOUT,
            format!("{place} may be spoken to in the clear: tls=opportunistic"),
            "take it out of mail.smtp: a relay that offers TLS today is not to be believed when it does not",
        ),
        Tls::None => Finding::ok(ABOUT, format!("{place} is on this machine and is spoken to in the clear")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::samples;

    #[tokio::test]
    async fn a_relay_that_is_away_is_named_once() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut tenant = samples::tenant("fxlabs");
        tenant.mail.smtp = Some(format!("smtp://127.0.0.1:{port}").parse().unwrap());
        let found = relay(&tenant).await.found;
        assert_eq!(found.matches(&format!("127.0.0.1:{port}")).count(), 1, "{found}");
        assert_eq!(with_place("mail.example:25", "no TLS in time"), "mail.example:25: no TLS in time");
    }
}

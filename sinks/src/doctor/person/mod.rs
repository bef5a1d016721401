//! Why somebody gets nothing: everything between a user's row and their page and inbox, in the order in which it happens.
//! No address is told.

mod alerts;
mod distance;
mod identity;
mod journal;
mod mails;
mod page;

use std::collections::BTreeMap;
use std::sync::Arc;

use bellwether_database::checks::Session;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::{Finding, Section};
use bellwether_runtime::log::{Log, blocking};
use bellwether_schemas::{AlertId, UserId};

use self::alerts::UserAlert;
use self::journal::{Known, Published};

/// Whom it is about, and what can be asked.
pub struct Inquiry<'a> {
    /// The tenant whose user it is.
    pub tenant: &'a Tenant,
    /// The user.
    pub user: UserId,
    /// As the tenant's pipeline.
    pub session: &'a mut Session,
    /// As the owner of the tables, where somebody has its URL: only there `auth.users` can be read, and the user's view
    /// be tried.
    pub owner: Option<&'a mut Session>,
    /// The log, where it can be read.
    pub log: Option<&'a Arc<dyn Log>>,
}

/// Everything that stands between the user and what they are to get.
pub async fn look(mut inquiry: Inquiry<'_>) -> Vec<Section> {
    let person = of("person", identity::look(&mut inquiry).await);
    let alerts = alerts::read(&mut inquiry).await;
    let (alerts, unreadable) = match alerts {
        Ok(alerts) => (alerts, None),
        Err(error) => (Vec::new(), Some(super::unreadable(&error))),
    };
    let mut of_alerts: Vec<Finding> = unreadable.into_iter().collect();
    match known(&inquiry, &alerts).await {
        Ok(known) => {
            of_alerts.extend(alerts::judge(
                inquiry.tenant,
                &alerts,
                known.as_ref().map(|known| &known.published),
            ));
            of_alerts.extend(
                known.iter().flat_map(|known| distance::tell(inquiry.tenant, &alerts, &known.readings)),
            );
        }
        Err(finding) => {
            of_alerts.push(finding);
            of_alerts.extend(alerts::judge(inquiry.tenant, &alerts, None));
        }
    }
    let mails = of("mail", mails::look(&mut inquiry).await);
    let page = of("page", page::look(&mut inquiry, &alerts).await);
    vec![person, Section { name: "alerts", findings: of_alerts }, page, mails]
}

fn of(name: &'static str, looked: sqlx::Result<Vec<Finding>>) -> Section {
    Section { name, findings: looked.unwrap_or_else(|error| vec![super::unreadable(&error)]) }
}

/// What the log knows of these alerts; none where there is no log to ask.
async fn known(inquiry: &Inquiry<'_>, alerts: &[UserAlert]) -> Result<Option<Known>, Finding> {
    let Some(log) = inquiry.log else { return Ok(None) };
    let (log, tenant) = (Arc::clone(log), inquiry.tenant.id.clone());
    let ids: Vec<AlertId> = alerts.iter().map(|alert| AlertId(alert.id)).collect();
    let read = blocking(move || journal::read(log.as_ref(), &tenant, &ids));
    match read.await {
        Ok(read) => read.map(Some).map_err(|fault| super::away(&fault)),
        Err(error) => Err(super::away(&error)),
    }
}

type Publications = BTreeMap<AlertId, Published>;

/// What servers and people wrote, without whatever looks like an address.
fn without_addresses(text: &str) -> String {
    let word = |word: &str| if word.contains('@') { "<address>".to_string() } else { word.to_string() };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_address_is_told() {
        let told = super::without_addresses("550 5.1.1 <asha@example.test>: no such user, asha@example.test");
        assert_eq!(told, "550 5.1.1 <address> no such user, <address>");
    }
}

//! What the user's own page shows: their rows and nobody else's, all of them of this tenant.

use std::collections::BTreeMap;

use bellwether_database::checks::{self, Session, Sight, Visitor, ask};
use bellwether_database::tables;
use bellwether_runtime::finding::Finding;
use sqlx::AssertSqlSafe;

use super::Inquiry;
use super::alerts::UserAlert;

const ABOUT: &str = "page";

pub(super) async fn look(inquiry: &mut Inquiry<'_>, alerts: &[UserAlert]) -> sqlx::Result<Vec<Finding>> {
    let visitor = Visitor::User(inquiry.user);
    let (tenant, user) = (inquiry.tenant.id.to_string(), inquiry.user.0);
    let Some(owner) = inquiry.owner.as_deref_mut() else {
        let found = "not looked at: what their page reads, and rows of theirs without this tenant";
        return Ok(vec![Finding::unseen(ABOUT, found, "set <TENANT>_ADMIN_DATABASE_URL for this command")]);
    };
    let mut findings = astray(owner, &tenant, user).await?;
    let sights = match checks::sights(owner, visitor).await {
        Ok(sights) => sights,
        Err(error) => {
            let advice =
                "its URL is to be of a role that may act as authenticated, as Supabase's postgres may";
            findings.push(Finding::unseen(ABOUT, format!("not looked at: {error}"), advice));
            return Ok(findings);
        }
    };
    findings.extend(checks::judge_sights(visitor, &sights));
    findings.extend(hidden(&sights, alerts));
    Ok(findings)
}

/// Alerts of the user that no tenant has, or another.
async fn astray(owner: &mut Session, tenant: &str, user: uuid::Uuid) -> sqlx::Result<Vec<Finding>> {
    let mut transaction = owner.begin().await?;
    let mut findings = Vec::new();
    for kind in tables::all() {
        let table = format!("public.{}", kind.alerts.name);
        let rows: i64 = ask::value(AssertSqlSafe(format!(
            "select count(*) from {table} where user_id = $1 and tenant_id is distinct from $2"
        )))
        .bind(user)
        .bind(tenant)
        .fetch_one(&mut *transaction)
        .await?;
        if rows > 0 {
            let found =
                format!("{rows} rows of theirs are not of tenant {tenant}: the pipeline does not see them");
            findings.push(Finding::fault(
                table,
                found,
                "run `bellwether tenants init`, which gives them to it",
            ));
        }
    }
    Ok(findings)
}

/// Alerts that are there and that their own user is not shown.
fn hidden(sights: &[Sight], alerts: &[UserAlert]) -> Vec<Finding> {
    let mut there: BTreeMap<String, i64> = BTreeMap::new();
    for alert in alerts {
        *there.entry(format!("public.{}", alert.kind.table())).or_default() += 1;
    }
    let missing = |(table, rows): (&String, &i64)| {
        let sight = sights.iter().find(|sight| sight.table == *table)?;
        let shown = sight.rows.map_or(0, |rows| rows.own);
        let found = format!("they have {rows} rows, and their page is shown {shown}");
        let advice = "see what `bellwether doctor` says of its policies and grants";
        (shown < *rows).then(|| Finding::fault(table, found, advice))
    };
    there.iter().filter_map(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_their_own_user_is_not_shown_are_told() {
        let sight = |own: Option<i64>| Sight {
            table: "public.price_alerts".into(),
            rows: own.map(|own| checks::Rows { own, others: 0 }),
            policies: Vec::new(),
            index: None,
        };
        let alerts = [super::super::alerts::tests::alert(), super::super::alerts::tests::alert()];
        assert!(hidden(&[sight(Some(2))], &alerts).is_empty());
        for shown in [None, Some(0), Some(1)] {
            assert_eq!(hidden(&[sight(shown)], &alerts).len(), 1, "{shown:?}");
        }
    }
}

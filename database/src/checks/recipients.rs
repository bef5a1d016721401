//! Where the addresses of users come from: the database itself, or a list that the tenant's Auth gave.

use bellwether_runtime::config::{Recipients, Tenant};
use bellwether_runtime::finding::Finding;
use sqlx::PgConnection;

use super::{Looked, ask};

const ABOUT: &str = "recipients";
/// Seconds after which a list counts as old.
const OLD: f64 = 3600.0;

/// Whether there are addresses, and whether they are of where the tenant's file says.
pub(super) async fn look(connection: &mut PgConnection, tenant: &Tenant) -> Looked {
    let (users, list): (i64, Option<f64>) = ask::rows(
        "select (select count(*) from bellwether.recipients),
                (select extract(epoch from clock_timestamp() - complete_at)::float8 from bellwether.auth_list
                 where tenant_id = $1)",
    )
    .bind(tenant.id.as_str())
    .fetch_one(connection)
    .await?;
    Ok(vec![judge(tenant.database.recipients, users, list)])
}

fn judge(from: Recipients, users: i64, list: Option<f64>) -> Finding {
    let see = "see that `bellwether sink mail` runs, and that auth.url and its key are right";
    match (from, list) {
        (Recipients::Database, None) => Finding::ok(ABOUT, format!("{users} users may get mail")),
        (Recipients::Database, Some(age)) => Finding::fault(
            ABOUT,
            format!(
                "a list of Auth from {age:.0} s ago says who may get mail, though the file says the database"
            ),
            "delete from bellwether.auth_list as the tables' owner, or set database.recipients = \"auth_api\"",
        ),
        (Recipients::AuthApi, None) => {
            Finding::fault(ABOUT, "Auth gave no list yet: nobody it knows gets mail", see)
        }
        (Recipients::AuthApi, Some(age)) if age > OLD => {
            Finding::fault(ABOUT, format!("the list of Auth is {:.0} minutes old", age / 60.0), see)
        }
        (Recipients::AuthApi, Some(_)) => Finding::ok(ABOUT, format!("{users} users of Auth may get mail")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_used_by_whom_the_file_says_and_is_not_old() {
        for (from, list, is_fault) in [
            (Recipients::Database, None, false),
            (Recipients::Database, Some(1.0), true),
            (Recipients::AuthApi, None, true),
            (Recipients::AuthApi, Some(59.0 * 60.0), false),
            (Recipients::AuthApi, Some(61.0 * 60.0), true),
        ] {
            assert_eq!(judge(from, 3, list).is_fault(), is_fault, "{from:?} {list:?}");
        }
    }
}

//! Every table tried from outside: what somebody who comes through the front door reads there, as whom row security lets
//! them. It is tried by the role itself and the claims of its token, in transactions that are taken back.

use bellwether_runtime::finding::{Finding, Level};
use bellwether_schemas::UserId;
use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::ask;
use super::rights::{ANYBODY, USERS};
use super::session::Session;
use super::{catalogue, listed};

/// Rows of a table that are counted: whoever sees so many of others' sees them all.
const MOST: i64 = 100_000;
/// No right to the table, or to its schema.
const DENIED: &str = "42501";

/// Who comes through the front door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visitor {
    /// Somebody who has not signed in.
    Anybody,
    /// A user who has.
    User(UserId),
}

/// What a visitor reads in one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// With its schema.
    pub table: String,
    /// None: the server refuses to show it.
    pub rows: Option<Rows>,
    /// Policies that let the visitor see rows.
    pub policies: Vec<String>,
    /// The index by which the visitor's rows are found; none where the whole table is read for them.
    pub index: Option<String>,
}

/// Rows that somebody sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Rows {
    /// Their own.
    pub own: i64,
    /// Of other users, or of nobody.
    pub others: i64,
}

impl Visitor {
    const fn role(self) -> &'static str {
        match self {
            Self::Anybody => ANYBODY,
            Self::User(_) => USERS,
        }
    }

    const fn user(self) -> Option<uuid::Uuid> {
        match self {
            Self::Anybody => None,
            Self::User(user) => Some(user.0),
        }
    }

    /// As Supabase says it of whoever asks.
    fn claims(self, tenant: &str) -> Value {
        match self {
            Self::Anybody => json!({ "role": ANYBODY }),
            Self::User(user) => {
                json!({ "role": USERS, "sub": user.0, "app_metadata": { "tenant_id": tenant } })
            }
        }
    }
}

/// What the visitor reads in every table of ours. `session` is of somebody who may act as the visitor's role, such as
/// the owner of a Supabase database.
///
/// # Errors
/// It may not, or the server is out of reach.
pub async fn sights(session: &mut Session, visitor: Visitor) -> sqlx::Result<Vec<Sight>> {
    let tenant = session.tenant().to_string();
    let mut transaction = session.begin().await?;
    let tables = catalogue::read(&mut transaction, &listed()).await?;
    let mut sights = Vec::new();
    ask::statement(
        "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true),
                set_config('app.tenant_id', '', true), set_config('enable_seqscan', 'off', true)",
    )
    .bind(visitor.role())
    .bind(visitor.claims(&tenant).to_string())
    .execute(&mut *transaction)
    .await?;
    for table in tables.iter().filter(|table| table.state.is_some()) {
        let rows = rows(&mut transaction, &table.name, visitor).await?;
        let index = if rows.is_some() { index(&mut transaction, &table.name).await? } else { None };
        sights.push(Sight { table: table.name.clone(), rows, policies: deciding(table, visitor), index });
    }
    Ok(sights)
}

/// None: refused. A savepoint keeps what is refused from ending the transaction.
async fn rows(connection: &mut PgConnection, table: &str, visitor: Visitor) -> sqlx::Result<Option<Rows>> {
    let mut attempt = connection.begin().await?;
    // A table of ours that users are shown has a user; of the others every row is somebody else's.
    let user = if table.starts_with("public.") { "user_id" } else { "null::uuid" };
    let seen = ask::rows(AssertSqlSafe(format!(
        "select count(*) filter (where user_id = $1) as own,
                count(*) filter (where user_id is distinct from $1) as others
         from (select {user} as user_id from {table} limit {MOST}) as shown"
    )))
    .bind(visitor.user())
    .fetch_one(&mut *attempt)
    .await;
    attempt.rollback().await?;
    match seen {
        Ok(rows) => Ok(Some(rows)),
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == DENIED) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The index that row security's own condition is looked up in.
async fn index(connection: &mut PgConnection, table: &str) -> sqlx::Result<Option<String>> {
    let explain = AssertSqlSafe(format!("explain (format json) select * from {table}"));
    let Json(plan): Json<Value> = ask::value(explain).fetch_one(connection).await?;
    Ok(named(&plan, table.split_once('.').map_or(table, |(_, name)| name)))
}

/// The index by which that table is read, somewhere in a plan.
fn named(plan: &Value, table: &str) -> Option<String> {
    match plan {
        Value::Object(node) => {
            let ours = node.get("Relation Name").and_then(Value::as_str) == Some(table);
            let index = || node.get("Index Name").and_then(Value::as_str).map(ToOwned::to_owned);
            let own = if ours { index().or_else(|| node.get("Plans").and_then(first_index)) } else { None };
            own.or_else(|| node.values().find_map(|inner| named(inner, table)))
        }
        Value::Array(nodes) => nodes.iter().find_map(|inner| named(inner, table)),
        _ => None,
    }
}

/// Of a heap that is read through a bitmap, the index stands in a node below; others there are of its conditions.
fn first_index(plans: &Value) -> Option<String> {
    let text = |node: &Value, key: &str| node.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
    let mut nodes = plans.as_array()?.iter();
    let bitmap = nodes.find(|node| text(node, "Node Type").is_some_and(|kind| kind.starts_with("Bitmap")))?;
    text(bitmap, "Index Name").or_else(|| first_index(bitmap.get("Plans")?))
}

fn deciding(table: &catalogue::Table, visitor: Visitor) -> Vec<String> {
    let decides = |policy: &&catalogue::Policy| {
        matches!(policy.command.as_str(), "r" | "*")
            && policy.roles.iter().any(|role| role == "public" || role == visitor.role())
    };
    table.policies.iter().filter(decides).map(|policy| policy.name.clone()).collect()
}

/// What is wrong with what a visitor sees; or that nothing is.
#[must_use]
pub fn judge(visitor: Visitor, sights: &[Sight]) -> Vec<Finding> {
    let who = match visitor {
        Visitor::Anybody => "anon".into(),
        Visitor::User(user) => format!("user {}", user.0),
    };
    let mut findings: Vec<Finding> = sights.iter().filter_map(|sight| wrong(&who, sight)).collect();
    if findings.iter().all(|finding| finding.level < Level::Fault) {
        let refused = sights.iter().filter(|sight| sight.rows.is_none()).count();
        let found = format!("reads no row of others in {} tables, and is refused {refused}", sights.len());
        findings.insert(0, Finding::ok(who, found));
    }
    findings
}

fn wrong(who: &str, Sight { table, rows, policies, index }: &Sight) -> Option<Finding> {
    let rows = (*rows)?;
    if rows.others > 0 {
        let many = if rows.own + rows.others >= MOST { "at least " } else { "" };
        let by = if policies.is_empty() {
            "without any policy".into()
        } else {
            format!("by {}", policies.join(", "))
        };
        let found = format!("{who} reads {many}{} rows of others, {by}", rows.others);
        return Some(Finding::fault(
            table,
            found,
            "run `bellwether doctor` and do what it says of this table",
        ));
    }
    let is_searched = index.is_none() && !policies.is_empty();
    let advice = format!("create index on {table} (user_id)");
    is_searched
        .then(|| Finding::warn(table, "no index serves its policy: each look reads the whole table", advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_found_wherever_the_plan_has_it() {
        let scan =
            json!([{ "Plan": { "Node Type": "Index Scan", "Relation Name": "t", "Index Name": "t_user" } }]);
        assert_eq!(named(&scan, "t").as_deref(), Some("t_user"));
        let bitmap = json!([{ "Plan": { "Node Type": "Bitmap Heap Scan", "Relation Name": "t",
            "Plans": [{ "Node Type": "Result" }, { "Node Type": "Bitmap Index Scan", "Index Name": "t_user" }] } }]);
        assert_eq!(named(&bitmap, "t").as_deref(), Some("t_user"));
        let other = json!([{ "Plan": { "Node Type": "Seq Scan", "Relation Name": "t",
            "Plans": [{ "Node Type": "Index Scan", "Relation Name": "u", "Index Name": "u_user" }] } }]);
        assert_eq!(named(&other, "t"), None);
    }

    #[test]
    fn a_row_of_another_is_a_fault_and_a_search_a_warning() {
        let sight = |rows: Option<(i64, i64)>, index: Option<&str>| Sight {
            table: "public.t".into(),
            rows: rows.map(|(own, others)| Rows { own, others }),
            policies: vec!["own".into()],
            index: index.map(Into::into),
        };
        let level =
            |sight: Sight| judge(Visitor::Anybody, &[sight]).iter().map(|finding| finding.level).max();
        assert_eq!(level(sight(None, None)), Some(Level::Ok));
        assert_eq!(level(sight(Some((3, 0)), Some("t_user"))), Some(Level::Ok));
        assert_eq!(level(sight(Some((3, 0)), None)), Some(Level::Warn));
        assert_eq!(level(sight(Some((3, 1)), Some("t_user"))), Some(Level::Fault));
    }
}

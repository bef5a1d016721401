//! Who may do what: every statement that somebody might try, on every table of every kind. The other tables' are in
//! `rights_of_others.rs`.

use bellwether_database::{Shape, tables};
use bellwether_local::seed::Seeded;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};
use uuid::Uuid;

use crate::kinds::{inhabited, inhabited_by_two};
use crate::support::{ASHA, MAYA, OMAR, open, run, sign_in, sign_in_to};

/// What a statement does: the SQLSTATE that refuses it, or how many rows it touches.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Does {
    Touches(u64),
    Fails(&'static str),
}
use Does::{Fails, Touches};

/// No right to it, or a row that row security refuses.
pub(crate) const DENIED: Does = Fails("42501");

impl Does {
    /// What [`does`] is to say.
    pub(crate) fn result(&self) -> Result<u64, String> {
        match self {
            Touches(rows) => Ok(*rows),
            Fails(code) => Err((*code).to_owned()),
        }
    }
}

/// Runs it and takes it back.
pub(crate) async fn does(connection: &mut PgConnection, statement: &str) -> Result<u64, String> {
    connection.execute("begin").await.unwrap();
    let done = connection.execute(AssertSqlSafe(statement.to_owned())).await;
    connection.execute("rollback").await.unwrap();
    done.map(|done| done.rows_affected())
        .map_err(|error| error.as_database_error().unwrap().code().unwrap().into_owned())
}

/// Copies of all that a table holds, as somebody's new rows: whatever its columns are.
fn insert_as(table: &str, user: Uuid) -> String {
    format!(
        "insert into {table} select (jsonb_populate_record(null::{table}, to_jsonb(one) || jsonb_build_object(
            'id', gen_random_uuid(), 'user_id', '{user}', 'alert_id', gen_random_uuid()))).* from stored_{table} one"
    )
}

/// Every statement that is tried on every table, as whom, and what it must do.
fn matrix(table: &str, alerts: bool, shape: Shape) -> Vec<(&'static str, String, Does)> {
    let update = |column: &str, value: &str| format!("update {table} set {column} = {value}");
    let (select, delete) = (format!("select * from {table}"), format!("delete from {table}"));
    let given_away = update("user_id", &format!("'{OMAR}'"));
    let moved = update("tenant_id", "'hextech'");
    let renamed = update("created_at", "now()");
    let truncate = format!("truncate {table}");
    let switched = update(if alerts { "is_active" } else { "is_acknowledged" }, "true");
    let mut tried = vec![
        ("asha", select.clone(), Touches(1)),
        ("asha", switched.clone(), Touches(1)),
        ("asha", format!("{switched} where user_id = '{OMAR}'"), Touches(0)),
        ("asha", given_away, DENIED),
        ("asha", insert_as(table, OMAR), DENIED),
        ("asha", truncate.clone(), DENIED),
        ("asha", moved, if alerts && shape == Shape::Dedicated { Fails("23514") } else { DENIED }),
        ("asha", delete.clone(), if alerts { Touches(1) } else { DENIED }),
        ("asha", renamed.clone(), if alerts { Touches(1) } else { DENIED }),
        ("pipeline", select.clone(), Touches(2)),
        ("pipeline", renamed.clone(), DENIED),
        ("pipeline", delete.clone(), DENIED),
        ("pipeline", truncate.clone(), DENIED),
        ("another tenant's pipeline", select.clone(), Touches(0)),
        ("gateway", select.clone(), DENIED),
        ("gateway", insert_as(table, ASHA), DENIED),
        ("gateway", renamed.clone(), DENIED),
        ("gateway", delete.clone(), DENIED),
        ("gateway", truncate.clone(), DENIED),
    ];
    if alerts {
        tried.push(("asha", format!("{delete}; {}", insert_as(table, ASHA)), Touches(2)));
    } else {
        let empty = format!("insert into {table} (id) values (gen_random_uuid())");
        tried.push(("asha", insert_as(table, ASHA), DENIED));
        tried.push(("another tenant's pipeline", empty.clone(), DENIED));
        // Of a shared database no column says by itself whose a row is.
        tried.push(("pipeline", empty, if shape == Shape::Dedicated { Fails("23502") } else { DENIED }));
    }
    let nobody = [("asha without claims", Touches(0)), ("anon", DENIED)];
    for (who, sees) in nobody {
        let changes = || if who == "anon" || !alerts { DENIED } else { Touches(0) };
        tried.extend([
            (who, insert_as(table, ASHA), DENIED),
            (who, delete.clone(), changes()),
            (who, renamed.clone(), changes()),
            (who, truncate.clone(), DENIED),
            (who, select.clone(), sees),
        ]);
    }
    if shape == Shape::Shared {
        tried.extend(among_tenants(table, alerts));
    }
    tried
}

/// What tenants may do with each other's rows in a table that they share.
fn among_tenants(table: &str, alerts: bool) -> Vec<(&'static str, String, Does)> {
    let select = format!("select * from {table}");
    let delete = format!("delete from {table}");
    let copy = insert_as(table, ASHA);
    let mut tried = vec![
        ("maya", format!("{select} where tenant_id = 'hextech'"), Touches(1)),
        ("maya", select.clone(), Touches(1)),
        ("maya's pipeline", select.clone(), Touches(1)),
        ("maya's pipeline as asha's", select.clone(), Touches(0)),
        ("maya's pipeline", copy.clone(), DENIED),
        ("maya's pipeline as asha's", copy.clone(), DENIED),
        ("maya's gateway", select.clone(), DENIED),
        ("asha of no tenant", select.clone(), Touches(0)),
        ("asha of hextech", select, Touches(0)),
        ("asha of no tenant", copy.clone(), DENIED),
        ("asha of hextech", copy, DENIED),
        ("asha of hextech", delete.clone(), if alerts { Touches(0) } else { DENIED }),
    ];
    if alerts {
        tried.push(("maya", delete, Touches(1)));
    }
    tried
}

pub(crate) async fn become_someone(connection: &mut PgConnection, admin: bool, who: &str) {
    if admin {
        run(connection, "reset role; select set_config('request.jwt.claims', '', false)").await;
    }
    match who {
        "asha" => sign_in(connection, ASHA).await,
        "asha without claims" => run(connection, "set role authenticated").await,
        "anon" => run(connection, "set role anon").await,
        "maya" => sign_in_to(connection, MAYA, Some("hextech")).await,
        "asha of hextech" => sign_in_to(connection, ASHA, Some("hextech")).await,
        "asha of no tenant" => sign_in_to(connection, ASHA, None).await,
        "pipeline" | "gateway" | "maya's pipeline as asha's" | "maya's gateway as asha's" => {
            run(connection, "set app.tenant_id = 'fxlabs'").await
        }
        _ => run(connection, "set app.tenant_id = 'hextech'").await,
    }
}

/// Whether somebody is one whom pages act for, and no process of ours.
pub(crate) fn is_of_pages(who: &str) -> bool {
    !who.contains("pipeline") && !who.contains("gateway")
}

/// What each table holds, where insertions may read it whoever they are.
async fn store(admin: &mut PgConnection, table: &str) {
    let copy = format!(
        "create table stored_{table} as select * from {table} where user_id = '{ASHA}' limit 1;
         grant select on stored_{table} to anon, authenticated, bellwether_pipeline, bellwether_gateway"
    );
    sqlx::raw_sql(AssertSqlSafe(copy)).execute(admin).await.unwrap();
}

/// The connections that statements are tried on: a page's, and those of each tenant's processes.
pub(crate) struct Connections {
    page: PgConnection,
    pipeline: PgConnection,
    gateway: PgConnection,
    /// The pipeline and the gateway of Maya's tenant, where there is one.
    others: Option<(PgConnection, PgConnection)>,
}

impl Connections {
    pub(crate) async fn open(seeded: &Seeded, other: Option<&Seeded>) -> Self {
        let others = match other {
            Some(other) => Some((open(&other.pipeline).await, open(&other.gateway).await)),
            None => None,
        };
        Self {
            page: open(&seeded.admin).await,
            pipeline: open(&seeded.pipeline).await,
            gateway: open(&seeded.gateway).await,
            others,
        }
    }

    /// The connection on which somebody acts, as that somebody.
    pub(crate) async fn of(&mut self, who: &str) -> &mut PgConnection {
        let of_pages = is_of_pages(who);
        let connection = match (who, &mut self.others) {
            (who, Some((pipeline, gateway))) if who.starts_with("maya's") => {
                if who.contains("gateway") {
                    gateway
                } else {
                    pipeline
                }
            }
            ("gateway", _) => &mut self.gateway,
            _ if of_pages => &mut self.page,
            _ => &mut self.pipeline,
        };
        become_someone(connection, of_pages, who).await;
        connection
    }
}

/// How many statements were tried, each doing what it must.
async fn try_all(shape: Shape, seeded: &Seeded, other: Option<&Seeded>) -> usize {
    let mut tried = 0;
    let mut admin = open(&seeded.admin).await;
    for kind in tables::all() {
        for (table, alerts) in [(kind.alerts.name, true), (kind.triggers.name, false)] {
            store(&mut admin, table).await;
            let mut connections = Connections::open(seeded, other).await;
            for (who, statement, expected) in matrix(table, alerts, shape) {
                let connection = connections.of(who).await;
                assert_eq!(does(connection, &statement).await, expected.result(), "{who}: {statement}");
                tried += 1;
            }
        }
    }
    tried
}

#[tokio::test]
async fn in_every_table_each_role_may_do_what_is_its_own_and_nothing_else() {
    let tried = try_all(Shape::Dedicated, &inhabited().await, None).await;
    assert!(tried > 200, "{tried}");
}

#[tokio::test]
async fn in_every_table_of_a_shared_database_each_tenants_roles_and_users_keep_to_their_own_rows() {
    let [seeded, other] = inhabited_by_two().await;
    let tried = try_all(Shape::Shared, &seeded, Some(&other)).await;
    assert!(tried > 350, "{tried}");
}

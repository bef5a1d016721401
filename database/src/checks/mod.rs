//! What is wrong with a tenant's database: what a doctor looks at there, a file a check. Reads only; what is not ours is a
//! warning at most.
//!
//! [`look`] does it with the rights of the pipeline, as which everything can be seen but what lies in schema `auth`.

mod announce;
pub mod ask;
mod captures;
mod catalogue;
mod clock;
mod functions;
mod migrations;
mod notify;
mod outside;
mod policies;
mod pooler;
mod queue;
mod recipients;
mod rights;
mod roles;
mod server;
mod session;
mod shape;
mod tables;
mod unlisted;
mod views;
mod zone;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::{Finding, Level, Section};
use bellwether_runtime::secret::Secret;
use sqlx::PgConnection;

pub use outside::{Rows, Sight, Visitor, judge as judge_sights, sights};
pub use session::Session;

use self::tables::Whose;
use crate::{Result, Shape, WITHOUT_TENANT, administer, query};

type Looked = sqlx::Result<Vec<Finding>>;

/// What is missing or open, looked at as the owner of a database that may be nobody's yet; nothing when all is well.
///
/// # Errors
/// Out of reach.
pub async fn check(url: &Secret) -> Result<Vec<Finding>> {
    let mut connection = administer(url).await?;
    let error = || query("cannot look at the database");
    let mut findings = schema(&mut connection).await.map_err(error())?;
    findings.extend(access(&mut connection, Whose::Somebodys, &findings).await.map_err(error())?);
    findings.retain(|finding| finding.level > Level::Ok);
    Ok(findings)
}

/// Everything that can be seen of the tenant's database as its pipeline. A check that fails is a finding of its own, and
/// the others go on.
pub async fn look(session: &mut Session, tenant: &Tenant, clock: &Clock) -> Vec<Section> {
    let schema =
        Section { name: "schema", findings: tried(session, "schema", async |c| schema(c).await).await };
    let shape = of_shape(session).await;
    let whose = shape::whose(shape, tenant);
    let mut access_findings = tried(session, "shape", async |c| shape::look(c, tenant, shape).await).await;
    access_findings
        .extend(tried(session, "tables", async |c| access(c, whose, &schema.findings).await).await);
    access_findings.extend(tried(session, "roles", async |c| logins(c, tenant).await).await);
    let access = Section { name: "access", findings: access_findings };
    let server = Section { name: "server", findings: of_server(session, tenant, clock).await };
    let mut work = tried(session, "queue", async |c| queue::look(c, tenant).await).await;
    work.extend(tried(session, "recipients", async |c| recipients::look(c, tenant).await).await);
    vec![schema, access, server, Section { name: "work", findings: work }]
}

/// What the files of migrations made.
async fn schema(connection: &mut PgConnection) -> Looked {
    let mut findings = migrations::look(connection).await?;
    findings.extend(unlisted::look(connection, &listed()).await?);
    findings.extend(captures::look(connection).await?);
    Ok(findings)
}

/// Who may see and do what.
async fn access(connection: &mut PgConnection, whose: Whose<'_>, schema: &[Finding]) -> Looked {
    let behind = migrations::is_behind(schema);
    let states = catalogue::read(connection, &listed()).await?;
    let mut findings: Vec<Finding> =
        states.iter().flat_map(|table| tables::judge(table, whose, behind)).collect();
    findings.extend(views::look(connection, &listed()).await?);
    findings.extend(functions::look(connection, &listed()).await?);
    Ok(findings)
}

/// None also where it cannot be asked: whatever is wrong then is told by the checks that ask.
async fn of_shape(session: &mut Session) -> Option<Shape> {
    let mut transaction = session.begin().await.ok()?;
    shape::of(&mut transaction).await.ok().flatten()
}

async fn logins(connection: &mut PgConnection, tenant: &Tenant) -> Looked {
    let pipeline: String = ask::value("select session_user::text").fetch_one(&mut *connection).await?;
    let gateway = tenant.database.gateway_url.as_ref().and_then(|url| crate::parse(url).ok());
    let gateway = gateway.as_ref().map(|options| options.get_username());
    roles::look(connection, &listed(), roles::Logins { pipeline: &pipeline, gateway }).await
}

async fn of_server(session: &mut Session, tenant: &Tenant, clock: &Clock) -> Vec<Finding> {
    let mut findings = tried(session, "server", async |c| server::look(c).await).await;
    findings.extend(tried(session, "clock", async |c| clock::look(c, clock).await).await);
    findings.extend(tried(session, "zone", async |c| zone::look(c, tenant, clock.now()).await).await);
    findings.extend(tried(session, "announce", async |c| announce::look(c, tenant).await).await);
    let pooler = pooler::look(session, tenant).await;
    let is_held = !pooler.is_fault();
    findings.push(pooler);
    // Nobody listens on a connection that is not kept.
    if is_held {
        findings.push(notify::look(session, tenant).await);
    }
    findings
}

/// What one check found, in a transaction of its own.
async fn tried(
    session: &mut Session,
    about: &str,
    look: impl AsyncFnOnce(&mut PgConnection) -> Looked,
) -> Vec<Finding> {
    let looked = async {
        let mut transaction = session.begin().await?;
        look(&mut transaction).await
    };
    looked.await.unwrap_or_else(|error| vec![failed(about, &error)])
}

fn failed(about: &str, error: &sqlx::Error) -> Finding {
    Finding::fault(
        about,
        format!("cannot be looked at: {error}"),
        "see that the database answers, and that its role is the one `bellwether tenants init` made",
    )
}

/// Every table of ours.
fn listed() -> Vec<String> {
    let without = WITHOUT_TENANT.iter().map(ToString::to_string);
    crate::tables_of_ours().into_iter().chain(without).collect()
}

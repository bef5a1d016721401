//! Whether the database is one tenant's or several tenants', against what the tenant's file says.

use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::Finding;
use sqlx::PgConnection;

use super::tables::Whose;
use super::{Looked, ask};
use crate::Shape;

const ABOUT: &str = "shape";

/// What the database is; none before it was given to anybody, or before it knows shapes.
pub(super) async fn of(connection: &mut PgConnection) -> sqlx::Result<Option<Shape>> {
    let known: bool = ask::value(
        "select exists (select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                        where n.nspname = 'bellwether' and p.proname = 'shape')",
    )
    .fetch_one(&mut *connection)
    .await?;
    if !known {
        return Ok(None);
    }
    let name: String = ask::value("select bellwether.shape()").fetch_one(connection).await?;
    Ok(match name.as_str() {
        "dedicated" => Some(Shape::Dedicated),
        "shared" => Some(Shape::Shared),
        _ => None,
    })
}

/// Whose rows its tables are to take.
pub(super) const fn whose(shape: Option<Shape>, tenant: &Tenant) -> Whose<'_> {
    match shape {
        None => Whose::Unsaid,
        Some(Shape::Dedicated) => Whose::One(&tenant.id),
        Some(Shape::Shared) => Whose::Several,
    }
}

/// Whether file and database agree, and the login role is of this tenant.
pub(super) async fn look(connection: &mut PgConnection, tenant: &Tenant, shape: Option<Shape>) -> Looked {
    let mut acting: Option<String> = None;
    if shape.is_some() {
        acting = ask::value("select bellwether.acting_tenant()").fetch_one(connection).await?;
    }
    Ok(vec![judge(tenant, shape, acting.as_deref())])
}

fn judge(tenant: &Tenant, shape: Option<Shape>, acting: Option<&str>) -> Finding {
    let init = format!("run `bellwether tenants init {}`", tenant.id);
    match (shape, tenant.database.shared) {
        (None, _) => Finding::fault(ABOUT, "the database is nobody's yet", init),
        (Some(Shape::Dedicated), true) => Finding::fault(
            ABOUT,
            "the file says that tenants share this database, and it is one tenant's",
            "take database.shared out of the file, or give the tenant another database",
        ),
        (Some(Shape::Shared), false) => Finding::fault(
            ABOUT,
            "tenants share this database, and the file does not say so",
            "set database.shared = true, or give the tenant a database of its own",
        ),
        (Some(_), _) if acting != Some(tenant.id.as_str()) => {
            Finding::fault(ABOUT, "the login role is not this tenant's: it sees nothing", init)
        }
        (Some(Shape::Dedicated), false) => Finding::ok(ABOUT, "the database is this tenant's alone"),
        (Some(Shape::Shared), true) => {
            Finding::ok(ABOUT, "tenants share the database, and the login role is held to this one's rows")
        }
    }
}

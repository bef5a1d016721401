//! Which migrations were applied, against those this binary carries.

use bellwether_runtime::finding::Finding;
use sqlx::PgConnection;

use super::Looked;
use crate::migrate::MIGRATIONS;

/// Whether the schema is older than this binary.
pub(super) fn is_behind(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.found == MISSING)
}

const MISSING: &str = "was not applied: the database is behind this version";

/// What is missing, and what this version does not know; or that both agree.
pub(super) async fn look(connection: &mut PgConnection) -> Looked {
    let there: bool = sqlx::query_scalar(
        "select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                        where n.nspname = 'bellwether' and c.relname = 'schema_migration')",
    )
    .fetch_one(&mut *connection)
    .await?;
    let mut applied: Vec<String> = Vec::new();
    if there {
        applied = sqlx::query_scalar("select version from bellwether.schema_migration order by 1")
            .fetch_all(connection)
            .await?;
    }
    Ok(judge(&applied))
}

fn judge(applied: &[String]) -> Vec<Finding> {
    let known = || MIGRATIONS.iter().map(|migration| migration.version);
    let missing = known().filter(|version| !applied.iter().any(|one| one == version));
    let mut findings: Vec<Finding> =
        missing.map(|version| Finding::fault(version, MISSING, "run `bellwether migrate`")).collect();
    let unknown = applied.iter().filter(|version| !known().any(|one| one == version.as_str()));
    findings.extend(unknown.map(|version| {
        let found = "was applied, and this version does not know it: the database is ahead";
        Finding::fault(version, found, "run the version of Bellwether that the database was migrated by")
    }));
    if findings.is_empty() {
        findings.push(Finding::ok("migrations", format!("all {} are applied", MIGRATIONS.len())));
    }
    findings
}

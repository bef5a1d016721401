//! Which migrations were applied, against those this binary carries.

use bellwether_runtime::finding::Finding;
use sqlx::PgConnection;

use super::Looked;
use crate::migrate::{MIGRATIONS, Recorded, read};

/// Whether the schema is older than this binary.
pub(super) fn is_behind(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.found == MISSING)
}

const MISSING: &str = "was not applied: the database is behind this version";

/// What is missing, what this version does not know, and what was applied with another text; or that all agree.
pub(super) async fn look(connection: &mut PgConnection) -> Looked {
    Ok(judge(&read(connection).await?))
}

fn judge(applied: &[Recorded]) -> Vec<Finding> {
    let missing = MIGRATIONS.iter().filter(|ours| !applied.iter().any(|one| one.version == ours.version));
    let mut findings: Vec<Finding> =
        missing.map(|ours| Finding::fault(ours.version, MISSING, "run `bellwether migrate`")).collect();
    findings.extend(applied.iter().filter_map(known));
    if findings.is_empty() {
        findings.push(Finding::ok(
            "migrations",
            format!("all {} are applied as this version has them", MIGRATIONS.len()),
        ));
    }
    findings
}

/// What is wrong with a file that was applied.
fn known(Recorded { version, checksum }: &Recorded) -> Option<Finding> {
    let Some(ours) = MIGRATIONS.iter().find(|migration| migration.version == version) else {
        let found = "was applied, and this version does not know it: the database is ahead";
        let advice = "run the version of Bellwether that the database was migrated by";
        return Some(Finding::fault(version, found, advice));
    };
    let changed = checksum.as_ref().is_some_and(|checksum| *checksum != ours.checksum());
    changed.then(|| {
        let found = format!("{} was applied with another text than this version has", ours.file());
        Finding::fault(version, found, "find out who changed the file: one that was applied is never edited")
    })
}

//! The files of `migrations/`, carried in the binary and applied in order, each in one transaction.

use bellwether_runtime::secret::Secret;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, raw_sql};

use super::{Result, administer, query};

/// One file: what it does, it also records in `bellwether.schema_migration`.
#[derive(Debug)]
pub struct Migration {
    /// The digits its name begins with.
    pub version: &'static str,
    /// The SQL of the file, whole.
    pub sql: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal),* $(,)?) => {
        /// In the order in which they apply.
        pub const MIGRATIONS: &[Migration] = &[$(Migration {
            version: $version,
            sql: include_str!(concat!("../../migrations/", $version, "_", $name, ".sql")),
        }),*];
    };
}

migrations! {
    "20260301000100" "pipeline",
    "20260301000200" "rsi_tracker",
    "20260301000300" "repairs",
    "20260301000400" "given",
    "20260301000500" "rsi_correlation_tracker",
    "20260301000600" "heatmap_tracker",
    "20260301000700" "heatmap_indicator_tracker",
    "20260301000800" "currency_strength_tracker",
    "20260301000900" "price_alerts",
    "20260301001000" "user_line",
    "20260301001100" "alert_states",
    "20260301001200" "schedule",
    "20260301001300" "mail_limits",
    "20260301001400" "mail_delivery",
    "20260301001500" "gateway",
    "20260301001600" "operator",
}

/// Two processes migrating one database wait for each other on this key.
const LOCK: i64 = 0x62_656c_6c77;

/// Applies what is missing; the versions applied.
///
/// # Errors
/// Out of reach, a pooler in transaction mode, or a statement failed: then that file left nothing behind.
pub async fn migrate(url: &Secret) -> Result<Vec<&'static str>> {
    let mut connection = administer(url).await?;
    let mut applied = Vec::new();
    for migration in MIGRATIONS {
        if apply(&mut connection, migration).await? {
            applied.push(migration.version);
        }
    }
    connection.close().await.map_err(query("cannot close the connection"))?;
    Ok(applied)
}

/// The versions that [`migrate`] would apply.
///
/// # Errors
/// Out of reach.
pub async fn pending(url: &Secret) -> Result<Vec<&'static str>> {
    let mut connection = administer(url).await?;
    missing(&mut connection).await
}

pub(super) async fn missing(connection: &mut PgConnection) -> Result<Vec<&'static str>> {
    let error = || query("cannot read which migrations were applied");
    let there: bool = sqlx::query_scalar("select to_regclass('bellwether.schema_migration') is not null")
        .fetch_one(&mut *connection)
        .await
        .map_err(error())?;
    let mut done: Vec<String> = Vec::new();
    if there {
        done = sqlx::query_scalar("select version from bellwether.schema_migration")
            .fetch_all(connection)
            .await
            .map_err(error())?;
    }
    let versions = MIGRATIONS.iter().map(|migration| migration.version);
    Ok(versions.filter(|version| !done.iter().any(|one| one == version)).collect())
}

async fn apply(connection: &mut PgConnection, migration: &Migration) -> Result<bool> {
    let error = || query(format!("migration {} failed and left nothing behind", migration.version));
    let mut transaction = connection.begin().await.map_err(error())?;
    sqlx::query("select pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *transaction)
        .await
        .map_err(error())?;
    let needed = missing(&mut transaction).await?.contains(&migration.version);
    if needed {
        raw_sql(migration.sql).execute(&mut *transaction).await.map_err(error())?;
    }
    transaction.commit().await.map_err(error())?;
    Ok(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_carries_every_file_and_each_records_itself() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations");
        let mut files: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        assert_eq!(files.len(), MIGRATIONS.len());
        for (file, migration) in files.iter().zip(MIGRATIONS) {
            assert!(file.starts_with(migration.version), "{file}");
            let records = format!("values ('{}') on conflict do nothing", migration.version);
            assert!(migration.sql.contains(&records), "{file}");
        }
    }
}

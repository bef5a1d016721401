//! The files of `migrations/`, carried in the binary and applied in order, each in one transaction.
//!
//! A file records itself when it is run, whoever runs it; [`migrate`] adds what only the binary knows, its checksum, and
//! tells Supabase's own list of migrations where there is one.

mod record;

use bellwether_runtime::secret::Secret;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, raw_sql};

pub(super) use self::record::{Recorded, read};
use super::{DatabaseError, Result, administer, query};

/// One file: what it does, it also records in `bellwether.schema_migration`.
#[derive(Debug)]
pub struct Migration {
    /// The digits its name begins with.
    pub version: &'static str,
    /// What its name says after them.
    pub name: &'static str,
    /// The SQL of the file, whole.
    pub sql: &'static str,
}

impl Migration {
    /// The file's name.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}_{}.sql", self.version, self.name)
    }

    /// SHA-256 of the file, in hexadecimal.
    #[must_use]
    pub fn checksum(&self) -> String {
        Sha256::digest(self.sql).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

macro_rules! migrations {
    ($($version:literal $name:literal),* $(,)?) => {
        /// In the order in which they apply.
        pub const MIGRATIONS: &[Migration] = &[$(Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../../../migrations/", $version, "_", $name, ".sql")),
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
    "20260301001700" "shared",
    "20260301001710" "retention",
    "20260301001720" "checksums",
    "20260301001730" "capture",
    "20260301001740" "forget_waits",
    "20260301001760" "cursor_mark",
    "20260301001770" "would_have",
    "20260301001771" "user_followed",
}

/// Two processes migrating one database wait for each other on this key.
const LOCK: i64 = 0x62_656c_6c77;

/// Applies what is missing; the versions applied. Checksums of files that somebody else applied are added.
///
/// # Errors
/// Out of reach, a pooler in transaction mode, a database that is ahead or had another file under a name of ours, or a
/// statement failed: then that file left nothing behind.
pub async fn migrate(url: &Secret) -> Result<Vec<&'static str>> {
    let mut connection = administer(url).await?;
    refuse(&mut connection).await?;
    let mut applied = Vec::new();
    for migration in MIGRATIONS {
        if apply(&mut connection, migration).await? {
            applied.push(migration.version);
        }
    }
    let mut transaction = connection.begin().await.map_err(query("cannot record migrations"))?;
    lock(&mut transaction).await.map_err(query("cannot record migrations"))?;
    record::complete(&mut transaction).await.map_err(query("cannot record migrations"))?;
    transaction.commit().await.map_err(query("cannot record migrations"))?;
    connection.close().await.map_err(query("cannot close the connection"))?;
    Ok(applied)
}

/// The versions that [`migrate`] would apply.
///
/// # Errors
/// Out of reach, or [`migrate`] would refuse.
pub async fn pending(url: &Secret) -> Result<Vec<&'static str>> {
    let mut connection = administer(url).await?;
    refuse(&mut connection).await?;
    missing(&mut connection).await
}

pub(super) async fn missing(connection: &mut PgConnection) -> Result<Vec<&'static str>> {
    let done = recorded(connection).await?;
    let versions = MIGRATIONS.iter().map(|migration| migration.version);
    Ok(versions.filter(|version| !done.iter().any(|one| one.version == *version)).collect())
}

/// A file that was applied is not applied again: what it says by now would never be true. And what a later version made of
/// a table, an earlier one does not know.
async fn refuse(connection: &mut PgConnection) -> Result<()> {
    for Recorded { version, checksum } in recorded(connection).await? {
        let Some(ours) = MIGRATIONS.iter().find(|migration| migration.version == version) else {
            return Err(DatabaseError::Ahead { version });
        };
        if checksum.is_some_and(|checksum| checksum != ours.checksum()) {
            return Err(DatabaseError::Changed { file: ours.file() });
        }
    }
    Ok(())
}

async fn recorded(connection: &mut PgConnection) -> Result<Vec<Recorded>> {
    record::read(connection).await.map_err(query("cannot read which migrations were applied"))
}

/// Until the transaction ends nobody else changes the schema.
pub(super) async fn lock(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(connection).await.map(drop)
}

async fn apply(connection: &mut PgConnection, migration: &Migration) -> Result<bool> {
    let error = || query(format!("migration {} failed and left nothing behind", migration.version));
    let mut transaction = connection.begin().await.map_err(error())?;
    lock(&mut transaction).await.map_err(error())?;
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
            assert_eq!(*file, migration.file());
            let records = format!("values ('{}') on conflict do nothing", migration.version);
            assert!(migration.sql.contains(&records), "{file}");
        }
    }

    #[test]
    fn a_file_that_makes_a_policy_ends_with_the_shape_that_the_database_has() {
        let since = MIGRATIONS.iter().filter(|migration| migration.version >= "20260301001700");
        for migration in since.filter(|migration| migration.sql.contains("create policy")) {
            let last = migration.sql.rfind("create policy").unwrap();
            assert!(migration.sql[last..].contains("\nselect bellwether.reshape();"), "{}", migration.file());
        }
    }
}

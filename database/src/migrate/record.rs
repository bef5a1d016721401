//! Which files were applied: ours is `bellwether.schema_migration`, Supabase's `supabase_migrations.schema_migrations`.

use sqlx::postgres::PgConnection;

use super::MIGRATIONS;

/// A file that was applied.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Recorded {
    pub(crate) version: String,
    /// None: somebody else applied it, or a version that kept none.
    pub(crate) checksum: Option<String>,
}

/// What was applied, in order; nothing where nothing ever was.
pub(crate) async fn read(connection: &mut PgConnection) -> sqlx::Result<Vec<Recorded>> {
    let columns: Vec<String> = sqlx::query_scalar(
        "select attname::text from pg_attribute
         where attrelid = to_regclass('bellwether.schema_migration') and attnum > 0 and not attisdropped",
    )
    .persistent(false)
    .fetch_all(&mut *connection)
    .await?;
    let sql = match (columns.is_empty(), columns.iter().any(|column| column == "checksum")) {
        (true, _) => return Ok(Vec::new()),
        (false, true) => "select version, checksum from bellwether.schema_migration order by version",
        (false, false) => {
            "select version, null::text as checksum from bellwether.schema_migration order by version"
        }
    };
    sqlx::query_as(sql).persistent(false).fetch_all(connection).await
}

/// Adds the checksums that are missing, and all versions to the list that `supabase db push` goes by.
pub(super) async fn complete(connection: &mut PgConnection) -> sqlx::Result<()> {
    let column =
        |value: fn(&super::Migration) -> String| -> Vec<String> { MIGRATIONS.iter().map(value).collect() };
    let versions = column(|migration| migration.version.to_owned());
    sqlx::query(
        "update bellwether.schema_migration applied set checksum = known.checksum
         from unnest($1::text[], $2::text[]) as known (version, checksum)
         where applied.version = known.version and applied.checksum is null",
    )
    .bind(&versions)
    .bind(column(super::Migration::checksum))
    .execute(&mut *connection)
    .await?;
    let listed: bool =
        sqlx::query_scalar("select to_regclass('supabase_migrations.schema_migrations') is not null")
            .fetch_one(&mut *connection)
            .await?;
    if listed {
        sqlx::query(
            "insert into supabase_migrations.schema_migrations (version, name, statements)
             select known.version, known.name, array[known.sql]
             from unnest($1::text[], $2::text[], $3::text[]) as known (version, name, sql)
             on conflict (version) do nothing",
        )
        .bind(&versions)
        .bind(column(|migration| migration.name.to_owned()))
        .bind(column(|migration| migration.sql.to_owned()))
        .execute(connection)
        .await?;
    }
    Ok(())
}

//! Migrations: run by whom, twice, at once, by another tool, and where they must not.

use bellwether_database::{self as database, DatabaseError, MIGRATIONS};
use bellwether_runtime::secret::Secret;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::kinds::rows;
use crate::support::{ANCESTOR, bare, count, open, run};

async fn checksums(admin: &mut PgConnection) -> Vec<(String, Option<String>)> {
    let sql = "select version, checksum from bellwether.schema_migration order by version";
    sqlx::query_as(sql).fetch_all(admin).await.unwrap()
}

fn expected() -> Vec<(String, Option<String>)> {
    MIGRATIONS.iter().map(|file| (file.version.to_owned(), Some(file.checksum()))).collect()
}

/// As `supabase db push` does it: the file through psql, then a line in the tool's own table.
async fn push(admin: &mut PgConnection) {
    run(
        admin,
        "create schema if not exists supabase_migrations;
         create table if not exists supabase_migrations.schema_migrations
           (version text primary key, statements text[], name text)",
    )
    .await;
    for file in MIGRATIONS {
        let there = "select count(*) from supabase_migrations.schema_migrations where version = $1";
        let there: i64 = sqlx::query_scalar(there).bind(file.version).fetch_one(&mut *admin).await.unwrap();
        if there == 0 {
            sqlx::raw_sql(AssertSqlSafe(format!("begin; {}; commit", file.sql)))
                .execute(&mut *admin)
                .await
                .unwrap();
            sqlx::query("insert into supabase_migrations.schema_migrations (version, name) values ($1, $2)")
                .bind(file.version)
                .bind(file.name)
                .execute(&mut *admin)
                .await
                .unwrap();
        }
    }
}

async fn pushed(admin: &mut PgConnection) -> i64 {
    rows(admin, "supabase_migrations.schema_migrations").await
}

#[tokio::test]
async fn each_applied_file_has_its_checksum_and_those_of_others_hands_get_theirs() {
    let url = bare().await;
    let mut admin = open(&url).await;
    assert_eq!(database::migrate(&url).await.unwrap().len(), MIGRATIONS.len());
    assert_eq!(checksums(&mut admin).await, expected());
    run(
        &mut admin,
        "update bellwether.schema_migration set checksum = null where version > '20260301000400'",
    )
    .await;
    assert!(database::migrate(&url).await.unwrap().is_empty());
    assert_eq!(checksums(&mut admin).await, expected());
    // A database of a version that kept none.
    run(
        &mut admin,
        "alter table bellwether.schema_migration drop column checksum;
         delete from bellwether.schema_migration where version = '20260301001720'",
    )
    .await;
    assert_eq!(database::pending(&url).await.unwrap(), ["20260301001720"]);
    assert_eq!(database::migrate(&url).await.unwrap(), ["20260301001720"]);
    assert_eq!(checksums(&mut admin).await, expected());
}

async fn refusals(url: &Secret) -> [DatabaseError; 2] {
    [database::migrate(url).await.unwrap_err(), database::pending(url).await.unwrap_err()]
}

#[tokio::test]
async fn a_changed_file_and_a_database_that_is_ahead_are_refused_by_name_and_nothing_is_applied() {
    let url = bare().await;
    let mut admin = open(&url).await;
    database::migrate(&url).await.unwrap();
    run(
        &mut admin,
        "update bellwether.schema_migration set checksum = repeat('0', 64) where version = '20260301000600';
         delete from bellwether.schema_migration where version = '20260301001100'",
    )
    .await;
    for error in refusals(&url).await {
        assert!(error.to_string().starts_with("20260301000600_heatmap_tracker.sql "), "{error}");
    }
    assert_eq!(
        count(
            &mut admin,
            "select count(*) from bellwether.schema_migration where version = '20260301001100'"
        )
        .await,
        0
    );
    run(
        &mut admin,
        "update bellwether.schema_migration set checksum = null;
         insert into bellwether.schema_migration (version) values ('20990101000000')",
    )
    .await;
    for error in refusals(&url).await {
        assert!(
            matches!(error, DatabaseError::Ahead { ref version } if version == "20990101000000"),
            "{error}"
        );
        assert!(!error.is_transient());
    }
    assert_eq!(
        count(
            &mut admin,
            "select count(*) from bellwether.schema_migration where version = '20260301001100'"
        )
        .await,
        0
    );
}

#[tokio::test]
async fn two_processes_migrate_one_database_at_once() {
    let url = bare().await;
    run(&mut open(&url).await, ANCESTOR).await;
    let (a, b, c) = tokio::join!(database::migrate(&url), database::migrate(&url), database::migrate(&url));
    let mut applied: Vec<_> = [a, b, c].into_iter().flat_map(Result::unwrap).collect();
    applied.sort_unstable();
    let versions: Vec<_> = MIGRATIONS.iter().map(|file| file.version).collect();
    assert_eq!(applied, versions, "each once, whoever it was");
    assert!(
        database::check(&url)
            .await
            .unwrap()
            .iter()
            .all(|finding| !finding.is_fault() || finding.found.contains("no tenant's"))
    );
}

#[tokio::test]
async fn supabases_push_and_ours_agree_on_what_was_applied() {
    let url = bare().await;
    let mut admin = open(&url).await;
    run(&mut admin, ANCESTOR).await;
    push(&mut admin).await;
    assert!(database::pending(&url).await.unwrap().is_empty());
    assert!(database::migrate(&url).await.unwrap().is_empty());
    assert_eq!(checksums(&mut admin).await, expected());

    // The other way round: ours first, and the tool finds nothing to do.
    let url = bare().await;
    let mut admin = open(&url).await;
    run(
        &mut admin,
        "create schema supabase_migrations;
         create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
         insert into supabase_migrations.schema_migrations (version) values ('20250101000000')",
    )
    .await;
    database::migrate(&url).await.unwrap();
    assert_eq!(pushed(&mut admin).await, MIGRATIONS.len() as i64 + 1, "the project's own stay");
    run(&mut admin, "create table marks as table bellwether.schema_migration").await;
    push(&mut admin).await;
    let again = "select count(*) from bellwether.schema_migration now join marks using (version) where now.applied_at <> marks.applied_at";
    assert_eq!(count(&mut admin, again).await, 0);
    assert_eq!(pushed(&mut admin).await, MIGRATIONS.len() as i64 + 1);
    let whole = "select count(*) from supabase_migrations.schema_migrations where name is not null and cardinality(statements) = 1";
    assert_eq!(count(&mut admin, whole).await, MIGRATIONS.len() as i64);
}

#[tokio::test]
async fn every_file_may_be_run_again_over_rows_in_either_shape() {
    use crate::kinds::{inhabited, inhabited_by_two};
    let dedicated = inhabited().await;
    let [shared, _] = inhabited_by_two().await;
    for seeded in [dedicated, shared] {
        let mut admin = open(&seeded.admin).await;
        let held =
            "select (select count(*) from rsi_tracker_alerts) + (select count(*) from price_alert_triggers)
            + (select count(*) from alert_status)";
        let (before, policies) = (count(&mut admin, held).await, policies(&mut admin).await);
        for file in MIGRATIONS {
            sqlx::raw_sql(AssertSqlSafe(format!("begin; {}; commit", file.sql)))
                .execute(&mut admin)
                .await
                .unwrap();
        }
        assert_eq!(count(&mut admin, held).await, before);
        assert_eq!(self::policies(&mut admin).await, policies);
        assert_eq!(count(&mut admin, "select count(*) from bellwether.quarantine").await, 0);
    }
}

async fn policies(admin: &mut PgConnection) -> Vec<String> {
    let sql = "select concat_ws(' ', tablename, policyname, permissive, cmd, roles, qual, with_check) from pg_policies order by 1";
    sqlx::query_scalar(sql).fetch_all(admin).await.unwrap()
}

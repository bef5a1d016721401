//! The private Postgres: found again, told apart, gone when it should be.

use std::os::unix::fs::PermissionsExt;

use bellwether_local::postgres::{Options, Postgres, PostgresError};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};

fn is_running(pid: u32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

async fn connect(server: &Postgres) -> PgConnection {
    PgConnection::connect(server.url("postgres").reveal()).await.unwrap()
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_stop_and_nothing_runs_in_between() {
    let dir = tempfile::tempdir().unwrap();
    let server = Postgres::start(dir.path(), Options::default()).await.unwrap();
    connect(&server).await.execute("create table t as select 7 as n").await.unwrap();
    let pid = server.pid();
    server.stop().await.unwrap();
    assert!(!is_running(pid));

    let server = Postgres::start(dir.path(), Options::default()).await.unwrap();
    let n: i32 = sqlx::query_scalar("select n from t").fetch_one(&mut connect(&server).await).await.unwrap();
    assert_eq!(n, 7);
    server.remove().await.unwrap();
}

#[tokio::test]
async fn a_directory_that_the_servers_user_cannot_enter_is_no_obstacle() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    for _ in 0..2 {
        let server = Postgres::start(dir.path(), Options::default()).await.unwrap();
        connect(&server).await.execute("create table if not exists t (n int)").await.unwrap();
        let data = data_of(&server).await;
        server.stop().await.unwrap();
        let mode = std::fs::metadata(data.with_file_name("password")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let server = Postgres::start(dir.path(), Options::default()).await.unwrap();
    let tables: i64 = sqlx::query_scalar("select count(*) from pg_tables where tablename = 't'")
        .fetch_one(&mut connect(&server).await)
        .await
        .unwrap();
    assert_eq!(tables, 1, "the same directory, the same data");
    server.remove().await.unwrap();
}

#[tokio::test]
async fn a_directory_has_one_owner_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let server = Postgres::start(dir.path(), Options::default()).await.unwrap();
    let second = Postgres::start(dir.path(), Options::default()).await.unwrap_err();
    assert!(matches!(second, PostgresError::InUse { .. }), "{second}");
    server.remove().await.unwrap();
}

#[tokio::test]
async fn a_server_left_by_a_killed_process_is_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let untied = Options { tied: false, ..Options::default() };
    let server = Postgres::start(dir.path(), untied).await.unwrap();
    let (pid, port) = (server.pid(), server.port());
    abandon(server).await;

    let server = Postgres::start(dir.path(), untied).await.unwrap();
    assert_eq!((server.pid(), server.port()), (pid, port));
    connect(&server).await.execute("select 1").await.unwrap();
    server.remove().await.unwrap();
    assert!(!is_running(pid));
}

#[tokio::test]
async fn a_pid_file_that_names_another_process_is_no_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Postgres::start(dir.path(), Options::default()).await.unwrap();
    let file = data_of(&server).await.join("postmaster.pid");
    let text = std::fs::read_to_string(&file).unwrap();
    server.stop().await.unwrap();
    let stranger = std::process::id();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    std::fs::write(&file, format!("{stranger}\n{}\n", lines.join("\n"))).unwrap();

    let server = Postgres::start(dir.path(), Options::default()).await.unwrap();
    assert_ne!(server.pid(), stranger);
    server.remove().await.unwrap();
}

#[tokio::test]
async fn a_temporary_server_leaves_neither_process_nor_files() {
    let server = Postgres::temporary().await.unwrap();
    let (pid, data) = (server.pid(), data_of(&server).await);
    drop(server);
    assert!(!is_running(pid) && !data.exists());
}

#[tokio::test]
async fn only_who_knows_the_password_gets_in() {
    let server = Postgres::temporary().await.unwrap();
    let guess = server.password_of("anybody");
    let error =
        PgConnection::connect(server.url_as("postgres", &guess, "postgres").reveal()).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().unwrap(), "28P01");
}

/// As a kill −9 leaves it: the server runs on and nobody holds the lock. This process lives, and so does its lock:
/// the file goes instead.
async fn abandon(server: Postgres) {
    std::fs::remove_file(data_of(&server).await.with_file_name("lock")).unwrap();
    std::mem::forget(server);
}

async fn data_of(server: &Postgres) -> std::path::PathBuf {
    let path: String =
        sqlx::query_scalar("show data_directory").fetch_one(&mut connect(server).await).await.unwrap();
    path.into()
}

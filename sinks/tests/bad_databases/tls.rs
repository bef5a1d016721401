//! How the connection to a database is protected: `sslmode` and `sslrootcert` of its URL.

use bellwether_database::TenantConnection;
use bellwether_local::postgres::Postgres;
use bellwether_runtime::secret::Secret;
use sqlx::Executor;

use crate::support::*;

/// The server takes TLS from here on, with the certificate that the tests' mail server has: for `localhost`.
async fn with_certificate(home: &Home) {
    let files = [
        ("server.crt", include_str!("../tls/server.pem")),
        ("server.key", include_str!("../tls/server.key")),
    ];
    let mut admin = home.admin().await;
    for (name, text) in files {
        let copy =
            format!("copy (select {}) to program 'umask 077; printf %b \"$(cat)\" > {name}'", quoted(text));
        admin.execute(sqlx::AssertSqlSafe(copy)).await.unwrap();
    }
    admin.execute("alter system set ssl = on").await.unwrap();
    admin.execute("select pg_reload_conf()").await.unwrap();
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether who logs in with these parameters is protected, or why not.
async fn tried(home: &Home, host: &str, parameters: &str) -> Result<bool, String> {
    let url = home.seeded.pipeline.reveal().replace("127.0.0.1", host);
    let mut tenant = home.tenant.clone();
    tenant.database.url = Some(Secret::new(format!("{url}?{parameters}")));
    let mut connection = TenantConnection::open(&tenant).await.map_err(|error| {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        format!("{error}: {}", source.unwrap_or_default())
    })?;
    let mut transaction = connection.begin().await.unwrap();
    let protected = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    Ok(sqlx::query_scalar(protected).fetch_one(&mut *transaction).await.unwrap())
}

#[tokio::test]
async fn each_mode_protects_as_it_says_and_says_why_it_cannot() {
    let server = Postgres::temporary().await.unwrap();
    let home = Home::on(&server, "tls", "fxlabs", 1).await;
    let refused = tried(&home, "localhost", "sslmode=require").await.unwrap_err();
    assert!(refused.contains("server does not support TLS"), "{refused}");
    assert_eq!(tried(&home, "localhost", "sslmode=disable").await, Ok(false));

    with_certificate(&home).await;
    let certificates = tempfile::tempdir().unwrap();
    let ca = |name: &str, text: &str| {
        let file = certificates.path().join(name);
        std::fs::write(&file, text).unwrap();
        format!("sslrootcert={}", file.display())
    };
    let ours = ca("ca.pem", include_str!("../tls/ca.pem"));
    let other = ca("other-ca.pem", include_str!("../tls/other-ca.pem"));
    eventually("TLS", async || tried(&home, "localhost", "sslmode=require").await == Ok(true)).await;
    assert_eq!(tried(&home, "localhost", "sslmode=disable").await, Ok(false));
    assert_eq!(tried(&home, "localhost", &format!("sslmode=verify-full&{ours}")).await, Ok(true));
    assert_eq!(tried(&home, "127.0.0.1", &format!("sslmode=verify-ca&{ours}")).await, Ok(true));
    for (host, parameters, word) in [
        ("localhost", format!("sslmode=verify-full&{other}"), "invalid peer certificate: UnknownIssuer"),
        ("localhost", "sslmode=verify-full".into(), "invalid peer certificate: UnknownIssuer"),
        ("127.0.0.1", format!("sslmode=verify-full&{ours}"), "not valid for name"),
        ("localhost", "sslmode=verify-full&sslrootcert=/nowhere/ca.pem".into(), "/nowhere/ca.pem"),
        (
            "localhost",
            "sslmode=always".into(),
            "is none of disable, prefer, require, verify-ca and verify-full",
        ),
    ] {
        let refused = tried(&home, host, &parameters).await.unwrap_err();
        assert!(refused.contains(word), "{parameters} at {host}: {refused}");
        assert!(!refused.contains("postgres://"), "{refused}");
    }
    server.stop().await.unwrap();
}

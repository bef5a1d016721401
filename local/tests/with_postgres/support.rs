//! Databases of tests, and what is done in them.

use std::sync::atomic::{AtomicU32, Ordering};

use bellwether_database as database;
use bellwether_local::postgres::{Postgres, shared_for_tests};
use bellwether_local::seed::{self, Seeded};
use bellwether_runtime::config::{Tenant, load_tenant};
use bellwether_runtime::secret::Secret;
use bellwether_schemas::TenantId;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

/// A database as the ancestor leaves it.
pub(crate) const ANCESTOR: &str = include_str!("ancestor.sql");

pub(crate) const ASHA: Uuid = Uuid::from_u128(0x00000000_0000_4000_8000_000000000001);
pub(crate) const OMAR: Uuid = Uuid::from_u128(0x00000000_0000_4000_8000_000000000002);
/// Of the other tenant, where a database is shared.
pub(crate) const MAYA: Uuid = Uuid::from_u128(0x00000000_0000_4000_8000_000000000003);

pub(crate) fn id(tenant: &str) -> TenantId {
    tenant.parse().unwrap()
}

/// A name no other test has.
pub(crate) fn name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("test{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// An empty database with what stands in for Supabase.
pub(crate) async fn bare() -> Secret {
    let (server, name) = (shared_for_tests().await, name());
    seed::create(server, &name).await.unwrap();
    seed::bootstrap(&server.url(&name)).await.unwrap();
    server.url(&name)
}

/// A database of that tenant with Asha, Omar and nobody's alerts.
pub(crate) async fn database(tenant: &str) -> (&'static Postgres, Seeded) {
    let server = shared_for_tests().await;
    let seeded = seed::database(server, &name(), &id(tenant)).await.unwrap();
    let mut admin = open(&seeded.admin).await;
    run(
        &mut admin,
        "insert into auth.users (id, email, email_confirmed_at) values
         ('00000000-0000-4000-8000-000000000001', 'asha@example.test', now()),
         ('00000000-0000-4000-8000-000000000002', 'omar@example.test', null)",
    )
    .await;
    (server, seeded)
}

/// A database shared by two tenants, each as its roles see it: Asha and Omar are the first's, Maya the second's.
pub(crate) async fn shared_database(tenants: [&str; 2]) -> [Seeded; 2] {
    let server = shared_for_tests().await;
    let seeded = seed::shared_database(server, &name(), &tenants.map(id)).await.unwrap();
    let users = "insert into auth.users (id, email, email_confirmed_at, raw_app_meta_data) values
        ($1, 'asha@example.test', now(), $4), ($2, 'omar@example.test', null, $4), ($3, 'maya@example.test', now(), $5)";
    let [first, second] = tenants.map(|tenant| serde_json::json!({ "tenant_id": tenant }));
    sqlx::query(users)
        .bind(ASHA)
        .bind(OMAR)
        .bind(MAYA)
        .bind(first)
        .bind(second)
        .execute(&mut open(&seeded[0].admin).await)
        .await
        .unwrap();
    seeded.try_into().unwrap()
}

/// A database whose owner row security binds too.
pub(crate) struct Owned {
    pub(crate) seeded: Seeded,
    pub(crate) owner: Secret,
}

/// The ancestor's database with a publication that is somebody else's, migrated by an owner that is no superuser.
pub(crate) async fn owned(tenant: &str) -> Owned {
    let (server, name) = (shared_for_tests().await, name());
    let owner = owner_of(&name).await;
    database::migrate(&owner).await.unwrap();
    let password = server.password_of(&format!("bellwether_{tenant}"));
    let role = database::init(&owner, &id(tenant), &password).await.unwrap();
    let pipeline = server.url_as(&role, &password, &name);
    let password = server.password_of(&format!("bellwether_{tenant}_gateway"));
    let role = database::init_gateway(&owner, &id(tenant), &password).await.unwrap();
    let gateway = server.url_as(&role, &password, &name);
    Owned { seeded: Seeded { admin: server.url(&name), pipeline, gateway }, owner }
}

/// The ancestor's database of that name, as its owner logs in, who is no superuser.
pub(crate) async fn owner_of(name: &str) -> Secret {
    let server = shared_for_tests().await;
    seed::create(server, name).await.unwrap();
    let url = server.url(name);
    seed::bootstrap(&url).await.unwrap();
    let mut admin = open(&url).await;
    run(&mut admin, ANCESTOR).await;
    let password = server.password_of("owner");
    let setup = format!(
        "create publication supabase_realtime;
         create role owner_{name} login createrole password '{}';
         grant create on database {name} to owner_{name};
         grant all on schema public to owner_{name};
         grant usage on schema auth to owner_{name};
         grant select, references on auth.users to owner_{name};
         create policy owner on auth.users to owner_{name} using (true);
         {}",
        password.reveal(),
        give_tables_to(&format!("owner_{name}"))
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(setup)).execute(&mut admin).await.unwrap();
    server.url_as(&format!("owner_{name}"), &password, name)
}

/// The tenant as its file would describe it.
pub(crate) fn tenant(tenant: &str, url: &Secret, mode: &str) -> Tenant {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(format!("{tenant}.toml"));
    let text = format!(
        "revision = 1\nzone = \"UTC\"\nsymbol_suffix = \"m\"\n[brand]\nname = \"B\"\n[database]\nmode = \"{mode}\"\n\
         [mail]\nfrom = \"B <a@{tenant}.example>\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let variable = format!("{}_DATABASE_URL", tenant.to_uppercase());
    load_tenant(&file, &|name| (name == variable).then(|| url.reveal().to_string())).unwrap()
}

/// The statement that makes a role the owner of all that stands in schema `public`.
pub(crate) fn give_tables_to(role: &str) -> String {
    format!(
        "do $$ declare t name; begin
           for t in select tablename from pg_tables where schemaname = 'public' loop
             execute format('alter table public.%I owner to {role}', t);
           end loop;
         end $$;"
    )
}

pub(crate) async fn open(url: &Secret) -> PgConnection {
    PgConnection::connect(url.reveal()).await.unwrap()
}

/// Runs statements of a test's own.
pub(crate) async fn run(connection: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(connection).await.unwrap();
}

pub(crate) async fn count(connection: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

/// Signs in as a page would: the role, and who the token says it is; of tenant `fxlabs`.
pub(crate) async fn sign_in(connection: &mut PgConnection, user: Uuid) {
    sign_in_to(connection, user, Some("fxlabs")).await;
}

/// The same with another tenant in the token, or none.
pub(crate) async fn sign_in_to(connection: &mut PgConnection, user: Uuid, tenant: Option<&str>) {
    run(connection, "set role authenticated").await;
    claim(connection, Some(user), tenant).await;
}

/// What the token says from here on.
pub(crate) async fn claim(connection: &mut PgConnection, user: Option<Uuid>, tenant: Option<&str>) {
    let claims = serde_json::json!({
        "sub": user, "role": "authenticated", "app_metadata": { "tenant_id": tenant },
        // What users write about themselves counts for nothing.
        "user_metadata": { "tenant_id": "fxlabs" },
    });
    sqlx::query("select set_config('request.jwt.claims', $1, false)")
        .bind(claims.to_string())
        .execute(connection)
        .await
        .unwrap();
}

/// SQLSTATE of a statement that must fail.
pub(crate) async fn refused(connection: &mut PgConnection, sql: &'static str) -> String {
    let error = sqlx::raw_sql(sql).execute(connection).await.unwrap_err();
    error.as_database_error().unwrap().code().unwrap().into_owned()
}

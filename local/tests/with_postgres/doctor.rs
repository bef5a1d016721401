//! Databases that are each broken in one way: the doctor says that, and nothing else.

use bellwether_database as migrated;
use bellwether_database::checks::{self, Rows, Session, Visitor};
use bellwether_local::postgres::Postgres;
use bellwether_local::seed::Seeded;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::{Finding, Level};
use bellwether_runtime::secret::Secret;
use bellwether_schemas::UserId;
use bellwether_schemas::time::HOUR;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};

use crate::support::{ASHA, OMAR, bare, database, name, open, run, shared_database, tenant};

/// A tenant of no other test: what becomes of its role is nobody else's.
const TENANT: &str = "doctored";

/// What breaks a database, which line says so, how it stands and in which words.
struct Broken {
    by: &'static str,
    about: &'static str,
    level: Level,
    words: &'static str,
}

const fn fault(by: &'static str, about: &'static str, words: &'static str) -> Broken {
    Broken { by, about, level: Level::Fault, words }
}

const BROKEN: [Broken; 23] = [
    fault(
        "alter table public.rsi_tracker_alerts no force row level security",
        "public.rsi_tracker_alerts",
        "does not bind the table's owner",
    ),
    fault(
        "alter table public.price_alerts disable row level security",
        "public.price_alerts",
        "row security is off",
    ),
    fault(
        "create policy all_of_them on public.alert_status for select to authenticated using (true)",
        "public.alert_status",
        "shows users more than their own rows: true",
    ),
    fault(
        "create policy ownerless on public.heatmap_tracker_alerts for select to authenticated
         using ((select auth.uid()) = user_id or user_id is null)",
        "public.heatmap_tracker_alerts",
        "more than their own rows",
    ),
    fault(
        "create policy of_all_tenants on bellwether.mail_outbox for select to bellwether_pipeline using (true)",
        "bellwether.mail_outbox",
        "shows bellwether_pipeline more than its tenant's rows",
    ),
    fault(
        "create policy everybody on public.user_events for select using ((select auth.uid()) = user_id)",
        "public.user_events",
        "is for everybody",
    ),
    fault(
        "drop policy own on public.heatmap_tracker_alerts",
        "public.heatmap_tracker_alerts",
        "no policy lets authenticated select, insert, update, delete",
    ),
    fault("grant select on public.price_alert_triggers to anon", "public.price_alert_triggers", "anon may select"),
    fault(
        "grant update (rsi_value) on public.rsi_tracker_alert_triggers to authenticated",
        "public.rsi_tracker_alert_triggers",
        "authenticated may update (rsi_value)",
    ),
    fault(
        "revoke select on public.alert_status from authenticated",
        "public.alert_status",
        "authenticated may not select",
    ),
    fault(
        "alter table public.price_alerts drop constraint bellwether_tenant",
        "public.price_alerts",
        "takes rows of any tenant",
    ),
    fault(
        "create view public.everything as select * from public.rsi_tracker_alerts",
        "public.everything",
        "by its owner's rights",
    ),
    fault("create table bellwether.extra (n int)", "bellwether.extra", "this version knows none such"),
    Broken {
        by: "create table public.theirs (n int)",
        about: "public.theirs",
        level: Level::Warn,
        words: "not our table",
    },
    fault(
        "grant execute on function bellwether.owner_tenant() to authenticated",
        "bellwether.owner_tenant()",
        "may be called by anybody",
    ),
    fault(
        "create function public.alerts_of(who uuid) returns bigint language sql security definer
         as 'select count(*) from public.price_alerts where user_id = who'",
        "public.alerts_of(who uuid)",
        "acts for its owner on tables of ours",
    ),
    fault(
        "alter table public.price_alerts disable trigger bellwether_update",
        "public.price_alerts",
        "what its users change is not noticed",
    ),
    fault(
        "delete from bellwether.schema_migration where version = '20260301001200'",
        "20260301001200",
        "the database is behind",
    ),
    fault(
        "update bellwether.schema_migration set checksum = 'another' where version = '20260301001300'",
        "20260301001300",
        "with another text than this version has",
    ),
    fault(
        "insert into bellwether.schema_migration (version) values ('20990101000000')",
        "20990101000000",
        "the database is ahead",
    ),
    fault(
        "insert into bellwether.alert_change
           (alert_id, kind, user_id, version, active, deleted, parameters, changed_at)
         values (gen_random_uuid(), 'price_alert', gen_random_uuid(), 1, true, false, '{}', now() - interval '1 hour')",
        "queue",
        "1 changes of alerts wait, the oldest for 36",
    ),
    fault(
        "insert into bellwether.auth_list (complete_at) values (now())",
        "recipients",
        "though the file says the database",
    ),
    Broken {
        by: "create publication supabase_realtime",
        about: "announce",
        level: Level::Warn,
        words: "do not hear of events by publication",
    },
];

/// A copy of that database.
async fn copy(server: &Postgres, of: &str) -> (String, Secret) {
    let name = name();
    let copy = format!("create database {name} template {of}");
    open(&server.url("postgres")).await.execute(AssertSqlSafe(copy)).await.unwrap();
    let url = server.url(&name);
    (name, url)
}

fn database_of(url: &Secret) -> String {
    url.reveal().rsplit('/').next().unwrap().split('?').next().unwrap().into()
}

/// What the doctor finds that is not as it should be. Other tests use the same server: how full it is is not looked at.
async fn found(url: &Secret, clock: &Clock) -> Vec<Finding> {
    found_of(&tenant(TENANT, url, "direct"), clock).await
}

async fn found_of(tenant: &Tenant, clock: &Clock) -> Vec<Finding> {
    let mut session = Session::of_pipeline(tenant).await.unwrap();
    let sections = checks::look(&mut session, tenant, clock).await;
    assert!(sections.iter().all(|section| !section.findings.is_empty()), "{sections:?}");
    let findings = sections.into_iter().flat_map(|section| section.findings);
    findings.filter(|finding| finding.level > Level::Ok && finding.about != "connections").collect()
}

#[tokio::test]
async fn a_database_broken_in_one_way_is_told_so_and_of_nothing_else() {
    let (server, seeded) = database(TENANT).await;
    let whole = database_of(&seeded.admin);
    let as_pipeline = |name: &str| {
        server.url_as(
            &format!("bellwether_{TENANT}"),
            &server.password_of(&format!("bellwether_{TENANT}")),
            name,
        )
    };
    assert_eq!(found(&seeded.pipeline, &Clock::system()).await, []);
    for Broken { by, about, level, words } in BROKEN {
        let (name, admin) = copy(server, &whole).await;
        open(&admin).await.execute(by).await.unwrap();
        let found = found(&as_pipeline(&name), &Clock::system()).await;
        assert_eq!(found.len(), 1, "{by}: {found:?}");
        assert_eq!((found[0].about.as_str(), found[0].level), (about, level), "{by}: {found:?}");
        assert!(found[0].found.contains(words) && found[0].advice.is_some(), "{by}: {found:?}");
    }
    let ahead = Clock::manual(Clock::system().now().plus(HOUR));
    let apart = found(&seeded.pipeline, &ahead).await;
    assert!(apart.len() == 1 && apart[0].about == "clock" && apart[0].is_fault(), "{apart:?}");
}

#[tokio::test]
async fn a_role_with_a_power_that_row_security_does_not_bind_is_told() {
    const ROLE: &str = "bellwether_mighty";
    let (_, seeded) = database("mighty").await;
    let tenant = tenant("mighty", &seeded.pipeline, "direct");
    let mut admin = open(&seeded.admin).await;
    for (power, cure, words) in [
        (
            "alter role bellwether_mighty bypassrls",
            "alter role bellwether_mighty nobypassrls",
            "bypasses row security",
        ),
        (
            "alter role bellwether_mighty createrole",
            "alter role bellwether_mighty nocreaterole",
            "may create roles",
        ),
        (
            "alter role bellwether_mighty superuser",
            "alter role bellwether_mighty nosuperuser",
            "is a superuser",
        ),
        (
            "grant authenticated to bellwether_mighty",
            "revoke authenticated from bellwether_mighty",
            "may act as authenticated",
        ),
        (
            "revoke bellwether_pipeline from bellwether_mighty",
            "grant bellwether_pipeline to bellwether_mighty",
            "is no member of bellwether_pipeline",
        ),
    ] {
        admin.execute(power).await.unwrap();
        let mut session = Session::of_pipeline(&tenant).await.unwrap();
        let sections = checks::look(&mut session, &tenant, &Clock::system()).await;
        let of_role: Vec<Finding> = sections
            .into_iter()
            .flat_map(|section| section.findings)
            .filter(|finding| finding.about == ROLE && finding.is_fault())
            .collect();
        assert!(of_role.len() == 1 && of_role[0].found.contains(words), "{power}: {of_role:?}");
        admin.execute(cure).await.unwrap();
    }
}

/// Asha's and Omar's alerts and what fired, with some of others.
async fn inhabited(admin: &mut PgConnection) {
    for user in [ASHA, OMAR] {
        for statement in [
            "insert into public.rsi_tracker_alerts (user_id) values ($1)",
            "insert into public.price_alerts (user_id, symbol, above) values ($1, 'EURUSDm', 1.2)",
            "insert into public.notification_preferences (user_id, kind) values ($1, 'all')",
        ] {
            sqlx::query(statement).bind(user).execute(&mut *admin).await.unwrap();
        }
    }
}

async fn seen(seeded: &Seeded, visitor: Visitor) -> (Vec<checks::Sight>, Vec<Finding>) {
    let mut owner = Session::of_owner(&"fxlabs".parse().unwrap(), &seeded.admin).await.unwrap();
    let sights = checks::sights(&mut owner, visitor).await.unwrap();
    let findings = checks::judge_sights(visitor, &sights);
    (sights, findings)
}

#[tokio::test]
async fn from_outside_a_user_reads_their_own_rows_by_an_index_and_anon_reads_nothing() {
    let (_, seeded) = database("fxlabs").await;
    inhabited(&mut open(&seeded.admin).await).await;
    let (sights, findings) = seen(&seeded, Visitor::User(UserId(ASHA))).await;
    assert!(findings.iter().all(|finding| finding.level == Level::Ok), "{findings:?}");
    let of = |table: &str| sights.iter().find(|sight| sight.table == table).unwrap();
    let alerts = of("public.price_alerts");
    assert_eq!(
        (alerts.rows, alerts.policies.as_slice()),
        (Some(Rows { own: 1, others: 0 }), &["own".into()][..])
    );
    assert_eq!(alerts.index.as_deref(), Some("price_alerts_user"));
    assert_eq!(of("bellwether.mail_outbox").rows, None);
    let (sights, findings) = seen(&seeded, Visitor::Anybody).await;
    assert!(sights.iter().all(|sight| sight.rows.is_none()), "{sights:?}");
    assert!(findings.iter().all(|finding| finding.level == Level::Ok), "{findings:?}");
}

#[tokio::test]
async fn from_outside_rows_of_others_are_told_with_the_policy_that_shows_them() {
    let (_, seeded) = database("fxlabs").await;
    let mut admin = open(&seeded.admin).await;
    inhabited(&mut admin).await;
    run(
        &mut admin,
        "create policy leak on public.price_alerts for select to authenticated using (user_id is not null)",
    )
    .await;
    let (_, findings) = seen(&seeded, Visitor::User(UserId(ASHA))).await;
    let faults: Vec<&Finding> = findings.iter().filter(|finding| finding.is_fault()).collect();
    assert!(faults.len() == 1 && faults[0].about == "public.price_alerts", "{findings:?}");
    assert!(faults[0].found.contains("reads 1 rows of others, by leak, own"), "{findings:?}");
    run(&mut admin, "grant select on public.price_alerts to anon; alter table public.price_alerts disable row level security")
        .await;
    let (_, findings) = seen(&seeded, Visitor::Anybody).await;
    assert!(findings.len() == 1 && findings[0].found.contains("reads 2 rows of others"), "{findings:?}");
    let rows: i64 =
        sqlx::query_scalar("select count(*) from public.price_alerts").fetch_one(&mut admin).await.unwrap();
    assert_eq!(rows, 2, "looking changes nothing");
}

#[tokio::test]
async fn a_database_that_is_away_is_said_to_be_for_a_while() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let away = tenant("fxlabs", &Secret::new(format!("postgres://a:b@127.0.0.1:{port}/c")), "direct");
    assert!(Session::of_pipeline(&away).await.unwrap_err().is_transient());
}

#[tokio::test]
async fn a_shared_database_is_known_as_one_and_told_where_it_holds_nobody() {
    let [ours, _] = shared_database(["fxlabs", "hextech"]).await;
    let shared = |shared: bool| {
        let mut tenant = tenant("fxlabs", &ours.pipeline, "direct");
        tenant.database.shared = shared;
        tenant
    };
    assert_eq!(found_of(&shared(true), &Clock::system()).await, []);
    let unsaid = found_of(&shared(false), &Clock::system()).await;
    assert!(unsaid.len() == 1 && unsaid[0].about == "shape" && unsaid[0].is_fault(), "{unsaid:?}");
    let mut admin = open(&ours.admin).await;
    for (harm, about, words) in [
        (
            "drop policy shared_users on public.price_alerts",
            "public.price_alerts",
            "holds nobody to the rows of their own tenant",
        ),
        (
            "select bellwether.reshape(); drop policy shared_processes on bellwether.mail_outbox",
            "bellwether.mail_outbox",
            "holds nobody to the rows of their own tenant",
        ),
        (
            "select bellwether.reshape();
             alter policy shared_users on public.alert_status using (tenant_id <> '') with check (tenant_id <> '')",
            "public.alert_status",
            "to no tenant",
        ),
    ] {
        run(&mut admin, harm).await;
        let found = found_of(&shared(true), &Clock::system()).await;
        assert!(found.len() == 1 && found[0].about == about && found[0].found.contains(words), "{harm}: {found:?}");
    }
}

#[tokio::test]
async fn a_database_that_is_nobodys_is_told_once() {
    let url = bare().await;
    migrated::migrate(&url).await.unwrap();
    let found = found_of(&tenant("fxlabs", &url, "direct"), &Clock::system()).await;
    let faults: Vec<&Finding> = found.iter().filter(|finding| finding.about == "shape").collect();
    assert!(faults.len() == 1 && faults[0].found.contains("nobody's yet"), "{found:?}");
    assert!(!found.iter().any(|finding| finding.found.contains("takes rows of any tenant")), "{found:?}");
}

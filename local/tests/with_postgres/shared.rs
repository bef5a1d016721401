//! A database that several tenants share: who is told apart by what, and what does not get in.

use bellwether_database::{self as database, DatabaseError, GatewayDatabase, Shape, SwitchedOff};
use bellwether_local::postgres::shared_for_tests;
use bellwether_schemas::UserId;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::alert_changes::{QUEUED, Stage};
use crate::support::{
    ANCESTOR, ASHA, MAYA, bare, claim, count, database, id, name, open, owner_of, refused, run,
    shared_database, sign_in_to, tenant,
};

async fn shape_of(admin: &mut PgConnection) -> Option<Shape> {
    database::shape(admin).await.unwrap()
}

#[tokio::test]
async fn a_database_is_one_tenants_or_several_and_never_becomes_the_other() {
    let (server, url) = (shared_for_tests().await, bare().await);
    let mut admin = open(&url).await;
    assert_eq!(shape_of(&mut admin).await, None, "before any table of ours");
    database::migrate(&url).await.unwrap();
    assert_eq!(shape_of(&mut admin).await, None, "before it is anybody's");
    let password = server.password_of("bellwether_fxlabs");
    database::init_shared(&url, &id("fxlabs"), &password).await.unwrap();
    assert_eq!(shape_of(&mut admin).await, Some(Shape::Shared));
    for tenant in ["fxlabs", "hextech"] {
        let error = database::init(&url, &id(tenant), &password).await.unwrap_err();
        assert!(matches!(error, DatabaseError::IsShared { .. }), "{error}");
    }
    database::init_shared(&url, &id("fxlabs"), &password).await.unwrap();

    let (_, dedicated) = database("fxlabs").await;
    assert_eq!(shape_of(&mut open(&dedicated.admin).await).await, Some(Shape::Dedicated));
    for tenant in ["fxlabs", "hextech"] {
        let error = database::init_shared(&dedicated.admin, &id(tenant), &password).await.unwrap_err();
        assert!(matches!(error, DatabaseError::NotShared { ref owner, .. } if owner == "fxlabs"), "{error}");
    }
    let mut admin = open(&dedicated.admin).await;
    let by_hand = "select bellwether.share('hextech', 'bellwether_hextech')";
    assert_eq!(refused(&mut admin, by_hand).await, "22023");
    let by_hand =
        "insert into bellwether.tenant_login (login, tenant_id) values ('bellwether_hextech', 'hextech')";
    assert_eq!(refused(&mut admin, by_hand).await, "23514");
}

#[tokio::test]
async fn what_a_page_saves_is_of_the_tokens_tenant_without_saying_so() {
    let [seeded, _] = shared_database(["fxlabs", "hextech"]).await;
    let mut page = open(&seeded.admin).await;
    let save = "insert into rsi_tracker_alerts (user_id) values (auth.uid())";
    for (tenant, user) in [("fxlabs", ASHA), ("hextech", MAYA)] {
        sign_in_to(&mut page, user, Some(tenant)).await;
        run(&mut page, save).await;
        run(&mut page, "insert into notification_preferences (user_id, kind) values (auth.uid(), 'all')")
            .await;
        assert_eq!(refused(&mut page, save).await, "23505", "one a user and tenant");
        let own = "select count(*) from rsi_tracker_alerts where tenant_id = auth.jwt() -> 'app_metadata' ->> 'tenant_id'";
        assert_eq!(count(&mut page, own).await, 1);
    }
    // Whoever changes tenants begins anew there, and finds what was left behind on coming back.
    sign_in_to(&mut page, ASHA, Some("hextech")).await;
    assert_eq!(count(&mut page, "select count(*) from rsi_tracker_alerts").await, 0);
    run(&mut page, save).await;
    sign_in_to(&mut page, ASHA, Some("fxlabs")).await;
    assert_eq!(count(&mut page, "select count(*) from rsi_tracker_alerts").await, 1);

    for statement in [
        "insert into price_alerts (tenant_id, user_id, symbol, above) values ('hextech', auth.uid(), 'EURUSD', 1)",
        "update rsi_tracker_alerts set tenant_id = 'hextech'",
        "insert into notification_preferences (tenant_id, user_id, kind) values ('hextech', auth.uid(), 'all')",
    ] {
        assert_eq!(refused(&mut page, statement).await, "42501", "{statement}");
    }
    claim(&mut page, Some(ASHA), None).await;
    assert_eq!(
        refused(&mut page, "insert into price_alerts (user_id, symbol, above) values (auth.uid(), 'E', 1)")
            .await,
        "42501"
    );
    run(&mut page, "reset role").await;
    let kept = "select count(*) from bellwether.alert_change where tenant_id = 'hextech'";
    assert_eq!(count(&mut page, kept).await, 2, "the queue of each tenant has its own");
}

async fn told(connection: &mut PgConnection, tenant: &str) -> Vec<String> {
    let set = "select set_config('app.tenant_id', $1, false)";
    sqlx::query(set).bind(tenant).execute(&mut *connection).await.unwrap();
    let emails = "select email from bellwether.recipients order by 1";
    sqlx::query_scalar(emails).fetch_all(connection).await.unwrap()
}

#[tokio::test]
async fn mail_goes_to_those_whom_auth_says_to_be_the_tenants_users() {
    let both = shared_database(["fxlabs", "hextech"]).await;
    let mut pipelines = [open(&both[0].pipeline).await, open(&both[1].pipeline).await];
    for (pipeline, tenant, expected) in [
        (0, "fxlabs", &["asha@example.test"][..]),
        (1, "hextech", &["maya@example.test"]),
        (0, "hextech", &[]),
        (1, "fxlabs", &[]),
    ] {
        assert_eq!(told(&mut pipelines[pipeline], tenant).await, expected, "{pipeline} as {tenant}");
    }
    // A list of Auth's that has somebody else's user, too.
    told(&mut pipelines[0], "fxlabs").await;
    run(
        &mut pipelines[0],
        "insert into bellwether.auth_list (tenant_id, complete_at) values ('fxlabs', now());
         insert into bellwether.auth_recipient (tenant_id, user_id, email) values
           ('fxlabs', '00000000-0000-4000-8000-000000000003', 'maya@example.test'),
           ('fxlabs', '00000000-0000-4000-8000-000000000002', 'omar@example.test')",
    )
    .await;
    assert_eq!(told(&mut pipelines[0], "fxlabs").await, ["omar@example.test"]);
    assert_eq!(told(&mut pipelines[1], "hextech").await, ["maya@example.test"], "the other has no list");
    let mut admin = open(&both[0].admin).await;
    let users =
        "update auth.users set raw_user_meta_data = '{\"tenant_id\": \"hextech\"}', raw_app_meta_data = '{}'";
    run(&mut admin, users).await;
    assert!(
        told(&mut pipelines[1], "hextech").await.is_empty(),
        "what users say of themselves counts for nothing"
    );
}

#[tokio::test]
async fn a_bounce_is_noted_by_the_gateway_for_the_tenant_it_logs_in_for() {
    let both = shared_database(["fxlabs", "hextech"]).await;
    let mut admin = open(&both[0].admin).await;
    run(
        &mut admin,
        "insert into bellwether.mail_outbox (tenant_id, occurrence, kind, user_id, recipient, message_id)
         select t, 'o', 'test', gen_random_uuid(), 'a@example.test', '<o@x.example>' from unnest(array['fxlabs', 'hextech']) t",
    )
    .await;
    let mut gateway = open(&both[0].gateway).await;
    let bounce = "select bellwether.bounced('r', '<o@x.example>', array['a@example.test'], 'suppress', 'bounced', 'a test')";
    run(&mut gateway, "set app.tenant_id = 'hextech'").await;
    assert_eq!(refused(&mut gateway, bounce).await, "22023");
    run(&mut gateway, "set app.tenant_id = 'fxlabs'").await;
    run(&mut gateway, bounce).await;
    let suppressed: Vec<String> = sqlx::query_scalar("select tenant_id from bellwether.mail_suppression")
        .fetch_all(&mut admin)
        .await
        .unwrap();
    assert_eq!(suppressed, ["fxlabs"]);
}

#[tokio::test]
async fn rows_from_before_us_are_their_users_tenants_and_nobodys_stay_so() {
    let url = bare().await;
    let mut admin = open(&url).await;
    run(&mut admin, ANCESTOR).await;
    let users: Vec<Uuid> =
        sqlx::query_scalar("select id from auth.users order by id").fetch_all(&mut admin).await.unwrap();
    for (place, user) in users.iter().enumerate() {
        let tenant = [Some("fxlabs"), Some("hextech"), None][place % 3];
        let set = "update auth.users set raw_app_meta_data = jsonb_build_object('tenant_id', $2::text) where id = $1";
        sqlx::query(set).bind(user).bind(tenant).execute(&mut admin).await.unwrap();
    }
    database::migrate(&url).await.unwrap();
    for tenant in ["fxlabs", "hextech"] {
        let password = shared_for_tests().await.password_of(&format!("bellwether_{tenant}"));
        database::init_shared(&url, &id(tenant), &password).await.unwrap();
    }
    for table in
        ["rsi_tracker_alerts", "rsi_tracker_alert_triggers", "heatmap_tracker_alerts", "alert_status"]
    {
        let strays = format!(
            "select count(*) from {table} r join auth.users u on u.id = r.user_id
             where r.tenant_id <> coalesce(u.raw_app_meta_data ->> 'tenant_id', '')"
        );
        let strays: i64 = sqlx::query_scalar(AssertSqlSafe(strays)).fetch_one(&mut admin).await.unwrap();
        assert_eq!(strays, 0, "{table}");
        let tenants = format!("select count(distinct tenant_id) from {table}");
        let tenants: i64 = sqlx::query_scalar(AssertSqlSafe(tenants)).fetch_one(&mut admin).await.unwrap();
        assert!(tenants > 1, "{table}: the sample has rows of several tenants");
    }
    let nobodys =
        "select count(*) from bellwether.quarantine where tenant_id <> '' and content ->> 'user_id' is null";
    assert_eq!(count(&mut admin, nobodys).await, 0);
    let versions = "select count(*) from bellwether.alert_change";
    assert_eq!(count(&mut admin, versions).await, 0, "nothing changed for anybody");
}

#[tokio::test]
async fn a_table_that_comes_later_is_shared_in_the_same_way() {
    let [seeded, other] = shared_database(["fxlabs", "hextech"]).await;
    let mut admin = open(&seeded.admin).await;
    run(&mut admin, include_str!("made_up.sql")).await;
    run(&mut admin, "select bellwether.reshape(); select bellwether.reshape()").await;
    let amiss = database::check(&seeded.admin).await.unwrap();
    assert!(amiss.iter().all(|finding| finding.found.contains("this version knows none such")), "{amiss:?}");
    sign_in_to(&mut admin, ASHA, Some("fxlabs")).await;
    run(&mut admin, "insert into made_up_alerts (user_id) values (auth.uid())").await;
    sign_in_to(&mut admin, ASHA, Some("hextech")).await;
    assert_eq!(count(&mut admin, "select count(*) from made_up_alerts").await, 0);
    run(&mut admin, "insert into made_up_alerts (user_id) values (auth.uid())").await;
    let mut pipeline = open(&other.pipeline).await;
    run(&mut pipeline, "set app.tenant_id = 'fxlabs'").await;
    assert_eq!(count(&mut pipeline, "select count(*) from made_up_alerts").await, 0);
    run(&mut pipeline, "set app.tenant_id = 'hextech'").await;
    assert_eq!(count(&mut pipeline, "select count(*) from made_up_alerts").await, 1);
}

#[tokio::test]
async fn a_role_is_one_tenants_for_good_and_no_process_says_otherwise() {
    let [seeded, _] = shared_database(["fxlabs", "hextech"]).await;
    let mut pipeline = open(&seeded.pipeline).await;
    run(&mut pipeline, "set app.tenant_id = 'fxlabs'").await;
    for statement in [
        "update bellwether.tenant_login set tenant_id = 'hextech'",
        "insert into bellwether.tenant_login (login, tenant_id) values ('bellwether_fxlabs', 'hextech')",
        "delete from bellwether.tenant_login",
        "select bellwether.share('hextech', 'bellwether_fxlabs')",
        "set session authorization bellwether_hextech",
        "set role bellwether_hextech",
    ] {
        assert_eq!(refused(&mut pipeline, statement).await, "42501", "{statement}");
    }
    let mut admin = open(&seeded.admin).await;
    run(&mut admin, "select bellwether.share('hextech', 'bellwether_fxlabs')").await;
    let pinned = "select count(*) from bellwether.tenant_login where login = 'bellwether_fxlabs' and tenant_id = 'fxlabs'";
    assert_eq!(count(&mut admin, pinned).await, 1, "a slip of the owner's moves no role");
}

#[tokio::test]
async fn an_owner_that_row_security_binds_shares_a_database_too() {
    let (server, name) = (shared_for_tests().await, name());
    let owner = owner_of(&name).await;
    database::migrate(&owner).await.unwrap();
    let password = server.password_of("bellwether_meek");
    let role = database::init_shared(&owner, &id("meek"), &password).await.unwrap();
    let mut pipeline = open(&server.url_as(&role, &password, &name)).await;
    run(&mut pipeline, "set app.tenant_id = 'meek'; insert into bellwether.sink_cursor (tenant_id, sink) values ('meek', 'rows')").await;
    let mut admin = open(&server.url(&name)).await;
    run(
        &mut admin,
        "update auth.users set raw_app_meta_data = '{\"tenant_id\": \"meek\"}', email_confirmed_at = now()",
    )
    .await;
    database::init_shared(&owner, &id("meek"), &password).await.unwrap();
    let given = "select count(*) from rsi_tracker_alerts where tenant_id = 'meek'";
    assert!(count(&mut pipeline, given).await > 0);
    assert!(count(&mut pipeline, "select count(*) from bellwether.recipients").await > 0);
    sign_in_to(&mut admin, ASHA, Some("meek")).await;
    run(&mut admin, "delete from rsi_tracker_alerts").await;
    assert_eq!(count(&mut pipeline, "select count(*) from bellwether.alert_change where deleted").await, 1);
}

#[tokio::test]
async fn a_link_in_a_mail_switches_mails_off_at_its_own_tenant_and_at_no_other() {
    let both = shared_database(["fxlabs", "hextech"]).await;
    let gateway = async |of: &str| {
        let mut tenant = tenant(of, &both[0].pipeline, "direct");
        tenant.database.gateway_url = Some(both[0].gateway.clone());
        GatewayDatabase::open(&tenant).await.unwrap()
    };
    let (ours, as_another) = (gateway("fxlabs").await, gateway("hextech").await);
    assert_eq!(ours.switch_off(UserId(ASHA), "digest").await.unwrap(), SwitchedOff::Done);
    assert!(as_another.switch_off(UserId(MAYA), "digest").await.is_err(), "the role is the first tenant's");
    let mut admin = open(&both[0].admin).await;
    let stored = "select count(*) from notification_preferences where tenant_id = 'fxlabs' and not email";
    assert_eq!(count(&mut admin, stored).await, 1);
    assert_eq!(count(&mut admin, "select count(*) from notification_preferences").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_saves_is_in_the_journal_of_that_users_tenant_and_in_no_other() {
    let both = shared_database(["fxlabs", "hextech"]).await;
    let stage =
        |of: &str, at: usize| Stage::on(tenant(of, &both[at].pipeline, "direct"), both[at].admin.clone());
    let (mut ours, mut theirs) = (stage("fxlabs", 0), stage("hextech", 1));
    ours.start();
    theirs.start();
    let mut page = open(&both[0].admin).await;
    for (tenant, user) in [("fxlabs", ASHA), ("hextech", MAYA)] {
        sign_in_to(&mut page, user, Some(tenant)).await;
        run(&mut page, "insert into rsi_tracker_alerts (user_id, timeframe) values (auth.uid(), '5M')").await;
    }
    ours.journal_has("the alert", |change| change.version == 1).await;
    ours.database_has(QUEUED, 0).await;
    for (stage, user) in [(&mut ours, ASHA), (&mut theirs, MAYA)] {
        stage.stop().await;
        let users: Vec<Uuid> = stage.published().iter().map(|change| change.user_id.0).collect();
        assert_eq!(users, [user]);
    }
}

//! The line to the browser in the database: numbers without holes, who may see and write it, what is removed of it, and
//! how pages hear of it.

use std::time::Duration;

use bellwether_database::tables::alert_status::{self, Standing};
use bellwether_database::tables::alerts::AlertRow;
use bellwether_database::tables::retention;
use bellwether_database::tables::user_events::{self, Event};
use bellwether_database::{self as database, Statements, begin, connect};
use bellwether_local::postgres::shared_for_tests;
use bellwether_local::samples;
use bellwether_local::seed::Seeded;
use bellwether_runtime::config::{Announce, Tenant};
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{AlertId, UserId};
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::types::JsonValue;
use sqlx::{AssertSqlSafe, Executor};
use uuid::Uuid;

use crate::support::{
    ASHA, OMAR, Owned, bare, count, database, id, open, owned, refused, run, sign_in, tenant,
};

/// What a user is told of the trigger with that number.
pub(crate) fn event(user: Uuid, number: u16) -> Event {
    let kind = AlertKind::ALL[usize::from(number) % AlertKind::ALL.len()];
    Event::of(&Outcome::Fired(samples::trigger(&id("fxlabs"), kind, AlertId(user), UserId(user), number)))
}

/// A database with its pipeline's connections.
pub(crate) struct Line {
    pub(crate) seeded: Seeded,
    pub(crate) tenant: Tenant,
    pub(crate) pool: PgPool,
}

impl Line {
    pub(crate) async fn new() -> Self {
        let (_, seeded) = database("fxlabs").await;
        Self::of("fxlabs", seeded).await
    }

    async fn of(id: &str, seeded: Seeded) -> Self {
        let tenant = tenant(id, &seeded.pipeline, "direct");
        let pool = connect(&tenant).await.unwrap();
        Self { seeded, tenant, pool }
    }

    pub(crate) async fn append(&self, events: &[Event]) {
        let mut transaction = begin(&self.pool, &self.tenant.id).await.unwrap();
        user_events::append(&mut transaction, Statements::of(&self.tenant), events).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// As many events of both users, and then this many days pass.
    async fn append_and_wait(&self, many: u16, days: u16) {
        let events: Vec<Event> =
            (0..many).flat_map(|number| [event(ASHA, number), event(OMAR, number)]).collect();
        self.append(&events).await;
        let mut admin = open(&self.seeded.admin).await;
        let pass = format!("update user_events set at = at - interval '{days} days'");
        admin.execute(AssertSqlSafe(pass)).await.unwrap();
    }

    async fn retire(&self, days: u64, most: u32) -> sqlx::Result<u64> {
        let mut transaction = begin(&self.pool, &self.tenant.id).await.unwrap();
        let gone =
            retention::retire(&mut transaction, user_events::NAME, Duration::from_secs(days * 86_400), most)
                .await?;
        transaction.commit().await.map(|()| gone)
    }

    /// The user's first and next number, and the numbers of the events that are there.
    async fn stands(&self, user: Uuid) -> (i64, i64, Vec<i64>) {
        let mut page = open(&self.seeded.admin).await;
        sign_in(&mut page, user).await;
        let lines =
            "select first_seq, next_seq, array(select seq from user_events order by seq) from user_line";
        sqlx::query_as(lines).fetch_one(&mut page).await.unwrap()
    }
}

#[tokio::test]
async fn numbers_go_on_from_batch_to_batch_for_each_user_alone() {
    let line = Line::new().await;
    line.append(&[event(OMAR, 1), event(ASHA, 2), event(OMAR, 3)]).await;
    line.append(&[event(ASHA, 4)]).await;
    line.append(&[event(ASHA, 5), event(OMAR, 6), event(ASHA, 7)]).await;
    assert_eq!(line.stands(ASHA).await, (1, 5, vec![1, 2, 3, 4]));
    assert_eq!(line.stands(OMAR).await, (1, 4, vec![1, 2, 3]));
    let mut page = open(&line.seeded.admin).await;
    sign_in(&mut page, ASHA).await;
    let told: Vec<(String, Uuid, JsonValue)> =
        sqlx::query_as("select kind, trigger_id, payload from user_events order by seq")
            .fetch_all(&mut page)
            .await
            .unwrap();
    for ((kind, trigger_id, payload), number) in told.into_iter().zip([2, 4, 5, 7]) {
        let expected = event(ASHA, number);
        assert_eq!((kind, Some(trigger_id)), (expected.kind, expected.trigger_id.map(|id| id.0)));
        assert_eq!(payload, expected.payload.parse::<JsonValue>().unwrap());
    }
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_gives_its_numbers_back() {
    let line = Line::new().await;
    line.append(&[event(ASHA, 1)]).await;
    let mut transaction = begin(&line.pool, &line.tenant.id).await.unwrap();
    let statements = Statements::of(&line.tenant);
    user_events::append(&mut transaction, statements, &[event(ASHA, 2), event(OMAR, 2)]).await.unwrap();
    transaction.rollback().await.unwrap();
    line.append(&[event(ASHA, 3)]).await;
    assert_eq!(line.stands(ASHA).await, (1, 3, vec![1, 2]));
}

#[tokio::test]
async fn what_the_alert_producer_tells_is_in_the_line_once() {
    let line = Line::new().await;
    let row = |version| AlertRow {
        alert_id: ASHA,
        kind: "heatmap_tracker".into(),
        user_id: ASHA,
        version,
        active: true,
        deleted: false,
        parameters: JsonValue::Null,
    };
    let refused = Standing::Refused("pairs has 4 symbols".into());
    for (version, standing) in [(1, &refused), (1, &refused), (2, &Standing::Inactive), (1, &refused)] {
        let mut transaction = begin(&line.pool, &line.tenant.id).await.unwrap();
        let statements = Statements::of(&line.tenant);
        alert_status::tell(&mut transaction, statements, &[(row(version), standing.clone())]).await.unwrap();
        transaction.commit().await.unwrap();
    }
    let mut admin = open(&line.seeded.admin).await;
    let told: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', seq, type, kind, payload ->> 'version', payload ->> 'state', payload ->> 'reason')
         from user_events where (payload ->> 'effective_at')::timestamptz = at order by seq",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    let expected =
        ["1 status heatmap_tracker 1 refused pairs has 4 symbols", "2 status heatmap_tracker 2 inactive"];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn users_read_their_own_line_and_nobody_changes_an_event() {
    let line = Line::new().await;
    line.append(&[event(ASHA, 1), event(OMAR, 1), event(ASHA, 2)]).await;
    let mut page = open(&line.seeded.admin).await;
    sign_in(&mut page, ASHA).await;
    assert_eq!(count(&mut page, "select count(*) from user_events").await, 2);
    assert_eq!(count(&mut page, "select count(*) from user_line").await, 1);
    let writes = [
        "insert into user_events select * from user_events",
        "update user_events set payload = '{}'",
        "delete from user_events",
        "truncate user_events",
        "insert into user_line select * from user_line",
        "update user_line set first_seq = 1",
        "delete from user_line",
        "select bellwether.retire('user_events', now() - interval '31 days', 1)",
        "select bellwether.announce('none')",
    ];
    for statement in writes {
        assert_eq!(refused(&mut page, statement).await, "42501", "{statement}");
    }
    run(&mut page, "select set_config('request.jwt.claims', '', false)").await;
    assert_eq!(count(&mut page, "select count(*) from user_events").await, 0, "without claims");
    assert_eq!(count(&mut page, "select count(*) from user_line").await, 0, "without claims");
    run(&mut page, "reset role; set role anon").await;
    for statement in writes.into_iter().chain(["select * from user_events", "select * from user_line"]) {
        assert_eq!(refused(&mut page, statement).await, "42501", "{statement}");
    }
    let mut pipeline = open(&line.seeded.pipeline).await;
    run(&mut pipeline, "set app.tenant_id = 'fxlabs'").await;
    for statement in [
        "select * from user_events",
        "update user_events set payload = '{}'",
        "delete from user_events",
        "delete from user_line",
        "truncate user_line cascade",
    ] {
        assert_eq!(refused(&mut pipeline, statement).await, "42501", "{statement}");
    }
}

#[tokio::test]
async fn a_pipeline_writes_no_line_of_another_tenant() {
    let line = Line::new().await;
    line.append(&[event(ASHA, 1)]).await;
    let mut pipeline = open(&line.seeded.pipeline).await;
    run(&mut pipeline, "set app.tenant_id = 'hextech'").await;
    let event = "insert into user_events (tenant_id, user_id, seq, type, kind, alert_id, payload)
        values ('fxlabs', '00000000-0000-4000-8000-000000000001', 2, 'status', 'a', gen_random_uuid(), '{}')";
    assert_eq!(refused(&mut pipeline, event).await, "42501");
    let own = "insert into user_line (tenant_id, user_id) values ('fxlabs', '00000000-0000-4000-8000-000000000002')";
    assert_eq!(refused(&mut pipeline, own).await, "42501");
    assert_eq!(count(&mut pipeline, "select count(*) from user_line").await, 0);
    let retired =
        count(&mut pipeline, "select bellwether.retire('user_events', now() - interval '31 days', 9)");
    assert_eq!(retired.await, 0);
    let foreign = "insert into user_line (tenant_id, user_id) values ('hextech', '00000000-0000-4000-8000-000000000002')";
    assert_eq!(refused(&mut pipeline, foreign).await, "23514", "the database is one tenant's");
}

#[tokio::test]
async fn a_users_events_are_sought_by_number_not_searched_for() {
    let line = Line::new().await;
    let events: Vec<Event> =
        (0..2_000).map(|number| event([ASHA, OMAR][usize::from(number) % 2], number)).collect();
    line.append(&events).await;
    let mut page = open(&line.seeded.admin).await;
    run(&mut page, "analyze user_events").await;
    sign_in(&mut page, ASHA).await;
    let plan = "explain select * from user_events where seq > 900 order by seq limit 500";
    let plan: Vec<String> = sqlx::query_scalar(plan).fetch_all(&mut page).await.unwrap();
    let plan = plan.join("\n");
    let parts = ["Index Cond", "tenant_id =", "user_id =", "seq > 900"];
    assert!(plan.lines().any(|line| parts.iter().all(|part| line.contains(part))), "{plan}");
}

#[tokio::test]
async fn a_deleted_user_takes_the_line_along() {
    let line = Line::new().await;
    line.append(&[event(ASHA, 1), event(OMAR, 1)]).await;
    let mut admin = open(&line.seeded.admin).await;
    run(&mut admin, "delete from auth.users where id = '00000000-0000-4000-8000-000000000001'").await;
    assert_eq!(count(&mut admin, "select count(*) from user_events").await, 1);
    assert_eq!(count(&mut admin, "select count(*) from user_line").await, 1);
}

#[tokio::test]
async fn nothing_younger_than_30_days_is_retired() {
    let line = Line::new().await;
    line.append_and_wait(3, 29).await;
    let error = line.retire(29, 100).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().unwrap(), "22023");
    assert_eq!(line.retire(30, 100).await.unwrap(), 0);
    assert_eq!(line.stands(ASHA).await, (1, 4, vec![1, 2, 3]));
    let other = "select bellwether.retire('alert_status', now() - interval '31 days', 1)";
    let mut pipeline = open(&line.seeded.pipeline).await;
    assert_eq!(refused(&mut pipeline, other).await, "22023");
}

#[tokio::test]
async fn lines_are_retired_from_their_front_so_much_at_once_and_say_where_they_begin() {
    let line = Line::new().await;
    line.append_and_wait(4, 20).await;
    line.append_and_wait(3, 25).await;
    line.append(&[event(ASHA, 9)]).await;
    // Four of each are 45 days old, three 25, and one of Asha's is new.
    assert_eq!(line.retire(40, 5).await.unwrap(), 5);
    assert_eq!(line.stands(ASHA).await, (5, 9, vec![5, 6, 7, 8]));
    assert_eq!(line.stands(OMAR).await, (2, 8, vec![2, 3, 4, 5, 6, 7]));
    assert_eq!(line.retire(40, 5).await.unwrap(), 3);
    assert_eq!(line.retire(40, 5).await.unwrap(), 0);
    assert_eq!(line.stands(OMAR).await, (5, 8, vec![5, 6, 7]));
    line.append(&[event(OMAR, 9)]).await;
    assert_eq!(
        line.stands(OMAR).await,
        (5, 9, vec![5, 6, 7, 8]),
        "the next number is as if nothing had gone"
    );
}

#[tokio::test]
async fn a_line_that_is_retired_whole_goes_on_counting() {
    let line = Line::new().await;
    line.append_and_wait(2, 31).await;
    assert_eq!(line.retire(30, 100).await.unwrap(), 4);
    assert_eq!(line.stands(ASHA).await, (3, 3, vec![]));
    line.append(&[event(ASHA, 9)]).await;
    assert_eq!(line.stands(ASHA).await, (3, 4, vec![3]));
}

#[tokio::test]
async fn an_owner_that_row_security_binds_retires_too() {
    let Owned { seeded, .. } = owned("lowlier").await;
    let line = Line::of("lowlier", seeded).await;
    line.append_and_wait(2, 31).await;
    assert_eq!(line.retire(30, 3).await.unwrap(), 3);
    assert_eq!(line.stands(ASHA).await, (3, 3, vec![]));
    assert_eq!(line.stands(OMAR).await, (2, 3, vec![2]));
}

async fn published(admin: &mut PgConnection) -> i64 {
    count(admin, "select count(*) from pg_publication_tables where pubname = 'supabase_realtime' and tablename = 'user_events'")
        .await
}

#[tokio::test]
async fn where_supabases_publication_is_the_table_joins_it_and_leaves_it_when_told() {
    let url = bare().await;
    let mut admin = open(&url).await;
    run(&mut admin, "create publication supabase_realtime").await;
    database::migrate(&url).await.unwrap();
    database::init(&url, &id("fxlabs"), &shared_for_tests().await.password_of("bellwether_fxlabs"))
        .await
        .unwrap();
    assert_eq!(published(&mut admin).await, 1);
    for (how, done, expected) in
        [(Announce::None, true, 0), (Announce::Publication, true, 1), (Announce::Broadcast, false, 0)]
    {
        for _ in 0..2 {
            assert_eq!(database::announce(&url, how).await.unwrap(), done);
            assert_eq!(published(&mut admin).await, expected, "{how:?}");
        }
    }
    run(&mut admin, "drop publication supabase_realtime").await;
    assert!(!database::announce(&url, Announce::Publication).await.unwrap());
    run(&mut admin, "create publication supabase_realtime for all tables").await;
    assert!(database::announce(&url, Announce::Publication).await.unwrap());
}

/// As much of Supabase's schema as announcing touches; what was announced is kept.
const REALTIME: &str = "
    create schema realtime;
    create table realtime.messages (id bigserial, topic text, payload jsonb);
    alter table realtime.messages enable row level security;
    create function realtime.topic() returns text language sql stable
      as $$ select nullif(current_setting('realtime.topic', true), '') $$;
    create function realtime.broadcast_changes(topic_name text, event_name text, operation text, table_name text,
      table_schema text, new record, old record, level text default 'ROW') returns void language plpgsql as $$
    begin
      if topic_name like '%2' then raise exception 'no'; end if;
      insert into realtime.messages (topic, payload) values (topic_name, to_jsonb(new));
    end $$;
    grant usage on schema realtime to authenticated;
    grant select on realtime.messages to authenticated";

#[tokio::test]
async fn each_user_is_told_the_newest_of_a_batch_where_broadcasting_is_asked_for() {
    let line = Line::new().await;
    let mut admin = open(&line.seeded.admin).await;
    run(&mut admin, REALTIME).await;
    line.append(&[event(ASHA, 1)]).await;
    assert!(database::announce(&line.seeded.admin, Announce::Broadcast).await.unwrap());
    // Hints to Omar fail; his events are there all the same.
    line.append(&[event(ASHA, 2), event(OMAR, 2), event(ASHA, 3)]).await;
    let told: Vec<String> =
        sqlx::query_scalar("select topic || ' ' || (payload ->> 'seq') from realtime.messages")
            .fetch_all(&mut admin)
            .await
            .unwrap();
    assert_eq!(told, [format!("user_events:{ASHA} 3")]);
    assert_eq!(line.stands(OMAR).await, (1, 2, vec![1]));

    sign_in(&mut admin, ASHA).await;
    let heard = "select count(*) from realtime.messages";
    run(&mut admin, "set realtime.topic = 'user_events:00000000-0000-4000-8000-000000000001'").await;
    assert_eq!(count(&mut admin, heard).await, 1);
    run(&mut admin, "set realtime.topic = 'user_events:00000000-0000-4000-8000-000000000002'").await;
    assert_eq!(count(&mut admin, heard).await, 0, "nobody listens to another's channel");

    assert!(database::announce(&line.seeded.admin, Announce::None).await.unwrap());
    line.append(&[event(ASHA, 4)]).await;
    run(&mut admin, "reset role").await;
    assert_eq!(count(&mut admin, heard).await, 1);
}

//! What the gateway may do: it is reached by everybody, so it switches mails off and notes bounces, and nothing else.

use bellwether_database::{GatewayDatabase, SwitchedOff};
use bellwether_schemas::UserId;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::kinds::rows;
use crate::rights::{DENIED, Does, does};
use crate::rights_of_others::furnished;
use crate::support::{ASHA, OMAR, Owned, open, owned, run, sign_in, tenant};
use Does::{Fails, Touches};

/// A switch in Asha's or Omar's hands, put there by the gateway.
fn switch(user: Uuid, kind: &str, email: bool, then: &str) -> String {
    format!(
        "insert into notification_preferences (tenant_id, user_id, kind, email)
         values ('fxlabs', '{user}', '{kind}', {email}) {then}"
    )
}

/// A bounce of a mail that is there, or of none.
fn bounce(function: &str, recipient: &str) -> String {
    format!(
        "select bellwether.{function}('r', '<o@x.example>', array['{recipient}'], 'suppress', 'bounced', 'a test')"
    )
}

#[tokio::test]
async fn a_bounce_is_noted_by_owners_without_power_for_the_connections_own_tenant_and_by_nobody_else() {
    let Owned { seeded, .. } = owned("fxlabs").await;
    let mut admin = open(&seeded.admin).await;
    run(
        &mut admin,
        "insert into bellwether.mail_outbox (occurrence, kind, user_id, recipient, message_id)
         values ('o', 'test', gen_random_uuid(), 'a@example.test', '<o@x.example>')",
    )
    .await;
    let mut gateway = open(&seeded.gateway).await;
    for (tenant, recipient, expected) in [
        ("hextech", "a@example.test", "unknown"),
        ("fxlabs", "b@example.test", "unknown"),
        ("fxlabs", "A@example.test", "suppressed"),
        ("fxlabs", "a@example.test", "repeated"),
    ] {
        let set = "select set_config('app.tenant_id', $1, false)";
        sqlx::query(set).bind(tenant).execute(&mut gateway).await.unwrap();
        let done: String = sqlx::query_scalar(AssertSqlSafe(bounce("bounced", recipient)))
            .fetch_one(&mut gateway)
            .await
            .unwrap();
        assert_eq!(done, expected, "{tenant} {recipient}");
    }
    assert_eq!(rows(&mut admin, "bellwether.mail_suppression").await, 1);
    let mut page = open(&seeded.admin).await;
    sign_in(&mut page, ASHA).await;
    assert_eq!(does(&mut page, &bounce("bounced", "a@example.test")).await, DENIED.result());
    let mut pipeline = open(&seeded.pipeline).await;
    assert_eq!(does(&mut pipeline, &bounce("bounced", "a@example.test")).await, DENIED.result());
}

#[tokio::test]
async fn the_gateway_switches_mails_off_and_can_do_nothing_else() {
    let seeded = furnished().await;
    let mut gateway = open(&seeded.gateway).await;
    let off = "on conflict (tenant_id, user_id, kind) do update set email = false";
    let read = |columns: &str| format!("select {columns} from notification_preferences");
    for (tenant, statement, expected) in [
        ("fxlabs", switch(ASHA, "digest", false, off), Touches(1)),
        ("fxlabs", switch(ASHA, "all", false, off), Touches(1)),
        ("fxlabs", switch(ASHA, "digest", true, off), DENIED),
        ("fxlabs", switch(ASHA, "all", false, &off.replace("false", "true")), DENIED),
        ("fxlabs", "update notification_preferences set email = true".into(), DENIED),
        ("fxlabs", "update notification_preferences set digest = true".into(), DENIED),
        ("fxlabs", format!("update notification_preferences set user_id = '{OMAR}'"), DENIED),
        ("fxlabs", switch(Uuid::nil(), "digest", false, off), Fails("23503")),
        ("fxlabs", read("user_id, kind"), Touches(2)),
        ("fxlabs", read("email"), DENIED),
        ("fxlabs", read("quiet_from"), DENIED),
        ("hextech", read("user_id, kind"), Touches(0)),
        ("hextech", switch(ASHA, "digest", false, off), DENIED),
        ("fxlabs", "select bellwether.retire('user_events', 'epoch', 1)".into(), DENIED),
        ("fxlabs", bounce("bounced", "a@example.test"), Touches(1)),
        ("fxlabs", bounce("note_bounce", "a@example.test"), DENIED),
        ("fxlabs", "select * from bellwether.recipients".into(), DENIED),
        ("fxlabs", "select * from auth.users".into(), DENIED),
        ("fxlabs", "set role bellwether_pipeline".into(), DENIED),
        ("fxlabs", "create table public.mine ()".into(), DENIED),
        ("fxlabs", "create table bellwether.mine ()".into(), DENIED),
    ] {
        let set = "select set_config('app.tenant_id', $1, false)";
        sqlx::query(set).bind(tenant).execute(&mut gateway).await.unwrap();
        assert_eq!(does(&mut gateway, &statement).await, expected.result(), "{tenant}: {statement}");
    }
}

#[tokio::test]
async fn the_gateway_takes_its_own_role_and_no_other() {
    let seeded = furnished().await;
    let mut tenant = tenant("fxlabs", &seeded.pipeline, "direct");
    for (url, power) in
        [(&seeded.pipeline, "may read mails"), (&seeded.admin, "is a superuser"), (&seeded.gateway, "")]
    {
        tenant.database.gateway_url = Some(url.clone());
        match GatewayDatabase::open(&tenant).await {
            Ok(database) => {
                assert_eq!(power, "");
                let asha = UserId(ASHA);
                assert_eq!(database.switch_off(asha, "digest").await.unwrap(), SwitchedOff::Done);
                let nobody = UserId(Uuid::nil());
                assert_eq!(database.switch_off(nobody, "digest").await.unwrap(), SwitchedOff::NoUser);
            }
            Err(error) => assert!(!power.is_empty() && error.to_string().contains(power), "{error}"),
        }
    }
}

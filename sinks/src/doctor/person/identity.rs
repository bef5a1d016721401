//! Whether there is such a user, and whether mail may go to them.

use bellwether_database::checks::{Session, ask};
use bellwether_runtime::finding::Finding;
use bellwether_schemas::UserId;

use super::{Inquiry, without_addresses};

const ABOUT: &str = "user";

/// What Auth knows of a user, without their address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
struct InAuth {
    confirmed: bool,
    banned: bool,
    deleted: bool,
    anonymous: bool,
    addressed: bool,
    /// The database is shared, and Auth says of the user that they are another tenant's, or nobody's.
    elsewhere: bool,
}

pub(super) async fn look(inquiry: &mut Inquiry<'_>) -> sqlx::Result<Vec<Finding>> {
    let (may_get, forgotten, suppressed) = reachable(inquiry).await?;
    if forgotten {
        let advice = "that ends when they save an alert again";
        return Ok(vec![Finding::fault(
            ABOUT,
            "was forgotten at somebody's wish: nothing is written of them",
            advice,
        )]);
    }
    if let Some(reason) = suppressed {
        let found = format!("nothing is sent to their address any more: {}", without_addresses(&reason));
        let advice = "once it works again, take it out of bellwether.mail_suppression";
        return Ok(vec![Finding::fault(ABOUT, found, advice)]);
    }
    if may_get {
        return Ok(vec![Finding::ok(ABOUT, "has a confirmed address, and mail may go there")]);
    }
    let user = inquiry.user;
    let Some(owner) = inquiry.owner.as_deref_mut() else {
        let found = "is not among those who may get mail: unknown, not confirmed, banned or deleted";
        return Ok(vec![Finding::fault(ABOUT, found, "set <TENANT>_ADMIN_DATABASE_URL to learn which")]);
    };
    let in_auth = in_auth(owner, user).await?;
    Ok(vec![judge(in_auth)])
}

/// Whether mail may go to the user, whether they were forgotten, and why mail does not go there any more.
async fn reachable(inquiry: &mut Inquiry<'_>) -> sqlx::Result<(bool, bool, Option<String>)> {
    let mut transaction = inquiry.session.begin().await?;
    ask::rows(
        "select exists (select from bellwether.recipients where user_id = $2),
                exists (select from bellwether.forgotten_user where tenant_id = $1 and user_id = $2),
                (select s.reason from bellwether.recipients r
                 join bellwether.mail_suppression s on s.tenant_id = $1 and s.address = lower(r.email)
                 where r.user_id = $2)",
    )
    .bind(inquiry.tenant.id.as_str())
    .bind(inquiry.user.0)
    .fetch_one(&mut *transaction)
    .await
}

async fn in_auth(owner: &mut Session, user: UserId) -> sqlx::Result<Option<InAuth>> {
    let tenant = owner.tenant().to_string();
    let mut transaction = owner.begin().await?;
    ask::rows(
        "select u.email_confirmed_at is not null as confirmed, coalesce(u.banned_until > now(), false) as banned,
                u.deleted_at is not null as deleted, coalesce((to_jsonb(u) ->> 'is_anonymous')::boolean, false)
                  as anonymous, coalesce(u.email, '') <> '' as addressed,
                bellwether.shape() = 'shared' and u.raw_app_meta_data ->> 'tenant_id' is distinct from $2 as elsewhere
         from auth.users u where u.id = $1",
    )
    .bind(user.0)
    .bind(&tenant)
    .fetch_optional(&mut *transaction)
    .await
}

fn judge(user: Option<InAuth>) -> Finding {
    let fault = |found: &str, advice: &str| Finding::fault(ABOUT, found, advice);
    let Some(InAuth { confirmed, banned, deleted, anonymous, addressed, elsewhere }) = user else {
        return fault(
            "is no user of this tenant",
            "see that the id is right, and that it is this tenant's user",
        );
    };
    if deleted {
        fault("was deleted", "nothing is sent to whoever is gone")
    } else if elsewhere {
        fault(
            "is of another tenant of this database, or of none",
            "have Auth set tenant_id in their app_metadata",
        )
    } else if banned {
        fault("is banned: no mail goes to them", "lift the ban in Auth, if it is to end")
    } else if anonymous {
        fault("is anonymous: there is no address", "they sign in with one")
    } else if !addressed {
        fault("has no address", "they give one, in Auth")
    } else if !confirmed {
        fault("has not confirmed their address: no mail goes to them", "have Auth send them the link again")
    } else {
        fault(
            "is confirmed, and not among those who may get mail",
            "see database.recipients and `bellwether doctor`",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_no_mail_goes_to_a_user_is_one_reason() {
        let well = InAuth {
            confirmed: true,
            banned: false,
            deleted: false,
            anonymous: false,
            addressed: true,
            elsewhere: false,
        };
        for (user, words) in [
            (None, "no user of this tenant"),
            (Some(InAuth { deleted: true, ..well }), "deleted"),
            (Some(InAuth { banned: true, ..well }), "banned"),
            (Some(InAuth { elsewhere: true, ..well }), "another tenant"),
            (Some(InAuth { anonymous: true, addressed: false, ..well }), "anonymous"),
            (Some(InAuth { addressed: false, ..well }), "no address"),
            (Some(InAuth { confirmed: false, ..well }), "not confirmed"),
        ] {
            assert!(judge(user).found.contains(words), "{user:?}");
        }
    }
}

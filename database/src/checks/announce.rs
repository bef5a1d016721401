//! How pages hear of new events, against what the tenant's file says. They poll in any case: it is a warning at most.

use bellwether_runtime::config::{Announce, Tenant};
use bellwether_runtime::finding::Finding;
use sqlx::PgConnection;

use super::{Looked, ask};

const ABOUT: &str = "announce";

/// What the database does when a row of `public.user_events` is new.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
struct Means {
    /// There is a publication to join.
    publication: bool,
    /// It has the table.
    published: bool,
    /// A trigger of ours broadcasts.
    hinted: bool,
    /// There is something to broadcast with.
    broadcasts: bool,
}

/// Whether pages hear of events as the file says.
pub(super) async fn look(connection: &mut PgConnection, tenant: &Tenant) -> Looked {
    let means = ask::rows(
        "select exists (select from pg_publication where pubname = 'supabase_realtime') as publication,
                exists (select from pg_publication_tables where pubname = 'supabase_realtime'
                          and schemaname = 'public' and tablename = 'user_events') as published,
                exists (select from pg_trigger t join pg_class c on c.oid = t.tgrelid
                        join pg_namespace n on n.oid = c.relnamespace
                        where n.nspname = 'public' and c.relname = 'user_events' and t.tgname = 'bellwether_hint')
                  as hinted,
                exists (select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                        where n.nspname = 'realtime' and p.proname = 'broadcast_changes') as broadcasts",
    )
    .fetch_one(connection)
    .await?;
    Ok(vec![judge(tenant.database.announce, means)])
}

fn judge(how: Announce, means: Means) -> Finding {
    let Means { publication, published, hinted, broadcasts } = means;
    let agrees = match how {
        Announce::Publication => !hinted && (published || !publication),
        Announce::Broadcast => !published && (hinted || !broadcasts),
        Announce::None => !published && !hinted,
    };
    if agrees {
        let how = if published || hinted { how.name() } else { "nothing here: they poll" };
        return Finding::ok(ABOUT, format!("pages hear of events by {how}"));
    }
    let found = format!("pages do not hear of events by {}, as the tenant's file says", how.name());
    Finding::warn(ABOUT, found, "run `bellwether tenants init`")
}

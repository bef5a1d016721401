//! The server: its version, what is installed in it, and whether there is room for our connections.

use bellwether_runtime::finding::Finding;
use sqlx::PgConnection;

use super::{Looked, ask};

/// Views that read by their readers' rights came with it.
const OLDEST: i32 = 150_000;
/// Connections that a tenant's roles may have at once: two each of rows, mail, schedule, alerts and gateway.
const OURS: i64 = 10;

#[derive(Debug, Clone, sqlx::FromRow)]
struct Server {
    version: String,
    number: i32,
    extensions: Vec<String>,
    /// Connections that anybody but a superuser may have.
    most: i64,
    used: i64,
    /// How many of our role are let in; below 0: as many as there are.
    most_of_role: i32,
    used_of_role: i64,
}

/// Version, extensions and room.
pub(super) async fn look(connection: &mut PgConnection) -> Looked {
    let server: Server = ask::rows(
        "select current_setting('server_version') as version, current_setting('server_version_num')::int4 as number,
                array(select extname::text from pg_extension where extname <> 'plpgsql' order by 1) as extensions,
                current_setting('max_connections')::int8 - current_setting('superuser_reserved_connections')::int8
                  - coalesce(current_setting('reserved_connections', true)::int8, 0) as most,
                (select count(*) from pg_stat_activity where datid is not null) as used,
                (select rolconnlimit from pg_roles where rolname = session_user) as most_of_role,
                (select count(*) from pg_stat_activity where usename = session_user) as used_of_role",
    )
    .fetch_one(connection)
    .await?;
    Ok(vec![version(&server), extensions(&server), room(&server)])
}

fn version(Server { version, number, .. }: &Server) -> Finding {
    let found = format!("PostgreSQL {version}");
    if *number < OLDEST {
        return Finding::fault("version", found, "use PostgreSQL 15 or newer");
    }
    Finding::ok("version", found)
}

fn extensions(Server { extensions, .. }: &Server) -> Finding {
    let there = if extensions.is_empty() { "none".into() } else { extensions.join(", ") };
    Finding::ok("extensions", format!("{there}; Bellwether needs none"))
}

fn room(server: &Server) -> Finding {
    const ABOUT: &str = "connections";
    let Server { most, used, most_of_role, used_of_role, .. } = *server;
    let of_role = i64::from(most_of_role);
    if (0..OURS).contains(&of_role) {
        let found =
            format!("our role may have {of_role} connections, and its processes have up to {OURS} at once");
        return Finding::warn(ABOUT, found, "alter role … connection limit -1, as the tables' owner");
    }
    let found = format!("{used} of {most} are used, {used_of_role} of them by our role");
    if most - used >= OURS {
        return Finding::ok(ABOUT, found);
    }
    let advice = "raise max_connections, or put a pooler in front of whoever has most of them";
    if most - used > 1 { Finding::warn(ABOUT, found, advice) } else { Finding::fault(ABOUT, found, advice) }
}

#[cfg(test)]
mod tests {
    use bellwether_runtime::finding::Level;

    use super::*;

    #[test]
    fn a_server_without_room_for_us_is_told_before_it_is_full() {
        let server = |used, most_of_role| Server {
            version: "16".into(),
            number: 160_000,
            extensions: Vec::new(),
            most: 97,
            used,
            most_of_role,
            used_of_role: 2,
        };
        assert_eq!(room(&server(87, -1)).level, Level::Ok);
        assert_eq!(room(&server(88, -1)).level, Level::Warn);
        assert_eq!(room(&server(96, -1)).level, Level::Fault);
        assert_eq!(room(&server(10, 9)).level, Level::Warn);
        assert_eq!(version(&Server { number: 149_999, ..server(1, -1) }).level, Level::Fault);
    }
}

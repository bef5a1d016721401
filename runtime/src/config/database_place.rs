//! Which database a URL names, and as whom.

use std::str::FromStr;

use hyper::Uri;

use crate::secret::Secret;

/// Where Postgres listens if the URL says nothing.
const PORT: u16 = 5432;

/// A database, as far as its URL tells: two names of one machine are two places here, and the database itself refuses
/// whoever is not its tenant's.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct DatabasePlace {
    host: String,
    port: String,
    database: String,
    /// Supabase's pooler has one address for all projects: `user.project` says which one is meant.
    project: String,
}

/// A role of a database. It cannot be shown: where a URL cannot be taken apart, its password is in here.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Login {
    pub(super) place: DatabasePlace,
    user: String,
}

impl Login {
    /// Of a URL that cannot be taken apart, the whole is the place.
    pub(super) fn of(url: &Secret) -> Self {
        let text = url.reveal();
        Uri::from_str(text).ok().and_then(|uri| Self::parse(&uri)).unwrap_or_else(|| Self {
            place: DatabasePlace {
                host: text.to_owned(),
                port: String::new(),
                database: String::new(),
                project: String::new(),
            },
            user: String::new(),
        })
    }

    fn parse(uri: &Uri) -> Option<Self> {
        let given = |name: &str| {
            let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next_back()
        };
        let authority = uri.authority()?.as_str();
        let before = authority.rsplit_once('@').map_or("", |(user, _)| user);
        let user = given("user").unwrap_or_else(|| before.split(':').next().unwrap_or_default().to_owned());
        let project = user.rsplit_once('.').map_or("", |(_, project)| project).to_owned();
        let place = DatabasePlace {
            host: given("host").unwrap_or_else(|| uri.host().unwrap_or_default().to_lowercase()),
            port: given("port").unwrap_or_else(|| uri.port_u16().unwrap_or(PORT).to_string()),
            database: given("dbname").unwrap_or_else(|| uri.path().trim_start_matches('/').to_owned()),
            project,
        };
        Some(Self { place, user })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(url: &str) -> Login {
        Login::of(&Secret::new(url))
    }

    #[test]
    fn a_database_is_the_same_whoever_logs_in_and_however_its_url_is_written() {
        let a = login("postgres://a:x@db.example/d");
        for same in
            ["postgresql://b:y@DB.example:5432/d?sslmode=require", "postgres://x/y?host=db.example&dbname=d"]
        {
            assert!(login(same).place == a.place && login(same) != a, "{same}");
        }
        for other in [
            "postgres://a:x@db.example:6432/d",
            "postgres://a:x@db.example/e",
            "postgres://a:x@other.example/d",
            "postgres://a.project:x@db.example/d",
            "postgres://a:x y@db.example/d",
        ] {
            assert!(login(other).place != a.place, "{other}");
        }
        assert!(login("postgres://a:other@db.example/d?sslmode=require") == a, "a password is no other role");
    }
}

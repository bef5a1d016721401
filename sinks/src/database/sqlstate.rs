//! What a failure of the database means for the row that met it.

/// What to do after a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The server, the connection or a lock: try the same again later.
    Transient,
    /// The row or the schema: the same again will fail the same way.
    Permanent {
        /// SQLSTATE, or `decode` where the value did not fit our types.
        code: String,
    },
    /// The row's user was deleted meanwhile: nobody waits for it.
    UserGone,
}

/// SQLSTATE classes that say nothing about the row: connection, transaction state, authorisation, resources,
/// an operator at work, the system, and codes that mean a catalogue or a session was swapped under us.
const TRANSIENT: [&str; 11] = ["08", "25", "26", "28", "3D", "40", "53", "55", "57", "58", "XX"];

/// Class of a failure, by its SQLSTATE.
#[must_use]
pub fn classify(error: &sqlx::Error) -> Failure {
    match error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            let user = database.constraint().is_some_and(|name| name.ends_with("_user_id_fkey"));
            by_code(&code, user)
        }
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::Encode(_)
        | sqlx::Error::TypeNotFound { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::RowNotFound
        | sqlx::Error::Configuration(_) => Failure::Permanent { code: "decode".into() },
        _ => Failure::Transient,
    }
}

fn by_code(code: &str, on_user: bool) -> Failure {
    if code == "23503" && on_user {
        Failure::UserGone
    } else if TRANSIENT.iter().any(|class| code.starts_with(class)) {
        Failure::Transient
    } else {
        Failure::Permanent { code: code.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_the_rows_the_users_or_the_servers() {
        let permanent = |code: &str| Failure::Permanent { code: code.into() };
        for code in ["22003", "23502", "23505", "23514", "42501", "42P01", "42703", "P0001"] {
            assert_eq!(by_code(code, false), permanent(code));
        }
        for code in ["08006", "40001", "40P01", "53100", "53300", "55P03", "57014", "57P01", "57P03", "25006"]
        {
            assert_eq!(by_code(code, false), Failure::Transient, "{code}");
        }
        assert_eq!(by_code("23503", true), Failure::UserGone);
        assert_eq!(by_code("23503", false), permanent("23503"));
        assert_eq!(classify(&sqlx::Error::PoolTimedOut), Failure::Transient);
    }
}

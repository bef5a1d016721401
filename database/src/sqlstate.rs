//! What an error of the database means for the row that met it.

/// What to do after a statement that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementOutcome {
    /// The server, the connection or a lock: try the same again later.
    Retry,
    /// Our credentials are not accepted: try again, but rarely, so that nobody is locked out.
    Denied,
    /// The row or the schema: the same again will fail the same way.
    Reject {
        /// SQLSTATE, or `decode` where the value did not fit our types.
        code: String,
    },
    /// The row's user was deleted meanwhile: nobody waits for it.
    UserGone,
}

/// SQLSTATE classes that say nothing about the row: connection, transaction state, resources, an operator at work,
/// the system, and codes that mean a catalogue or a session was swapped under us.
const RETRIED: [&str; 10] = ["08", "25", "26", "3D", "40", "53", "55", "57", "58", "XX"];
/// The SQLSTATE class of credentials that are not accepted.
const DENIED: &str = "28";

/// What the error says about the row, the user or the moment, by its SQLSTATE.
#[must_use]
pub fn classify(error: &sqlx::Error) -> StatementOutcome {
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
        | sqlx::Error::Configuration(_) => StatementOutcome::Reject { code: "decode".into() },
        _ => StatementOutcome::Retry,
    }
}

fn by_code(code: &str, on_user: bool) -> StatementOutcome {
    if code == "23503" && on_user {
        StatementOutcome::UserGone
    } else if code.starts_with(DENIED) {
        StatementOutcome::Denied
    } else if RETRIED.iter().any(|class| code.starts_with(class)) {
        StatementOutcome::Retry
    } else {
        StatementOutcome::Reject { code: code.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_the_rows_the_users_or_the_servers() {
        let reject = |code: &str| StatementOutcome::Reject { code: code.into() };
        for code in ["22003", "23502", "23505", "23514", "42501", "42P01", "42703", "P0001"] {
            assert_eq!(by_code(code, false), reject(code));
        }
        for code in ["08006", "40001", "40P01", "53100", "53300", "55P03", "57014", "57P01", "57P03", "25006"]
        {
            assert_eq!(by_code(code, false), StatementOutcome::Retry, "{code}");
        }
        assert_eq!(by_code("23503", true), StatementOutcome::UserGone);
        assert_eq!(by_code("23503", false), reject("23503"));
        assert_eq!(by_code("28P01", false), StatementOutcome::Denied);
        assert_eq!(classify(&sqlx::Error::PoolTimedOut), StatementOutcome::Retry);
    }
}

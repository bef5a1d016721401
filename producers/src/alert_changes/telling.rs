//! What users are told of rows that no engine speaks of: in `alert_status`, many rows a transaction, and where one of them
//! is refused, in halves until it is alone, so that a user who is gone costs nobody else.

use std::collections::HashSet;

use bellwether_database::tables::alert_status::{self, Standing};
use bellwether_database::tables::alerts::AlertRow;
use bellwether_database::{StatementOutcome, Statements, begin, classify};
use sqlx::postgres::PgPool;

use super::{Changes, events};

/// A row that no engine has, and where it stands.
type Told = (AlertRow, Standing);

impl Changes<'_> {
    /// Tells where each of these rows stands. Repeats are harmless, and what cannot be told holds no change back.
    pub(super) async fn tell(&self, pool: &PgPool, rows: &[Told]) -> Result<(), sqlx::Error> {
        let mut left = parts(rows);
        left.reverse();
        while let Some(part) = left.pop() {
            let Err(error) = self.tell_together(pool, part).await else { continue };
            match (classify(&error), part) {
                (StatementOutcome::Retry | StatementOutcome::Denied, _) => return Err(error),
                (StatementOutcome::UserGone, [_]) => {}
                (StatementOutcome::Reject { code }, [(row, _)]) => {
                    events::untold(&self.tenant.id, &row.alert_id, &code);
                }
                (_, many) => {
                    let (first, rest) = many.split_at(many.len() / 2);
                    left.extend([rest, first]);
                }
            }
        }
        Ok(())
    }

    async fn tell_together(&self, pool: &PgPool, rows: &[Told]) -> Result<(), sqlx::Error> {
        let mut transaction = begin(pool, &self.tenant.id).await?;
        alert_status::tell(&mut transaction, Statements::of(self.tenant), rows).await?;
        transaction.commit().await
    }
}

/// The rows in their order, cut where an alert comes again: one statement tells each alert once.
fn parts(rows: &[Told]) -> Vec<&[Told]> {
    let mut parts = Vec::new();
    let (mut from, mut seen) = (0, HashSet::new());
    for (place, (row, _)) in rows.iter().enumerate() {
        if !seen.insert(row.alert_id) {
            parts.push(&rows[from..place]);
            from = place;
            seen = HashSet::from([row.alert_id]);
        }
    }
    if from < rows.len() {
        parts.push(&rows[from..]);
    }
    parts
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::alerts::AlertKind;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_alert_comes_once_in_each_part_and_none_is_lost() {
        let row = |alert: u128| {
            let row = AlertRow {
                alert_id: Uuid::from_u128(alert),
                kind: AlertKind::RsiTracker.name().into(),
                user_id: Uuid::nil(),
                version: 1,
                active: false,
                deleted: false,
                parameters: json!({}),
            };
            (row, Standing::Inactive)
        };
        let rows = [1, 2, 1, 1, 3, 2].map(row);
        let lengths: Vec<usize> = parts(&rows).iter().map(|part| part.len()).collect();
        assert_eq!(lengths, [2, 1, 3]);
        assert_eq!(parts(&rows).concat(), rows);
        assert!(parts(&[]).is_empty());
    }
}

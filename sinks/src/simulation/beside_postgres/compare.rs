//! What has to be the same of both after each statement: rows, statuses, users' lines, cursors, mails.

use super::Both;
use crate::{mail, rows};

impl Both {
    pub(super) async fn compare(&mut self) {
        self.look_at_the_clock().await;
        let row = "select string_agg(id::text, ' ' order by id) from public.rsi_tracker_alert_triggers";
        let model: Vec<String> = self.model.rows.keys().map(ToString::to_string).collect();
        self.same(row, model.join(" ")).await;
        let status =
            "select string_agg(alert_id || ' ' || version || ' ' || trigger_count, ',' order by alert_id)
            from public.alert_status";
        let model = self.model.statuses.iter();
        let model: Vec<String> =
            model.map(|(alert, it)| format!("{alert} {} {}", it.stand.version, it.count)).collect();
        self.same(status, model.join(",")).await;
        let line = "select string_agg(user_id || ' ' || seq || ' ' || alert_id || ' ' || coalesce(trigger_id::text, ''),
            ',' order by user_id, seq) from public.user_events";
        self.same(line, self.lines()).await;
        let cursor =
            "select string_agg(sink || ' ' || cause_offset || ' ' || cause_index || ' ' || next_offset,
            ',' order by sink) from bellwether.sink_cursor where next_offset > 0";
        self.same(cursor, self.cursors()).await;
        let mails = "select string_agg(mail.occurrence || ' ' || state || ' ' || fence || ' ' || attempts || ' '
              || (due_at <= now()) || ' ' || (due_at < 'infinity') || ' ' || coalesce((select string_agg(event, ' ' order by id)
                    from bellwether.mail_event event where event.occurrence = mail.occurrence), ''),
              ',' order by mail.occurrence collate \"C\") from bellwether.mail_outbox mail";
        self.same(mails, self.mails()).await;
    }

    fn lines(&self) -> String {
        let mut lines = Vec::new();
        for (user, events) in &self.model.lines {
            for (seq, event) in (1..).zip(events) {
                let trigger = event.trigger_id.map(|id| id.to_string()).unwrap_or_default();
                lines.push(format!("{user} {seq} {} {trigger}", event.alert_id));
            }
        }
        lines.join(",")
    }

    fn cursors(&self) -> String {
        let mut sinks = [rows::SINK, mail::SINK];
        sinks.sort_unstable();
        let cursors = sinks.map(|sink| (sink, self.model.cursor(sink)));
        let moved = cursors.iter().filter(|(_, cursor)| cursor.next_offset > 0);
        let told = moved.map(|(sink, cursor)| {
            format!("{sink} {} {} {}", cursor.cause.offset, cursor.cause.index, cursor.next_offset)
        });
        told.collect::<Vec<_>>().join(",")
    }

    fn mails(&self) -> String {
        let told = self.model.outbox.mails.iter().map(|(occurrence, mail)| {
            let (state, fence, attempts) = (mail.state.name(), mail.fence, mail.attempts);
            let (due, again, events) = (mail.is_due(self.now), mail.is_due_again(), mail.events.join(" "));
            format!("{occurrence} {state} {fence} {attempts} {due} {again} {events}")
        });
        told.collect::<Vec<_>>().join(",")
    }

    async fn same(&mut self, sql: &'static str, model: String) {
        let real: Option<String> = sqlx::query_scalar(sql).fetch_one(&mut self.admin).await.unwrap();
        assert_eq!(model, real.unwrap_or_default(), "{sql}");
    }
}

//! The server's clock against this machine's: mails fall due by the one, ticks are judged by the other.

use bellwether_runtime::clock::Clock;
use bellwether_runtime::finding::Finding;
use bellwether_schemas::Timestamp;
use bellwether_schemas::time::SECOND;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Looked, ask};

const ABOUT: &str = "clock";
/// Between the two, microseconds: a tick that is further ahead of the clock is refused.
const APART: i64 = 2 * SECOND;
/// From here on what is owed goes out late, or before it is due.
const FAR_APART: i64 = 30 * SECOND;

/// How far the two are apart, as far as the way there lets one tell.
pub(super) async fn look(connection: &mut PgConnection, clock: &Clock) -> Looked {
    let asked = clock.now();
    let server: DateTime<Utc> = ask::value("select clock_timestamp()").fetch_one(connection).await?;
    Ok(vec![judge(asked, server.into(), clock.now())])
}

/// The server's time lies somewhere between when it was asked and when it had answered.
fn judge(asked: Timestamp, server: Timestamp, answered: Timestamp) -> Finding {
    let apart = if server < asked { asked.since(server) } else { server.since(answered).max(0) };
    let seconds = apart as f64 / SECOND as f64;
    let (is, advice) = ("the server's clock and this machine's are", "set both by NTP");
    match apart {
        0..=APART => Finding::ok(ABOUT, format!("{is} within {:.0} s", APART as f64 / SECOND as f64)),
        ..=FAR_APART => Finding::warn(ABOUT, format!("{is} {seconds:.1} s apart"), advice),
        _ => Finding::fault(ABOUT, format!("{is} {seconds:.0} s apart"), advice),
    }
}

#[cfg(test)]
mod tests {
    use bellwether_runtime::finding::Level;

    use super::*;

    #[test]
    fn a_slow_answer_is_no_wrong_clock() {
        let level = |asked, server, answered| {
            let at = |seconds: i64| Timestamp(seconds * SECOND);
            judge(at(asked), at(server), at(answered)).level
        };
        assert_eq!(level(100, 105, 110), Level::Ok);
        assert_eq!(level(100, 112, 110), Level::Ok);
        assert_eq!(level(100, 113, 110), Level::Warn);
        assert_eq!(level(100, 97, 110), Level::Warn);
        assert_eq!(level(100, 141, 110), Level::Fault);
        assert_eq!(level(100, 69, 110), Level::Fault);
    }
}

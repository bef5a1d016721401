//! What clients of a cluster say of it: that it went away, or does not let us in.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use tokio::time::Instant;

use super::locked;

/// Between two times that brokers are said not to let us in, while some connection is heard.
const SAID_AGAIN: Duration = Duration::from_secs(60);

/// Whether the cluster can be heard: one for all clients of a log.
#[derive(Debug, Clone, Default)]
pub(super) struct Link(Arc<Standing>);

#[derive(Debug, Default)]
struct Standing {
    is_away: AtomicBool,
    /// It does not take our login, or we not its certificate: that was said, and when.
    is_refused: AtomicBool,
    refused_at: Mutex<Option<Instant>>,
}

impl Standing {
    /// Something was heard: over any connection, and those that were there before a password was changed stay.
    fn heard(&self, now: Instant) {
        if self.is_refused.load(Ordering::Relaxed)
            && locked(&self.refused_at).is_none_or(|at| now.duration_since(at) >= SAID_AGAIN)
        {
            self.is_refused.store(false, Ordering::Relaxed);
        }
    }

    /// It does not let us in; whether that is to be said.
    fn refused(&self, now: Instant) -> bool {
        let is_news = !self.is_refused.swap(true, Ordering::Relaxed);
        if is_news {
            *locked(&self.refused_at) = Some(now);
        }
        is_news
    }
}

/// What a client says: that its cluster went away, once; the rest is for debugging.
#[derive(Debug)]
pub(super) struct Events {
    link: Link,
    /// It is ending, and its lines with it.
    ending: AtomicBool,
}

impl Events {
    pub(super) fn new(link: &Link) -> Self {
        Self { link: link.clone(), ending: AtomicBool::new(false) }
    }

    /// Something was heard from the cluster.
    pub(super) fn heard(&self) {
        self.link.0.heard(Instant::now());
        let away = &self.link.0.is_away;
        if away.load(Ordering::Relaxed) && away.swap(false, Ordering::Relaxed) {
            tracing::info!("kafka is back");
        }
    }

    /// Lines that are lost from now on are no news.
    pub(super) fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }
}

impl ClientContext for Events {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(kafka.facility = facility, kafka.message = message, "librdkafka says");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let down = error.rdkafka_error_code() == Some(Code::AllBrokersDown)
            && !self.ending.load(Ordering::Relaxed)
            && !self.link.0.is_away.swap(true, Ordering::Relaxed);
        let refused = is_refusal(&error) && self.link.0.refused(Instant::now());
        if refused {
            tracing::warn!(
                kafka.reason = reason,
                "kafka and we do not agree on login or certificate: look at [kafka]; trying again"
            );
        } else if down {
            tracing::warn!("kafka is away: trying again until it is back");
        } else {
            tracing::debug!(error = %error, kafka.reason = reason, "librdkafka reports");
        }
    }
}

impl ConsumerContext for Events {}

/// Waiting alone will not end it.
fn is_refusal(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    matches!(code, Some(Code::Authentication | Code::SSL | Code::SaslAuthenticationFailed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_a_login_is_refused_is_said_again_after_a_minute_however_much_is_heard_meanwhile() {
        let (standing, begun) = (Standing::default(), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        assert!(standing.refused(at(0)));
        for second in 1..60 {
            standing.heard(at(second));
            assert!(!standing.refused(at(second)), "{second}");
        }
        assert!(!standing.refused(at(60)), "nothing was heard since");
        standing.heard(at(60));
        assert!(standing.refused(at(60)));
        standing.heard(at(61));
        assert!(!standing.refused(at(62)));
    }
}

//! What an operator has to hear of: something that began with a tenant, and that it is over. Who notices says so here,
//! as often as it likes and without waiting; who tells the operator takes what is new.
//!
//! A process that has just started does not know what the one before it said. So whoever sees that all is well says
//! [`Incidents::end`] all the same: the first time, somebody looks whether anything was left open.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bellwether_schemas::{TenantId, Timestamp};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::metric_names::{INCIDENT_BEGUN, INCIDENT_OVER};

/// Most characters kept of what is said about an incident.
const MAX_TEXT: usize = 300;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal;)+) => {
        /// What began. Each is told of apart from the others.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum IncidentKind {
            $($(#[$doc])* $kind),+
        }

        impl IncidentKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// What its row is called.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),+ }
            }
        }
    };
}

kinds! {
    /// The tenant's database takes no rows; its triggers wait in the log.
    Parked = "parked";
    /// The tenant's database lacks what it had: rows are written again from where it stands.
    Restored = "restored";
    /// The tenant's journal is not folded any more.
    Halted = "halted";
    /// A source of the tenant's prices sends nothing.
    DeadFeed = "dead_feed";
    /// The tenant's SMTP server refuses its user or password.
    RefusedLogins = "refused_logins";
    /// What the tenant's clock owed was not sent in time.
    MissedSchedule = "missed_schedule";
    /// An address that the tenant's events are sent to was given up.
    DisabledEndpoint = "disabled_endpoint";
    /// The tenant has more alert mails in an hour than it may.
    HourlyCap = "hourly_cap";
    /// A topic of the tenant was deleted while it was served.
    MissingTopic = "missing_topic";
    /// A topic of the tenant was given several partitions: nothing of it is worked on.
    DividedTopic = "divided_topic";
    /// The brokers do not take what is to be written into a topic of the tenant.
    RefusedTopic = "refused_topic";
    /// A topic of the tenant cannot be read on: it is damaged, cut, or another one than before.
    StoppedTopic = "stopped_topic";
    /// The tenant's database was filled from another triggers topic than the one there is.
    OtherTopic = "other_topic";
    /// What was appended to a topic of the tenant cannot be read: another application's transaction is open there.
    HeldBack = "held_back";
    /// The tenant's file, as it is now, cannot be used.
    BadFile = "bad_file";
    /// The tenant's database lets a role in as somebody it must not be, or not as the tenant's file says.
    WrongLogin = "wrong_login";
    /// The settings of the tenant's file cannot follow those of its journal.
    RefusedSettings = "refused_settings";
}

impl fmt::Display for IncidentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an incident is: no two of one kind are open for a tenant.
pub type IncidentKey = (TenantId, IncidentKind);

/// What is new of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It began.
    Began {
        /// When it was noticed.
        at: Timestamp,
        /// What is known of it, in one line without a secret or anybody's address.
        text: String,
    },
    /// It is over; or all is well, and nobody knows of this process that it was ever otherwise.
    Ended {
        /// When that was noticed.
        at: Timestamp,
    },
}

/// Where incidents are said. Cheap to clone. The default says nothing to nobody.
#[derive(Clone, Default)]
pub struct Incidents(Option<Arc<Board>>);

/// Where what is new of incidents is taken: there is one for all clones of an [`Incidents`].
pub struct News(Arc<Board>);

struct Board {
    clock: Clock,
    known: Mutex<BTreeMap<IncidentKey, Known>>,
    changed: Notify,
}

/// What is known of one kind of incident of one tenant. Holds two changes at most, whatever is said how often.
#[derive(Debug, Default)]
struct Known {
    /// None until somebody said how it stands.
    open: Option<bool>,
    /// Before anything of [`Self::news`] the incident was said to be open.
    was_open: bool,
    /// What nobody took yet: in turns begun and ended.
    news: Vec<Change>,
}

impl Incidents {
    /// Where incidents are said, and where they are taken.
    #[must_use]
    pub fn new(clock: Clock) -> (Self, News) {
        let board = Arc::new(Board { clock, known: Mutex::default(), changed: Notify::new() });
        (Self(Some(Arc::clone(&board))), News(board))
    }

    /// It began. Said again while it lasts, it is nothing new.
    pub fn begin(&self, kind: IncidentKind, tenant: &TenantId, text: impl fmt::Display) {
        let Some(board) = &self.0 else { return };
        board.measure(kind, tenant, true);
        let changed = board
            .lock()
            .entry((tenant.clone(), kind))
            .or_default()
            .begin(|| Change::Began { at: board.clock.now(), text: without_addresses(&text.to_string()) });
        if changed {
            board.changed.notify_one();
        }
    }

    /// It is over, or all is well. Said again, it is nothing new.
    pub fn end(&self, kind: IncidentKind, tenant: &TenantId) {
        let Some(board) = &self.0 else { return };
        board.measure(kind, tenant, false);
        let at = || Change::Ended { at: board.clock.now() };
        if board.lock().entry((tenant.clone(), kind)).or_default().end(at) {
            board.changed.notify_one();
        }
    }
}

impl News {
    /// Waits until there is something to take.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// What is new, each incident's in order. What began and ended since the last time is both; what ended and began
    /// again went on.
    #[must_use]
    pub fn take(&self) -> Vec<(IncidentKey, Change)> {
        let mut known = self.0.lock();
        let taken = known.iter_mut().flat_map(|(key, known)| {
            let news = known.take();
            news.into_iter().map(|change| (key.clone(), change))
        });
        taken.collect()
    }
}

impl Board {
    /// Both are times, as a tenant goes from one process to another: what the one said last of it may be out of date, and
    /// the other one knows better.
    fn measure(&self, kind: IncidentKind, tenant: &TenantId, is_open: bool) {
        let (tenant, at) = (tenant.to_string(), self.clock.now().0 as f64 / 1e6);
        match is_open {
            true => metrics::gauge!(INCIDENT_BEGUN, "tenant" => tenant, "kind" => kind.name()).set(at),
            false => metrics::gauge!(INCIDENT_OVER, "tenant" => tenant, "kind" => kind.name()).set(at),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IncidentKey, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Whether it is news.
    fn begin(&mut self, began: impl FnOnce() -> Change) -> bool {
        if self.open == Some(true) {
            return false;
        }
        self.open = Some(true);
        match self.news.pop() {
            // It was told to have begun, or is about to be: nobody heard that it had ended.
            Some(Change::Ended { .. }) if self.was_open || !self.news.is_empty() => {}
            _ => self.news.push(began()),
        }
        !self.news.is_empty()
    }

    fn end(&mut self, ended: impl FnOnce() -> Change) -> bool {
        if self.open == Some(false) {
            return false;
        }
        self.open = Some(false);
        self.news.push(ended());
        true
    }

    fn take(&mut self) -> Vec<Change> {
        self.was_open = self.open == Some(true);
        std::mem::take(&mut self.news)
    }
}

/// The text in one line, not without end, and without the words that could be an address or hold a secret: others wrote
/// some of what is told.
#[must_use]
pub fn without_addresses(text: &str) -> String {
    let hidden = |word: &str| word.contains('@') || word.contains("://") || word.contains('%');
    let words = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.map(|word| if hidden(word) { "[…]" } else { word }).collect();
    words.join(" ").chars().take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: IncidentKind = IncidentKind::RefusedLogins;

    struct Said {
        incidents: Incidents,
        news: News,
        tenant: TenantId,
    }

    impl Said {
        fn new() -> Self {
            let (incidents, news) = Incidents::new(Clock::manual(Timestamp(7)));
            Self { incidents, news, tenant: "fxlabs".parse().unwrap() }
        }

        /// `b` begins, `e` ends; what is taken then, in the same letters.
        fn say(&self, letters: &str) -> String {
            for letter in letters.chars() {
                match letter {
                    'b' => self.incidents.begin(KIND, &self.tenant, "535 no"),
                    _ => self.incidents.end(KIND, &self.tenant),
                }
            }
            let letter = |(_, change)| match change {
                Change::Began { .. } => 'b',
                Change::Ended { .. } => 'e',
            };
            self.news.take().into_iter().map(letter).collect()
        }
    }

    #[test]
    fn what_is_said_again_is_no_news() {
        let said = Said::new();
        assert_eq!(said.say("bbb"), "b");
        assert_eq!(said.say("bb"), "");
        assert_eq!(said.say("ee"), "e");
        assert_eq!(said.say("ee"), "");
        assert_eq!(said.say("b"), "b");
    }

    #[test]
    fn what_ended_and_began_again_before_anybody_looked_went_on() {
        let said = Said::new();
        assert_eq!(said.say("bebe"), "be");
        assert_eq!(said.say("beb"), "b");
        assert_eq!(said.say("eb"), "");
        assert_eq!(said.say("ebe"), "e");
    }

    #[test]
    fn a_process_that_knows_nothing_asks_once_whether_anything_was_left_open() {
        assert_eq!(Said::new().say("ee"), "e");
        // Whatever was left open goes on: beginning again is what its row is asked about.
        assert_eq!(Said::new().say("eb"), "b");
    }

    #[test]
    fn incidents_of_other_tenants_and_kinds_are_apart_and_texts_are_one_line() {
        let said = Said::new();
        let other: TenantId = "hextech".parse().unwrap();
        said.incidents.begin(KIND, &other, format!("a\r\nb{}", "x".repeat(1_000)));
        said.incidents.end(IncidentKind::Parked, &said.tenant);
        let taken = said.news.take();
        let keys: Vec<IncidentKey> = taken.iter().map(|(key, _)| key.clone()).collect();
        assert_eq!(keys, [(said.tenant.clone(), IncidentKind::Parked), (other, KIND)]);
        let Change::Began { text, at } = &taken[1].1 else { panic!("{taken:?}") };
        assert!(text.starts_with("a bxxx") && text.chars().count() == MAX_TEXT && *at == Timestamp(7));
    }

    #[test]
    fn what_others_wrote_is_told_without_addresses() {
        let told = without_addresses("550 <asha@users.example> is unknown: see https://m.example/?k=s\nnow");
        assert_eq!(told, "550 […] is unknown: see […] now");
    }

    #[test]
    fn how_an_incident_stands_is_a_metric_whoever_told_of_it_last() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            let said = Said::new();
            said.incidents.begin(KIND, &said.tenant, "535 no");
            said.incidents.end(IncidentKind::Parked, &said.tenant);
        });
        let page = recorder.handle().render();
        let line = |which: &str, kind: &str| {
            format!("bellwether_incident_{which}_seconds{{tenant=\"fxlabs\",kind=\"{kind}\"}} 0.000007")
        };
        for line in [line("begun", "refused_logins"), line("over", "parked")] {
            assert!(page.contains(&line), "{line} is not in\n{page}");
        }
    }

    #[tokio::test]
    async fn news_wake_whoever_waits_and_nobody_listening_costs_nothing() {
        let said = Said::new();
        said.incidents.begin(KIND, &said.tenant, "");
        said.news.changed().await;
        Incidents::default().begin(KIND, &said.tenant, "");
    }
}

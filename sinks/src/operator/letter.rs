//! What a mail to the operator says: plain text, one paragraph an incident, and where to read what to do.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use bellwether_runtime::config::Mailbox;
use bellwether_runtime::incident::IncidentKind;
use bellwether_schemas::Timestamp;
use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox as Person, Message};

use super::records::Untold;

/// One mail to the operator.
pub(super) struct Letter<'a> {
    pub(super) from: &'a Mailbox,
    pub(super) to: &'a str,
    pub(super) untold: &'a [Untold],
    pub(super) now: Timestamp,
}

impl Letter<'_> {
    /// The whole message, ASCII.
    pub(super) fn content(&self) -> Result<Vec<u8>, String> {
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let sender = self.from.address();
        let from = Address::new(sender.local(), sender.domain()).map_err(|error| said(&error))?;
        let to: Address = self.to.parse().map_err(|error| said(&error))?;
        let seconds = u64::try_from(self.now.0).unwrap_or(0) / 1_000_000;
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let message = Message::builder()
            .from(Person::new(self.from.name().map(Into::into), from))
            .to(Person::new(None, to))
            .subject(self.subject())
            .message_id(Some(format!("<operator.{}.{}@{}>", std::process::id(), self.now.0, sender.domain())))
            .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .raw_header(HeaderValue::new(automatic, "auto-generated".into()))
            .body(self.text());
        message.map(|message| message.formatted()).map_err(|error| said(&error))
    }

    fn subject(&self) -> String {
        match self.untold {
            [one] => format!("bellwether: {}: {}{}", one.key.0, over(one), what(one.key.1)),
            several => format!("bellwether: {} incidents of tenants", several.len()),
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for untold in self.untold {
            text.push_str(&paragraph(untold));
            text.push('\n');
        }
        text.push_str("Each is told once when it begins and once when it is over.\n");
        text
    }
}

const fn over(untold: &Untold) -> &'static str {
    if untold.ended_at.is_some() { "over: " } else { "" }
}

fn paragraph(untold: &Untold) -> String {
    let (tenant, kind) = &untold.key;
    let mut text = format!("{tenant}: {}{}\n", over(untold), what(*kind));
    let _ = writeln!(text, "  since  {}", untold.began_at);
    if let Some(ended) = untold.ended_at {
        let _ = writeln!(text, "  until  {ended}");
    }
    if !untold.text.is_empty() {
        let _ = writeln!(text, "  {}", untold.text);
    }
    if untold.ended_at.is_none() {
        let _ = writeln!(text, "  {}.\n  docs/RUNBOOK.md, {:?}", advice(*kind), heading(*kind));
    }
    text
}

/// What is the matter, in words.
const fn what(kind: IncidentKind) -> &'static str {
    match kind {
        IncidentKind::Parked => "its database takes no rows; its triggers wait in the log",
        IncidentKind::Restored => {
            "its database lacks what it had: rows are written again from where it stands"
        }
        IncidentKind::Halted => "its journal is not folded any more: no alert of it fires",
        IncidentKind::DeadFeed => "a source of its prices sends nothing",
        IncidentKind::RefusedLogins => "its mail server refuses user or password; its mail waits",
        IncidentKind::MissedSchedule => "what its clock owed was not sent in time",
        IncidentKind::DisabledEndpoint => "an address that its events are sent to was given up",
        IncidentKind::HourlyCap => {
            "it has more alert mails in an hour than it may; the rest waits for digests"
        }
        IncidentKind::MissingTopic => "a topic of it was deleted; nothing of it is worked on",
        IncidentKind::DividedTopic => "a topic of it has several partitions; nothing of it is worked on",
        IncidentKind::RefusedTopic => {
            "the brokers refuse what is produced for it: no price, no alert comes in"
        }
        IncidentKind::StoppedTopic => "a topic of it cannot be read on; what is to come of it waits",
        IncidentKind::OtherTopic => {
            "its database was filled from other triggers than there are; its rows and mails wait"
        }
        IncidentKind::HeldBack => {
            "another application's transaction is open in a topic of it: nobody can read on"
        }
        IncidentKind::BadFile => {
            "its file cannot be used; what was known of it stays in force, where anything was"
        }
        IncidentKind::WrongLogin => "its database is not used, as who may log in there may do too much",
        IncidentKind::RefusedSettings => {
            "nothing is produced for it: its file does not go on from its journal"
        }
    }
}

/// What to do first.
const fn advice(kind: IncidentKind) -> &'static str {
    match kind {
        IncidentKind::Parked => "See that its database runs and takes the pipeline's login",
        IncidentKind::Restored => "See who restored it from a backup, or failed over to an older copy",
        IncidentKind::Halted => "Read why, and start a version that can go on",
        IncidentKind::DeadFeed => "See whether its source runs",
        IncidentKind::RefusedLogins => "Set the password right, and it goes on by itself",
        IncidentKind::MissedSchedule => "See that `sink schedule` runs and reaches the database",
        IncidentKind::DisabledEndpoint => "Ask whose address it is",
        IncidentKind::HourlyCap => "See what fires, and pause its mail if need be (`bellwether mail pause`)",
        IncidentKind::MissingTopic => "Ask who deleted it, and read what to do before it is made again",
        IncidentKind::DividedTopic => "Ask who raised them, and read what to do: Kafka cannot take them back",
        IncidentKind::RefusedTopic => "Give the login of [kafka] its rights, and it goes on by itself",
        IncidentKind::StoppedTopic => "Read why; nothing is skipped by itself",
        IncidentKind::OtherTopic => "See that the log is the one its database was filled from",
        IncidentKind::HeldBack => "See who writes there with transactions, and end them",
        IncidentKind::BadFile => "Let `bellwether tenants check` say all that is wrong with it",
        IncidentKind::WrongLogin => "Give it the login that `bellwether tenants init` made",
        IncidentKind::RefusedSettings => "Raise `revision` in its file, or take the file back",
    }
}

/// Where the runbook says more.
pub(super) const fn heading(kind: IncidentKind) -> &'static str {
    match kind {
        IncidentKind::Parked => "A tenant is parked",
        IncidentKind::Restored => "A tenant's database is behind",
        IncidentKind::Halted => "A tenant is halted",
        IncidentKind::DeadFeed => "A feed is dead",
        IncidentKind::RefusedLogins => "A tenant's mail server refuses its login",
        IncidentKind::MissedSchedule => "A brief was not sent",
        IncidentKind::DisabledEndpoint => "An endpoint was given up",
        IncidentKind::HourlyCap => "A tenant's mail floods",
        IncidentKind::MissingTopic => "A topic was deleted",
        IncidentKind::DividedTopic => "A topic has several partitions",
        IncidentKind::RefusedTopic => "The brokers refuse a topic",
        IncidentKind::StoppedTopic => "A topic cannot be read on",
        IncidentKind::OtherTopic => "A database was filled from another triggers topic",
        IncidentKind::HeldBack => "A topic is held back",
        IncidentKind::BadFile => "A tenant's file cannot be used",
        IncidentKind::WrongLogin => "A tenant's login is not taken",
        IncidentKind::RefusedSettings => "A tenant's settings are refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn untold(tenant: &str, kind: IncidentKind, ended: bool) -> Untold {
        let key = (tenant.parse().unwrap(), kind);
        let (began_at, ended_at) = (Timestamp(0), ended.then_some(Timestamp(60_000_000)));
        Untold { key, id: None, text: "after 3 tries".into(), began_at, ended_at }
    }

    fn content(untold: &[Untold]) -> String {
        let from: Mailbox = "Bellwether <b@ops.example>".parse().unwrap();
        let letter = Letter { from: &from, to: "oncall@ops.example", untold, now: Timestamp(1_000_000) };
        let content = String::from_utf8(letter.content().unwrap()).unwrap();
        assert!(content.is_ascii());
        content.replace("=\r\n", "")
    }

    #[test]
    fn it_says_what_of_whom_since_when_and_what_to_do() {
        let mail = content(&[untold("fxlabs", IncidentKind::RefusedLogins, false)]);
        for part in [
            "Subject: bellwether: fxlabs: its mail server refuses user or password",
            "fxlabs: its mail server refuses user or password; its mail waits\r\n",
            "  since  1970-01-01T00:00:00",
            "  after 3 tries\r\n",
            "RUNBOOK.md, \"A tenant's mail server refuses its login\"",
            "Auto-Submitted: auto-generated",
        ] {
            assert!(mail.contains(part), "{part:?} is not in\n{mail}");
        }
    }

    #[test]
    fn several_share_a_mail_and_what_is_over_says_so() {
        let mail = content(&[
            untold("fxlabs", IncidentKind::Parked, true),
            untold("hextech", IncidentKind::HourlyCap, false),
        ]);
        assert!(mail.contains("Subject: bellwether: 2 incidents of tenants"), "{mail}");
        assert!(mail.contains("fxlabs: over: its database takes no rows"), "{mail}");
        assert!(mail.contains("  until  1970-01-01T00:01:00"), "{mail}");
        assert!(mail.contains("hextech: it has more alert mails"), "{mail}");
    }

    #[test]
    fn every_kind_has_its_heading_in_the_runbook() {
        let runbook = include_str!("../../../docs/RUNBOOK.md");
        for kind in IncidentKind::ALL {
            let heading = format!("\n## {}\n", heading(*kind));
            assert!(runbook.contains(&heading), "docs/RUNBOOK.md lacks {heading:?}");
        }
    }
}

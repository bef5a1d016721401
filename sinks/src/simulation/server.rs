//! The mail server that both tenants send through, and the ledger of what it took.

use super::faults::{Fault, Kind};
use crate::mail::core::{Answer, Stage};
use crate::mail::outbox::Claimed;

/// A mail that the server took.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    /// Of whose session it came.
    pub(super) tenant: usize,
    pub(super) occurrence: String,
    pub(super) to: String,
    pub(super) content: Vec<u8>,
    /// Its row said already that it is sent.
    pub(super) is_again: bool,
}

/// What the server took, and what it refused for good.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub(super) ledger: Vec<Accepted>,
    /// Occurrences of mails, and addresses, that it never takes.
    pub(super) never: Vec<String>,
}

impl Server {
    /// What can go wrong with a stage.
    pub(super) const fn faults(stage: Stage) -> &'static [Kind] {
        match stage {
            Stage::Body => &[Kind::Refuses, Kind::Silent, Kind::LostAfterDot],
            _ => &[Kind::Refuses, Kind::Silent],
        }
    }

    /// Answers one stage of one mail.
    pub(super) fn answer(
        &mut self,
        stage: Stage,
        tenant: usize,
        mail: &Claimed,
        fault: Option<Fault>,
        is_again: bool,
    ) -> Answer {
        let lost = || Answer::Lost("the connection is gone".into());
        match fault.map(|fault| (fault.kind, fault)) {
            Some((Kind::Silent, _)) => lost(),
            Some((Kind::Refuses, fault)) => self.refuse(stage, mail, fault),
            taken => {
                if stage == Stage::Body {
                    self.take(tenant, mail, is_again);
                }
                if taken.is_some() { lost() } else { yes(stage) }
            }
        }
    }

    fn refuse(&mut self, stage: Stage, mail: &Claimed, fault: Fault) -> Answer {
        let (code, text) = match (fault.below(10), stage) {
            (0, Stage::Recipient) => (550, "5.1.1 nobody here is called so"),
            (1, Stage::Data | Stage::Body) => (554, "5.6.0 not such a mail"),
            (2 | 3, _) => (421, "4.3.2 closing"),
            (4 | 5, _) => (450, "4.7.0 too many"),
            _ => (451, "4.3.0 later"),
        };
        match code {
            550 => self.never.extend(mail.recipient.clone()),
            554 => self.never.push(mail.occurrence.clone()),
            _ => {}
        }
        Answer::Reply { code, text: text.into() }
    }

    fn take(&mut self, tenant: usize, mail: &Claimed, is_again: bool) {
        let (occurrence, to) = (mail.occurrence.clone(), mail.recipient.clone().unwrap_or_default());
        let content = mail.content.clone().unwrap_or_default();
        self.ledger.push(Accepted { tenant, occurrence, to, content, is_again });
    }
}

const fn yes(stage: Stage) -> Answer {
    let code = match stage {
        Stage::Open => 220,
        Stage::Authenticate => 235,
        Stage::Sender | Stage::Recipient | Stage::Body => 250,
        Stage::Data => 354,
    };
    Answer::Reply { code, text: String::new() }
}

//! The SMTP session's protocol core: what each answer means and what comes next. No IO.
//!
//! A mail counts as sent on exactly 250 after its final dot and on nothing else. Until the first byte of a body has
//! left, every failure is certain: the server has nothing, and the same bytes may be offered again. From then until
//! the final reply a lost connection is ambiguous: the server may or may not have the mail.

/// Most characters kept of a server's words.
const MAX_REASON: usize = 500;

/// By these a server says that it was sent too much in too short a time: RFC 3463's policy without a word more, as
/// most servers use it, and the one of the largest receiver.
const RATE_LIMITED: [&str; 2] = ["4.7.0", "4.7.28"];

/// What was asked of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// To take the connection and say what it can, by TLS or in the clear.
    Open,
    /// To know our user.
    Authenticate,
    /// To take a mail from our sender.
    Sender,
    /// To take it for this user.
    Recipient,
    /// To take its content.
    Data,
    /// The content and the final dot.
    Body,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The server's reply to it.
    Reply {
        /// Three digits, the first of which says yes, not now or never.
        code: u16,
        /// The words that stand behind the code.
        text: String,
    },
    /// No reply: connection refused or lost, no reply in time, not SMTP, TLS refused.
    Lost(String),
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Ask the server for this stage.
    Ask(Stage),
    /// The connection stands ready for mails.
    Ready,
    /// First note durably that content is about to leave, then ask for [`Stage::Data`].
    Note,
    /// The mail is over, with this outcome.
    End(Verdict),
}

/// What came of a mail. The connection may be used again after [`Verdict::Sent`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The server has it; its words.
    Sent(String),
    /// The server certainly does not have it and may take it later.
    Retry {
        /// Why it does not take it now.
        reason: String,
        /// No mail of this tenant would fare better now.
        server: bool,
    },
    /// The server takes mails less often than we send them: this one certainly not now.
    Limited(String),
    /// Our user or password was refused.
    AuthRefused(String),
    /// The server will never take it.
    Failed {
        /// Why it will not take it.
        reason: String,
        /// It is the address that was refused: nothing more is to be sent there.
        address: bool,
    },
    /// The server may have it.
    Ambiguous(String),
}

/// One mail on its way over a connection that stands ready: what its sender does next, one step after the other.
#[derive(Debug, Clone)]
pub struct Sending {
    stage: Stage,
}

/// What the sender of a mail does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Asks the server for this stage and tells [`Sending::answered`].
    Ask(Stage),
    /// Notes durably that content is about to leave and tells [`Sending::noted`].
    Note,
    /// Looks whether the mail is still its own, right before its content leaves, and tells [`Sending::looked`].
    Look,
    /// Nothing: the mail is over. None where no content left because none was to.
    End(Option<Verdict>),
}

impl Sending {
    /// Nothing is asked yet; the first step.
    #[must_use]
    pub const fn begin() -> (Self, Step) {
        (Self { stage: Stage::Sender }, Step::Ask(Stage::Sender))
    }

    /// What came of the stage that was asked for.
    pub fn answered(&mut self, answer: Answer) -> Step {
        match next(self.stage, answer) {
            Next::Ask(Stage::Body) => Step::Look,
            Next::Ask(stage) => self.ask(stage),
            Next::Note => Step::Note,
            Next::End(verdict) => Step::End(Some(verdict)),
            Next::Ready => Step::End(Some(Verdict::Retry { reason: "out of step".into(), server: true })),
        }
    }

    /// Whether it is noted that content is about to leave.
    pub const fn noted(&mut self, is_noted: bool) -> Step {
        if is_noted { self.ask(Stage::Data) } else { Step::End(None) }
    }

    /// Whether the mail is still its sender's.
    pub const fn looked(&mut self, is_ours: bool) -> Step {
        if is_ours { self.ask(Stage::Body) } else { Step::End(None) }
    }

    const fn ask(&mut self, stage: Stage) -> Step {
        self.stage = stage;
        Step::Ask(stage)
    }
}

/// Decides what to do next from what was asked and what came of it.
#[must_use]
pub fn next(stage: Stage, answer: Answer) -> Next {
    let (code, text) = match answer {
        Answer::Reply { code, text } => (code, words(&format!("{code} {text}"))),
        Answer::Lost(reason) => return Next::End(lost(stage, words(&reason))),
    };
    match (stage, code) {
        (Stage::Open, 200..=299) => Next::Ask(Stage::Authenticate),
        (Stage::Authenticate, 235) => Next::Ready,
        (Stage::Sender, 250) => Next::Ask(Stage::Recipient),
        (Stage::Recipient, 250 | 251) => Next::Note,
        (Stage::Data, 354) => Next::Ask(Stage::Body),
        (Stage::Body, 250) => Next::End(Verdict::Sent(text)),
        _ => Next::End(refused(stage, code, text)),
    }
}

/// A reply that does not let the mail go on.
fn refused(stage: Stage, code: u16, text: String) -> Verdict {
    let status = text.split_whitespace().nth(1);
    if (400..=499).contains(&code) && status.is_some_and(|status| RATE_LIMITED.contains(&status)) {
        return Verdict::Limited(text);
    }
    match (stage, code) {
        // What is refused before a mail was offered is the session, whatever the class of the reply.
        (Stage::Open, _) => Verdict::Retry { reason: text, server: true },
        (Stage::Authenticate, 500..=599) => Verdict::AuthRefused(text),
        (Stage::Authenticate, _) => Verdict::Retry { reason: text, server: true },
        (_, 421) => Verdict::Retry { reason: text, server: true },
        (_, 400..=499) => Verdict::Retry { reason: text, server: false },
        (Stage::Recipient, 500..=599) => Verdict::Failed { reason: text, address: true },
        (_, 500..=599) => Verdict::Failed { reason: text, address: false },
        // Neither yes nor no: replies and commands do not belong to each other any more.
        (Stage::Body, _) => Verdict::Ambiguous(format!("unexpected reply to the content: {text}")),
        _ => Verdict::Retry { reason: format!("unexpected reply: {text}"), server: false },
    }
}

fn lost(stage: Stage, reason: String) -> Verdict {
    match stage {
        Stage::Body => Verdict::Ambiguous(reason),
        // Nothing about this mail was answered yet.
        Stage::Open | Stage::Authenticate | Stage::Sender => Verdict::Retry { reason, server: true },
        Stage::Recipient | Stage::Data => Verdict::Retry { reason, server: false },
    }
}

/// A server's words, fit for a table and a log: one line, no control characters, not without end.
pub(crate) fn words(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Stage; 6] =
        [Stage::Open, Stage::Authenticate, Stage::Sender, Stage::Recipient, Stage::Data, Stage::Body];

    fn reply(stage: Stage, code: u16) -> Next {
        next(stage, Answer::Reply { code, text: "words".into() })
    }

    fn verdict(stage: Stage, code: u16) -> Verdict {
        match reply(stage, code) {
            Next::End(verdict) => verdict,
            other => panic!("{stage:?} {code}: {other:?}"),
        }
    }

    #[test]
    fn exactly_one_reply_code_of_one_stage_means_sent() {
        for stage in ALL {
            for code in 0..=999 {
                let sent = matches!(reply(stage, code), Next::End(Verdict::Sent(_)));
                assert_eq!(sent, stage == Stage::Body && code == 250, "{stage:?} {code}");
            }
        }
    }

    #[test]
    fn no_content_leaves_but_after_354_and_none_is_noted_but_after_a_recipient() {
        for stage in ALL {
            for code in 0..=999 {
                let next = reply(stage, code);
                assert_eq!(next == Next::Ask(Stage::Body), stage == Stage::Data && code == 354);
                let recipient = stage == Stage::Recipient && matches!(code, 250 | 251);
                assert_eq!(next == Next::Note, recipient, "{stage:?} {code}");
            }
        }
    }

    #[test]
    fn what_is_refused_for_now_is_tried_again_and_what_is_refused_for_good_is_not() {
        for stage in ALL {
            assert!(matches!(verdict(stage, 451), Verdict::Retry { .. }), "{stage:?}");
            assert!(matches!(verdict(stage, 421), Verdict::Retry { server: true, .. }), "{stage:?}");
        }
        assert_eq!(
            verdict(Stage::Recipient, 550),
            Verdict::Failed { reason: "550 words".into(), address: true }
        );
        for stage in [Stage::Sender, Stage::Data, Stage::Body] {
            assert!(matches!(verdict(stage, 554), Verdict::Failed { address: false, .. }), "{stage:?}");
        }
        assert!(matches!(verdict(Stage::Authenticate, 535), Verdict::AuthRefused(_)));
    }

    #[test]
    fn too_many_mails_are_told_from_a_mail_that_waits() {
        for stage in ALL {
            for text in ["4.7.0 slow down", "4.7.28 too many"] {
                let answer = Answer::Reply { code: 450, text: text.into() };
                assert!(matches!(next(stage, answer), Next::End(Verdict::Limited(_))), "{stage:?} {text}");
            }
        }
        let greylisted = Answer::Reply { code: 450, text: "4.7.1 greylisted".into() };
        assert!(matches!(
            next(Stage::Recipient, greylisted),
            Next::End(Verdict::Retry { server: false, .. })
        ));
    }

    #[test]
    fn only_content_without_its_final_reply_is_ambiguous() {
        for stage in ALL {
            let verdict = match next(stage, Answer::Lost("gone".into())) {
                Next::End(verdict) => verdict,
                other => panic!("{other:?}"),
            };
            assert_eq!(matches!(verdict, Verdict::Ambiguous(_)), stage == Stage::Body, "{stage:?}");
        }
        for odd in [220, 235, 251, 354, 0, 999] {
            assert!(matches!(verdict(Stage::Body, odd), Verdict::Ambiguous(_)), "{odd}");
            assert!(!matches!(reply(Stage::Sender, odd), Next::Ask(_)), "{odd}");
        }
    }

    #[test]
    fn content_leaves_only_where_it_is_noted_and_the_mail_is_still_its_senders() {
        let yes = |code| Answer::Reply { code, text: String::new() };
        for (is_noted, is_ours) in [(true, true), (true, false), (false, true)] {
            let (mut mail, first) = Sending::begin();
            assert_eq!(first, Step::Ask(Stage::Sender));
            assert_eq!(mail.answered(yes(250)), Step::Ask(Stage::Recipient));
            assert_eq!(mail.answered(yes(250)), Step::Note);
            let noted = mail.noted(is_noted);
            assert_eq!(noted, if is_noted { Step::Ask(Stage::Data) } else { Step::End(None) });
            if is_noted {
                assert_eq!(mail.answered(yes(354)), Step::Look);
                let looked = mail.looked(is_ours);
                assert_eq!(looked, if is_ours { Step::Ask(Stage::Body) } else { Step::End(None) });
            }
            if is_noted && is_ours {
                assert_eq!(mail.answered(yes(250)), Step::End(Some(Verdict::Sent("250 ".into()))));
            }
        }
    }

    #[test]
    fn a_servers_words_are_kept_short_and_on_one_line() {
        let text = words(&format!("a\r\nb\0{}", "x".repeat(1_000)));
        assert!(text.starts_with("a  b ") && text.chars().count() == MAX_REASON);
    }
}

//! What a tenant's file says of mails that the server may or may not have.

use std::time::Duration;

use bellwether_runtime::config::{Ambiguous, Mail, WhenAmbiguous};

use super::kind::MailKind;

/// That long before a provider forgets a mail it is not relied on any more: an attempt begun now has to end before.
const MARGIN: Duration = Duration::from_mins(10);

/// What becomes of a tenant's mails that may have arrived, and by what its provider knows one that it has already.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    ambiguous: Ambiguous,
    /// `NAME: ` of the provider's header, and how long a mail may be sent again under one value of it.
    idempotency: Option<(String, Duration)>,
}

impl Terms {
    /// As the tenant's file says.
    #[must_use]
    pub fn of(mail: &Mail) -> Self {
        let idempotency =
            mail.idempotency().map(|(header, life)| (format!("{header}: "), life.saturating_sub(MARGIN)));
        Self { ambiguous: mail.ambiguous.clone(), idempotency }
    }

    /// `NAME: ` of the provider's header.
    pub(super) fn header(&self) -> Option<&str> {
        self.idempotency.as_ref().map(|(header, _)| header.as_str())
    }

    /// How long a mail may be sent again with one value of the header.
    pub(super) fn life(&self) -> Option<Duration> {
        self.idempotency.as_ref().map(|(_, life)| *life)
    }

    /// What becomes of a mail that may have arrived. Of an unknown kind, which a newer version may have written, no
    /// second mail goes out.
    pub(crate) fn when_ambiguous(&self, kind: &str) -> WhenAmbiguous {
        kind.parse().map_or(WhenAmbiguous::Hold, |kind: MailKind| self.of_kind(kind))
    }

    /// The kinds of which a mail that may have arrived goes out once more.
    pub(super) fn sent_once_more(&self) -> Vec<&'static str> {
        let again = |kind: &MailKind| self.of_kind(*kind) == WhenAmbiguous::SendOnceMore;
        MailKind::all().filter(again).map(MailKind::name).collect()
    }

    fn of_kind(&self, kind: MailKind) -> WhenAmbiguous {
        let Ambiguous { alerts, daily_brief, digest, news_reminder, news_correction } = self.ambiguous;
        let chosen = match kind {
            MailKind::Alert(_) => alerts,
            MailKind::Brief => daily_brief,
            MailKind::Digest => digest,
            MailKind::Reminder => news_reminder,
            MailKind::Correction => news_correction,
            MailKind::Test => None,
        };
        chosen.unwrap_or_else(|| kind.when_ambiguous())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::samples;

    #[test]
    fn a_tenants_word_about_a_kind_counts_and_every_other_kind_stays_as_it_is() {
        let mut mail = samples::tenant("fxlabs").mail;
        assert_eq!(Terms::of(&mail).when_ambiguous("rsi_tracker"), WhenAmbiguous::SendOnceMore);
        mail.ambiguous.alerts = Some(WhenAmbiguous::Hold);
        mail.ambiguous.daily_brief = Some(WhenAmbiguous::SendOnceMore);
        let terms = Terms::of(&mail);
        assert_eq!(terms.sent_once_more(), ["daily_brief"]);
        for (kind, expected) in [
            ("rsi_tracker", WhenAmbiguous::Hold),
            ("daily_brief", WhenAmbiguous::SendOnceMore),
            ("digest", WhenAmbiguous::Hold),
            ("kind_of_a_newer_version", WhenAmbiguous::Hold),
        ] {
            assert_eq!(terms.when_ambiguous(kind), expected, "{kind}");
        }
    }

    #[test]
    fn a_provider_is_relied_on_until_ten_minutes_before_it_forgets() {
        let mut mail = samples::tenant("fxlabs").mail;
        assert_eq!((Terms::of(&mail).header(), Terms::of(&mail).life()), (None, None));
        mail.idempotency_header = Some("X-Key".parse().unwrap());
        mail.idempotency_life = Some(Duration::from_hours(1));
        let terms = Terms::of(&mail);
        assert_eq!((terms.header(), terms.life()), (Some("X-Key: "), Some(Duration::from_mins(50))));
    }
}

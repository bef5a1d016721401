//! What a user wishes of mail, as `public.notification_preferences` has it. A kind's own row says for its kind, the row
//! of kind `all` for every kind without one; `email` false in it switches everything off. Muted symbols and currencies
//! stand in the row of kind `all`.

use std::collections::BTreeMap;

use bellwether_schemas::Timestamp;
use bellwether_schemas::ids::match_key;
use chrono_tz::Tz;

use super::{Quiet, QuietAction};
use crate::mail::kind::MailKind;

/// What one row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::mail) struct Wish {
    /// Mails are wanted.
    pub(in crate::mail) email: bool,
    /// In a digest.
    pub(in crate::mail) digest: bool,
    pub(in crate::mail) quiet: Option<Quiet>,
}

impl Default for Wish {
    fn default() -> Self {
        NO_ROW
    }
}

/// What holds for a user without a row.
const NO_ROW: Wish = Wish { email: true, digest: false, quiet: None };

/// What one user's rows say together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::mail) struct Wishes {
    /// The row of kind `all`.
    pub(in crate::mail) all: Option<Wish>,
    pub(in crate::mail) own: BTreeMap<MailKind, Wish>,
    /// What muted symbols are matched by.
    pub(in crate::mail) muted: Vec<String>,
    /// Of which currencies news are wanted; empty: of all.
    pub(in crate::mail) currencies: Vec<String>,
}

impl Wishes {
    /// Those of a user without a row.
    pub(in crate::mail) const NOTHING: Self =
        Self { all: None, own: BTreeMap::new(), muted: Vec::new(), currencies: Vec::new() };

    /// The user wants mails of that kind at all.
    pub(in crate::mail) fn wants(&self, kind: MailKind) -> bool {
        let email = |wish: Option<&Wish>| wish.is_none_or(|wish| wish.email);
        !kind.can_be_switched_off() || email(self.all.as_ref()) && email(self.own.get(&kind))
    }

    /// The row that says when and how mails of that kind come.
    pub(super) fn of(&self, kind: MailKind) -> &Wish {
        self.own.get(&kind).or(self.all.as_ref()).unwrap_or(&NO_ROW)
    }

    /// What is to be done with a mail of that kind now, in quiet hours, and when they end. A brief comes at the hour its
    /// reader knows, and a test when somebody asks for it.
    pub(in crate::mail) fn quiet_end(
        &self,
        kind: MailKind,
        tenants: Tz,
        now: Timestamp,
    ) -> Option<(QuietAction, Timestamp)> {
        if matches!(kind, MailKind::Brief | MailKind::Test) {
            return None;
        }
        let quiet = self.of(kind).quiet?;
        Some((quiet.action, quiet.end(tenants, now)?))
    }

    /// The user wants no mail of that symbol, named with or without the tenant's suffix.
    pub(in crate::mail) fn mutes(&self, symbol: &str, suffix: &str) -> bool {
        let names = [symbol, symbol.strip_suffix(suffix).unwrap_or(symbol)];
        !self.muted.is_empty() && names.map(match_key).iter().any(|name| self.muted.contains(name))
    }

    /// The user wants news of that currency.
    pub(in crate::mail) fn hears_of(&self, currency: &str) -> bool {
        self.currencies.is_empty() || self.currencies.iter().any(|of| of.eq_ignore_ascii_case(currency))
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::alerts::AlertKind;
    use chrono::NaiveTime;

    use super::*;

    const RSI: MailKind = MailKind::Alert(AlertKind::RsiTracker);
    const PRICE: MailKind = MailKind::Alert(AlertKind::PriceAlert);

    fn wishes(all: Option<Wish>, own: Option<Wish>) -> Wishes {
        let own = own.into_iter().map(|wish| (RSI, wish)).collect();
        Wishes { all, own, ..Wishes::default() }
    }

    #[test]
    fn off_for_all_is_off_whatever_a_kind_says_and_off_for_a_kind_is_off_for_that_kind() {
        let email = |email| Some(Wish { email, ..Wish::default() });
        let of = |all, own| {
            let wishes = wishes(all, own);
            (wishes.wants(RSI), wishes.wants(PRICE))
        };
        assert_eq!(of(None, None), (true, true));
        assert_eq!(of(None, email(false)), (false, true));
        assert_eq!(of(email(false), None), (false, false));
        assert_eq!(of(email(false), email(true)), (false, false));
        assert_eq!(of(email(true), email(false)), (false, true));
        assert!(wishes(email(false), None).wants(MailKind::Test));
    }

    #[test]
    fn a_kinds_own_row_says_when_and_how_and_that_of_all_for_the_others() {
        let quiet = Quiet {
            from: NaiveTime::MIN,
            to: NaiveTime::from_hms_opt(1, 0, 0).unwrap(),
            zone: None,
            action: QuietAction::Drop,
        };
        let all = Wish { quiet: Some(quiet), ..Wish::default() };
        let own = Wish { digest: true, ..Wish::default() };
        let wishes = wishes(Some(all), Some(own));
        let now = "2026-03-04T00:30:00Z".parse().unwrap();
        assert_eq!(wishes.quiet_end(RSI, Tz::UTC, now), None, "its own row has no quiet hours");
        assert!(wishes.quiet_end(PRICE, Tz::UTC, now).is_some());
        assert_eq!((wishes.of(RSI).digest, wishes.of(PRICE).digest), (true, false));
        assert_eq!(wishes.quiet_end(MailKind::Brief, Tz::UTC, now), None);
    }

    #[test]
    fn symbols_are_muted_however_they_are_spelt_and_none_beside() {
        let muted = ["EUR/USD", "xauusdm"].map(match_key).to_vec();
        let wishes = Wishes { muted, ..Wishes::default() };
        let mutes = |symbol: &str| wishes.mutes(symbol, "m");
        assert!(mutes("EURUSDm") && mutes("EURUSD") && mutes("XAUUSDm"));
        assert!(!mutes("EURUS") && !mutes("GBPUSDm"));
    }

    #[test]
    fn news_of_all_currencies_are_told_where_none_is_named() {
        let some = Wishes { currencies: vec!["usd".into()], ..Wishes::default() };
        assert!(some.hears_of("USD") && !some.hears_of("EUR"));
        assert!(Wishes::default().hears_of("EUR"));
    }
}

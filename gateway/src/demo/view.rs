//! What the page is told, as it travels: small structs, times in milliseconds of UTC.

use std::collections::BTreeMap;

use bellwether_runtime::config::Colour;
use bellwether_schemas::triggers::TriggerFired;
use bellwether_schemas::{TenantId, Timeframe, Timestamp};
use serde::{Serialize, Serializer};

/// One message to the page.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Frame {
    /// Everything, in the tenants' order: the first message of a connection.
    Snapshot {
        /// One entry a tenant, by id.
        tenants: Vec<TenantView>,
    },
    /// What changed of one tenant since the message before.
    Delta(Box<TenantView>),
}

/// A tenant, or what changed of it. What is left out did not change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TenantView {
    /// Whose: never anything of another's.
    pub tenant: TenantId,
    /// Who it is; in snapshots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
    /// Event time of the newest journal record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_time: Option<Millis>,
    /// Symbols whose price or reading changed since the frame before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub symbols: Vec<SymbolView>,
    /// New triggers, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<TriggerLine>,
    /// The latest rows of the database, newest first: replaces what was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<RowLine>>,
    /// Where alerts stand: replaces what was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statuses: Option<Vec<StatusLine>>,
    /// New mails, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mails: Vec<MailLine>,
    /// Totals since the start, where one of them changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
}

impl TenantView {
    /// Is there anything to tell?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let lists = self.symbols.is_empty() && self.triggers.is_empty() && self.mails.is_empty();
        let tables = self.rows.is_none() && self.statuses.is_none();
        lists && tables && self.about.is_none() && self.event_time.is_none() && self.counts.is_none()
    }
}

/// A tenant's name, colours and zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct About {
    /// The brand's name, as people read it.
    pub name: String,
    /// Background of the header bar, `#rrggbb`.
    pub bar: String,
    /// Text on that bar, chosen for contrast.
    pub on_bar: &'static str,
    /// Lines and marks, `#rrggbb`.
    pub accent: String,
    /// Name in the zone database.
    pub zone: String,
}

/// A symbol, or what changed of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SymbolView {
    /// Place in the tenant's order.
    pub index: usize,
    /// As shown to people; in snapshots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The last accepted bid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bid: Option<f64>,
    /// Decimals of the bid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digits: Option<u8>,
    /// New closes of one-minute bars, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub closes: Vec<f64>,
    /// RSI 14 by timeframe, those that changed; null while it warms up.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rsi: BTreeMap<Timeframe, Option<f64>>,
}

/// A trigger as a sentence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TriggerLine {
    /// Id of the trigger: the page shows each once.
    pub id: String,
    /// Name of its alert's kind.
    pub kind: &'static str,
    /// Close of the trigger's bar, or the tick's time.
    pub at: Millis,
    /// The side that fired.
    pub condition: String,
    /// The trigger's sentence, with its symbol.
    pub text: String,
}

impl TriggerLine {
    /// The trigger as shown; `suffix` is what the tenant adds to symbols.
    #[must_use]
    pub fn of(trigger: &TriggerFired, suffix: &str) -> Self {
        Self {
            id: trigger.id.to_string(),
            kind: trigger.kind.name(),
            at: trigger.close_time.into(),
            condition: trigger.condition.to_string(),
            text: trigger.sentence_with_symbol(suffix).unwrap_or_else(|_| bare(trigger, suffix)),
        }
    }
}

/// A row as it stands in the tenant's database.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowLine {
    /// The row's id: the trigger's.
    pub id: String,
    /// Name of the kind whose table it is in.
    pub kind: String,
    /// Column `triggered_at`: close of the bar, or the tick's time.
    pub at: Millis,
    /// Symbol, pair or currency, as shown to people.
    pub symbol: String,
    /// What happened, in the word of the kind's column.
    pub condition: String,
    /// The trigger's sentence, as its column `detail` keeps it.
    pub text: String,
    /// Column `price`: at that moment.
    pub price: Option<f64>,
}

/// Where an alert stands, as its user's page would show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusLine {
    /// Id of the alert.
    pub id: String,
    /// Name of its kind.
    pub kind: String,
    /// Whose it is, as the page calls them.
    pub user: String,
    /// Column `state`: `active`, `warming`, `refused` …
    pub state: String,
    /// Why it stands there, where there is something to say.
    pub reason: Option<String>,
    /// When it fired last, event time.
    pub last: Option<Millis>,
    /// How often it fired.
    pub triggers: u64,
}

/// A mail in the inbox.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MailLine {
    /// Its number: `/inbox/{id}` shows it.
    pub id: u64,
    /// What kind of mail it is; empty where it does not say.
    pub kind: String,
    /// Subject of the mail.
    pub subject: String,
    /// Address that the mail went to.
    pub to: String,
    /// When the inbox took it, wall clock.
    pub at: Millis,
}

/// Totals of a tenant since this start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Ticks in the journal.
    pub ticks: u64,
    /// Bars that closed, of every timeframe.
    pub bars: u64,
    /// Triggers on the log.
    pub triggers: u64,
    /// Rows in the database.
    pub rows: u64,
    /// Mails owed: an alert at a bar close.
    pub mail_groups: u64,
    /// What became of them.
    pub mails: MailCounts,
}

/// What became of the mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct MailCounts {
    /// Taken by the server.
    pub sent: u64,
    /// Held back by a limit or quiet hours.
    pub held: u64,
    /// Not wanted, or not to be sent to that address.
    pub suppressed: u64,
    /// Mails that are given up; the outbox says why.
    pub failed: u64,
}

/// A time on its way to a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Millis(pub Timestamp);

impl From<Timestamp> for Millis {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0.0.div_euclid(1_000))
    }
}

/// Of a trigger whose detail cannot be read: `EUR/USD: overbought on 5M`.
fn bare(trigger: &TriggerFired, suffix: &str) -> String {
    let symbol = trigger.symbol.as_ref().map(|symbol| symbol.display(suffix));
    let what = symbol.or_else(|| trigger.pair.clone()).map(|what| format!("{what}: ")).unwrap_or_default();
    let timeframe = trigger.timeframe.map_or("tick", Timeframe::code);
    format!("{what}{} on {timeframe}", trigger.condition)
}

/// Black or white, whichever is easier to read on that colour (WCAG 2.2, relative luminance).
#[must_use]
pub fn readable_on(colour: Colour) -> &'static str {
    // Where contrast with #0b1020 (luminance 0.0053) equals contrast with white.
    if (colour.luminance() + 0.05).powi(2) > 1.05 * 0.0553 { "#0b1020" } else { "#ffffff" }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::alerts::AlertKind;
    use bellwether_schemas::triggers::Condition;

    use super::*;
    use crate::live::fixtures::trigger;

    fn shown(change: impl FnOnce(&mut TriggerFired)) -> String {
        let mut trigger = trigger("fxlabs", "EURUSDm");
        change(&mut trigger);
        TriggerLine::of(&trigger, "m").text
    }

    #[test]
    fn a_trigger_is_shown_as_the_engine_s_sentence_after_its_symbol() {
        let text = "EUR/USD: RSI 14 on 5M went from 68.9 to 71.2, at or above your 70";
        assert_eq!(shown(|_| {}), text);
        let older = r#"{"rsi_period":14,"overbought":70,"oversold":30}"#;
        assert_eq!(shown(|trigger| trigger.detail = older.into()), text);
    }

    #[test]
    fn a_price_alert_is_shown_as_a_price_alert() {
        let price = shown(|trigger| {
            (trigger.kind, trigger.condition, trigger.timeframe) =
                (AlertKind::PriceAlert, Condition::Below, None);
            (trigger.previous, trigger.value, trigger.threshold) = (Some(1.0951), Some(1.0949), Some(1.095));
            trigger.detail = r#"{"side":"below","level":1.095,"on_close":null}"#.into();
        });
        assert_eq!(price, "EUR/USD: the price went from 1.0951 to 1.0949, at or below your 1.095");
    }

    #[test]
    fn a_trigger_whose_detail_cannot_be_read_is_shown_without_it() {
        assert_eq!(shown(|trigger| trigger.detail = "[]".into()), "EUR/USD: overbought on 5M");
    }

    #[test]
    fn text_on_a_brand_s_bar_is_readable() {
        let on = |colour: &str| readable_on(colour.parse().unwrap());
        assert_eq!((on("#07c05c"), on("#2e1065"), on("#ffffff")), ("#0b1020", "#ffffff", "#0b1020"));
    }

    #[test]
    fn times_travel_as_milliseconds() {
        assert_eq!(serde_json::to_string(&Millis(Timestamp(1_500))).unwrap(), "1");
    }
}

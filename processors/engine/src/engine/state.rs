//! The engine's whole state as data: what an engine was stored with at an offset, another goes on with from there,
//! byte for byte. Not stored is what follows from the rest: the table of names and the indexes of alerts.

use std::borrow::Cow;

use bellwether_schemas::TenantId;
use bellwether_schemas::Timestamp;
use bellwether_schemas::settings::Settings;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Engine, Shown};
use crate::admission::Sequences;
use crate::alerts::Alerts;
use crate::leaders::Leaders;
use crate::pairs::Pair;
use crate::series::SymbolState;
use crate::symbols::SymbolTable;
use crate::watermark::Watermark;

/// In the order in which it is written.
#[derive(Serialize, Deserialize)]
struct State<'a> {
    tenant: Cow<'a, TenantId>,
    revision: Option<i64>,
    settings: Cow<'a, Settings>,
    symbols: Cow<'a, [SymbolState]>,
    sequences: Cow<'a, Sequences>,
    watermark: Cow<'a, Watermark>,
    alerts: Cow<'a, Alerts>,
    pairs: Cow<'a, [Pair]>,
    leaders: Cow<'a, Leaders>,
    shown: Cow<'a, Shown>,
    next_end: Timestamp,
    halted: bool,
}

/// Everything that a record can change. The same state has the same bytes, in any format that keeps the bits of a
/// double and takes maps whose keys are no text.
impl Serialize for Engine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            tenant,
            revision,
            settings,
            table: _,
            symbols,
            sequences,
            watermark,
            alerts,
            pairs,
            leaders,
            shown,
            says_readings: _,
            next_end,
            halted,
        } = self;
        let state = State {
            tenant: Cow::Borrowed(tenant),
            revision: *revision,
            settings: Cow::Borrowed(settings),
            symbols: Cow::Borrowed(symbols),
            sequences: Cow::Borrowed(sequences),
            watermark: Cow::Borrowed(watermark),
            alerts: Cow::Borrowed(alerts),
            pairs: Cow::Borrowed(pairs),
            leaders: Cow::Borrowed(leaders),
            shown: Cow::Borrowed(shown),
            next_end: *next_end,
            halted: *halted,
        };
        state.serialize(serializer)
    }
}

/// Readings are among its effects, whatever the stored engine was asked for.
impl<'de> Deserialize<'de> for Engine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let state = State::deserialize(deserializer)?;
        let table = SymbolTable::new(&state.settings);
        let mut alerts = state.alerts.into_owned();
        alerts.index(&table);
        Ok(Self {
            tenant: state.tenant.into_owned(),
            revision: state.revision,
            settings: state.settings.into_owned(),
            table,
            symbols: state.symbols.into_owned(),
            sequences: state.sequences.into_owned(),
            watermark: state.watermark.into_owned(),
            alerts,
            pairs: state.pairs.into_owned(),
            leaders: state.leaders.into_owned(),
            shown: state.shown.into_owned(),
            says_readings: true,
            next_end: state.next_end,
            halted: state.halted,
        })
    }
}

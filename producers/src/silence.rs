//! For how long a source says nothing of a symbol whose market is open. A source whose connection hangs may go on to say
//! what time it is: only by its symbols is it known to be dead.

use std::collections::BTreeMap;
use std::sync::Arc;

use bellwether_runtime::incident::{IncidentKind, Incidents};
use bellwether_schemas::ids::match_key;
use bellwether_schemas::market_hours::MarketHours;
use bellwether_schemas::settings::{Settings, SymbolSettings};
use bellwether_schemas::ticks::TickBlock;
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::{Entry, TenantId, Timestamp};

use crate::events::Silent;

/// A feed is dead when more than half of the symbols that it had a price of have been silent for so long.
const DEAD_AFTER: i64 = 10 * MINUTE;
/// Most symbols that an operator is told by name.
const NAMED: usize = 5;

/// What one source has said of the tenant's symbols.
pub(crate) struct Silence {
    tenant: TenantId,
    source: String,
    settings: Option<Arc<Settings>>,
    /// Who is told that it is dead; none: what it plays is over, however old its prices are.
    incidents: Option<Incidents>,
    /// Event time of each symbol's last tick, by the source's name for it. As many as the tenant has symbols at most.
    last: BTreeMap<String, Heard>,
}

#[derive(Debug, Clone)]
struct Heard {
    /// The tenant's own spelling.
    symbol: String,
    hours: MarketHours,
    at: Timestamp,
}

impl Silence {
    /// Of a tenant whose settings are not known, nothing is measured.
    pub(crate) fn of(
        tenant: &TenantId,
        source: &str,
        settings: Option<Arc<Settings>>,
        incidents: Option<Incidents>,
    ) -> Self {
        Self { tenant: tenant.clone(), source: source.into(), settings, incidents, last: BTreeMap::new() }
    }

    /// Takes in what the source says, and measures the silence of each symbol by its clock.
    pub(crate) fn note(&mut self, entry: &Entry) {
        let now = match entry {
            Entry::Ticks(block) => return self.hear(block),
            Entry::Heartbeat(beat) => beat.ts,
            _ => return,
        };
        for (symbol, silent) in self.silent_at(now) {
            Silent { tenant: &self.tenant, source: &self.source, symbol, silent }.emit();
        }
        self.tell(now);
    }

    /// Tells an operator that the feed is dead, or that it is not. Of one that never had a price nothing is known.
    fn tell(&self, now: Timestamp) {
        let Some(incidents) = self.incidents.as_ref().filter(|_| !self.last.is_empty()) else { return };
        let dead: Vec<(&str, i64)> = self.silent_at(now).filter(|(_, silent)| *silent > DEAD_AFTER).collect();
        if dead.len() * 2 <= self.last.len() {
            return incidents.end(IncidentKind::DeadFeed, &self.tenant);
        }
        let named: Vec<&str> = dead.iter().take(NAMED).map(|(symbol, _)| *symbol).collect();
        let others = match dead.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let least = dead.iter().map(|(_, silent)| silent / MINUTE).min().unwrap_or_default();
        let text = format_args!(
            "{} goes on to say what time it is, but for {least} minutes of open markets it has sent no price of {}{others}",
            self.source,
            named.join(", ")
        );
        incidents.begin(IncidentKind::DeadFeed, &self.tenant, text);
    }

    fn hear(&mut self, block: &TickBlock) {
        let mut latest: Vec<Option<Timestamp>> = vec![None; block.symbols.len()];
        for tick in &block.ticks {
            if let Some(latest) = latest.get_mut(usize::from(tick.symbol)) {
                *latest = (*latest).max(Some(tick.ts));
            }
        }
        for (symbol, latest) in block.symbols.iter().zip(latest) {
            latest.into_iter().for_each(|at| self.heard(&symbol.name, at));
        }
    }

    fn heard(&mut self, name: &str, at: Timestamp) {
        if let Some(heard) = self.last.get_mut(name) {
            heard.at = heard.at.max(at);
        } else if let Some(known) = self.settings.as_deref().and_then(|settings| listed(settings, name)) {
            let heard = Heard { symbol: known.name.to_string(), hours: known.into(), at };
            self.last.insert(name.into(), heard);
        }
    }

    /// Microseconds of event time, by symbol.
    fn silent_at(&self, now: Timestamp) -> impl Iterator<Item = (&str, i64)> {
        self.last
            .values()
            .map(move |Heard { symbol, hours, at }| (symbol.as_str(), hours.open_between(*at, now)))
    }
}

/// The tenant's symbol that a source calls so, with the tenant's suffix or without.
fn listed<'a>(settings: &'a Settings, name: &str) -> Option<&'a SymbolSettings> {
    let find = |key: String| settings.symbols.iter().find(|symbol| match_key(symbol.name.as_str()) == key);
    find(match_key(name)).or_else(|| find(match_key(&format!("{name}{}", settings.symbol_suffix))))
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::Origin;
    use bellwether_schemas::journal::Heartbeat;
    use bellwether_schemas::ticks::{BlockSymbol, Tick};
    use bellwether_schemas::time::{HOUR, MINUTE};

    use super::*;

    fn origin() -> Origin {
        Origin {
            tenant: "fxlabs".parse().unwrap(),
            source: "feed".into(),
            session: "s".into(),
            played: false,
            appended_at: Timestamp(0),
        }
    }

    fn ticks(name: &str, ts: Timestamp) -> Entry {
        let symbol = BlockSymbol { name: name.into(), scale: 5, judged: false, spacing: None };
        let tick = Tick { ts, symbol: 0, bid: 1, ask: 2 };
        let (symbols, ticks, volumes) = (vec![symbol], vec![tick], Vec::new());
        Entry::Ticks(TickBlock {
            origin: origin(),
            ingested_at: ts,
            first_seq: None,
            symbols,
            ticks,
            volumes,
        })
    }

    fn silence() -> Silence {
        let mut settings =
            Settings::with_symbols(["EURUSDm", "BTCUSDm"].map(|s| s.parse().unwrap()).into(), "m");
        settings.symbols[1].always_open = true;
        Silence::of(&"fxlabs".parse().unwrap(), "feed", Some(Arc::new(settings)), None)
    }

    fn silent_at(silence: &Silence, now: Timestamp) -> Vec<(String, i64)> {
        silence.silent_at(now).map(|(symbol, silent)| (symbol.to_string(), silent)).collect()
    }

    fn expected<const N: usize>(symbols: [(&str, i64); N]) -> Vec<(String, i64)> {
        symbols.map(|(symbol, silent)| (symbol.to_string(), silent)).into()
    }

    #[test]
    fn a_symbol_is_silent_while_its_source_goes_on_and_its_market_is_open() {
        let mut silence = silence();
        // 17:00 in New York is 22:00 in winter.
        let friday: Timestamp = "2026-01-09T21:50:00Z".parse().unwrap();
        silence.note(&ticks("EUR/USD", friday));
        silence.note(&ticks("btcusdm", friday));
        silence.note(&ticks("EUR/USD", friday.plus(-MINUTE)));
        let soon = silent_at(&silence, friday.plus(5 * MINUTE));
        assert_eq!(soon, expected([("EURUSDm", 5 * MINUTE), ("BTCUSDm", 5 * MINUTE)]));
        let weekend = silent_at(&silence, friday.plus(24 * HOUR));
        assert_eq!(weekend, expected([("EURUSDm", 10 * MINUTE), ("BTCUSDm", 24 * HOUR)]));
        silence.note(&Entry::Heartbeat(Heartbeat { origin: origin(), ts: friday.plus(24 * HOUR) }));
        assert_eq!(
            silent_at(&silence, friday.plus(24 * HOUR)),
            weekend,
            "what time it is says nothing of a price"
        );
    }

    #[test]
    fn nothing_is_measured_of_what_the_tenant_does_not_list() {
        let mut silence = silence();
        silence.note(&ticks("DOGEUSD", Timestamp(0)));
        assert_eq!(silent_at(&silence, Timestamp(MINUTE)), expected([]));
    }
}

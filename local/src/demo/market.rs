//! What feeds tenants' journals in the demo with prices: files where some are given, else a synthetic market with its
//! past.

use std::collections::BTreeMap;

use bellwether_producers::ProducerError;
use bellwether_producers::sources::synthetic::Market;
use bellwether_roles::{FileJob, Job, MarketChoice, Production, Seed, SyntheticJob};
use bellwether_runtime::config::Tenant;
use bellwether_schemas::ids::match_key;
use bellwether_schemas::time::HOUR;
use bellwether_schemas::{TenantId, Timestamp, price};

use super::Options;

/// Each tenant watches a market of its own, so that a mix-up would be seen. Between one and two ticks a second and
/// symbol are what retail feeds bring in quiet hours.
const MARKET: MarketChoice = MarketChoice { seed: Seed::OfTenant(seed), ticks_a_minute: 60 };
/// History ends this long before the first start; from there ticks play until they meet the present.
const BEHIND: i64 = 2 * HOUR;

fn seed(tenant: &TenantId) -> u64 {
    bellwether_schemas::ids::derive(&format!("demo market|{tenant}")).as_u64_pair().0
}

/// What the synthetic market's symbols cost where its ticks begin, by what their names come down to. Of files nothing
/// is known before they are played.
pub(super) fn opening(
    options: &Options,
    tenant: &Tenant,
    now: Timestamp,
) -> Result<BTreeMap<String, f64>, ProducerError> {
    if !options.inputs.is_empty() {
        return Ok(BTreeMap::new());
    }
    let market = Market::new(seed(&tenant.id), &tenant.settings, MARKET.ticks_a_minute)?;
    let (_, shapes) = market.minutes(now.plus(-BEHIND)).next_minute();
    let symbols = tenant.settings.symbols.iter().map(|symbol| &symbol.name).zip(shapes);
    let suffix = &tenant.settings.symbol_suffix;
    Ok(symbols
        .map(|(name, shape)| (match_key(name.base(suffix)), price::value(shape.open, shape.scale)))
        .collect())
}

/// The job that feeds the journals.
pub(super) fn job(options: &Options, now: Timestamp) -> Job {
    Job::Produce(if options.inputs.is_empty() {
        Production::Synthetic(SyntheticJob {
            market: MARKET,
            speed: options.speed,
            start: now.plus(-BEHIND),
            with_past: true,
            until: None,
            run_for: None,
        })
    } else {
        let Options { inputs, reading, speed, .. } = options.clone();
        Production::File(FileJob { inputs, options: reading, speed })
    })
}

//! The engine taken apart, and put together again.
//!
//! Left out is what follows from the rest: the table of names and the indexes of alerts, where pairs' symbols stand,
//! what ends next, and what readings show, which is looked up again at the next instant. Whether readings are asked
//! for is no state: who goes on says so anew.

use std::collections::BTreeMap;

use bellwether_schemas::TenantId;
use bellwether_schemas::settings::{Settings, SymbolSettings};

use super::{Engine, Shown};
use crate::admission::Sequences;
use crate::alerts::{Alerts, Restoring};
use crate::calendar::Calendar;
use crate::leaders::Leaders;
use crate::pairs::{self, Pair};
use crate::series::{NEVER, SymbolState, anchor_of};
use crate::snapshot::{BUCKET, Body, Misfit, Part, PartKey, SnapshotError, stored};
use crate::symbols::SymbolTable;
use crate::watermark::Watermark;
use crate::{ENGINE_VERSION, Version};

impl Engine {
    /// Everything that a record can change, one part after the other: each is made when it is asked for.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        let Self { symbols, pairs, alerts, .. } = self;
        let symbols = (0..).zip(symbols.iter()).map(|(place, state)| symbol_part(place, state.store()));
        let pairs = (0..).zip(pairs.iter()).map(|(place, pair)| pair_part(place, pair.store()));
        let alerts = (0..).zip(alerts.buckets()).map(|(bucket, alerts)| bucket_part(bucket, alerts));
        let mut small = self.small_parts().into_iter();
        let core = small.next();
        core.into_iter().chain(symbols).chain(pairs).chain(small).chain(alerts)
    }

    /// What is neither a symbol nor a pair nor alerts: the core first.
    pub(super) fn small_parts(&self) -> Vec<Part> {
        let Self {
            tenant,
            revision,
            version,
            settings,
            table: _,
            symbols: _,
            sequences,
            watermark,
            alerts,
            pairs: _,
            leaders,
            calendar,
            shown: _,
            says_readings: _,
            says_bars: _,
            next_end: _,
            halted,
            taken: _,
            rules: _,
            observed: _,
        } = self;
        let core = stored::Core {
            engine_version: version.number(),
            tenant: tenant.as_str().into(),
            revision: *revision,
            settings: stored::Settings::of(settings),
            watermark: watermark.store(),
            sequences: sequences.store(),
            alerts: alerts.len() as u64,
            halted: *halted,
        };
        let core = Part::new(PartKey::Core, Body::Core(Box::new(core)));
        let leaders = Part::new(PartKey::Leaders, Body::Leaders(Box::new(leaders.store())));
        let calendar =
            (!calendar.is_empty()).then(|| Part::new(PartKey::Calendar, Body::Calendar(calendar.store())));
        let disabled = alerts.store_disabled();
        let disabled = (!disabled.is_empty()).then(|| Part::new(PartKey::Disabled, Body::Disabled(disabled)));
        [core, leaders].into_iter().chain(calendar).chain(disabled).collect()
    }

    /// The engine of which these are the parts, by their names and as their bytes: see [`Self::from_parts`].
    ///
    /// # Errors
    /// As there, or when one of them is no part.
    pub fn from_stored<'a>(
        tenant: TenantId,
        parts: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, SnapshotError> {
        let parts = parts.into_iter().map(|(name, bytes)| Part::decode(name.parse()?, bytes));
        Self::from_parts(tenant, parts.collect::<Result<Vec<_>, SnapshotError>>()?)
    }

    /// The engine of which these are the parts, in any order. It gives readings, whatever the stored one was asked for.
    ///
    /// # Errors
    /// When they are not all the parts of one state of this tenant that this build can go on from.
    pub fn from_parts(
        tenant: TenantId,
        parts: impl IntoIterator<Item = Part>,
    ) -> Result<Self, SnapshotError> {
        let mut parts = Parts::collect(parts)?;
        let stored::Core {
            engine_version,
            tenant: found,
            revision,
            settings,
            watermark,
            sequences,
            alerts,
            halted,
        } = parts.core()?;
        let Some(version) = Version::of(engine_version) else {
            return Err(SnapshotError::NewerEngine { version: engine_version, known: ENGINE_VERSION });
        };
        if found != tenant.as_str() {
            return Err(SnapshotError::ForeignTenant { found, expected: tenant.to_string() });
        }
        let misfit = |misfit: Misfit| misfit.of(PartKey::Core);
        let settings = settings.restore().map_err(misfit)?;
        let table = SymbolTable::new(&settings);
        let symbols = parts.symbols(&settings)?;
        let engine = Self {
            tenant,
            revision,
            version,
            sequences: Sequences::restore(sequences, symbols.len()).map_err(misfit)?,
            watermark: Watermark::restore(watermark).map_err(misfit)?,
            alerts: parts.alerts(alerts, &table)?,
            pairs: parts.pairs(&settings, &table)?.into(),
            leaders: parts.leaders(&settings)?,
            calendar: parts.calendar()?,
            shown: Shown { is_stale: true, ..Shown::default() },
            says_readings: true,
            says_bars: true,
            next_end: symbols.iter().map(|state| state.next_end).min().unwrap_or(NEVER),
            halted,
            taken: None,
            rules: None,
            observed: None,
            symbols: symbols.into(),
            table,
            settings,
        };
        parts.end().map(|()| engine)
    }
}

pub(super) fn symbol_part(place: u32, state: stored::SymbolState) -> Part {
    Part::new(PartKey::Symbol(place), Body::Symbol(Box::new(state)))
}

pub(super) fn pair_part(place: u32, pair: stored::Pair) -> Part {
    Part::new(PartKey::Pair(place), Body::Pair(Box::new(pair)))
}

pub(super) fn bucket_part(bucket: u32, alerts: stored::Bucket) -> Part {
    Part::new(PartKey::Alerts(bucket), Body::Alerts(alerts))
}

/// Parts that are still to be taken.
struct Parts(BTreeMap<PartKey, Body>);

impl Parts {
    fn collect(parts: impl IntoIterator<Item = Part>) -> Result<Self, SnapshotError> {
        let mut collected = BTreeMap::new();
        for part in parts {
            let key = part.key();
            if collected.insert(key, part.into_body()).is_some() {
                return Err(SnapshotError::Twice { key });
            }
        }
        Ok(Self(collected))
    }

    fn core(&mut self) -> Result<stored::Core, SnapshotError> {
        match self.0.remove(&PartKey::Core) {
            Some(Body::Core(core)) => Ok(*core),
            _ => Err(SnapshotError::Missing { key: PartKey::Core }),
        }
    }

    fn symbols(&mut self, settings: &Settings) -> Result<Vec<SymbolState>, SnapshotError> {
        let symbol = |(place, listed): (u32, &SymbolSettings)| {
            let key = PartKey::Symbol(place);
            match self.0.remove(&key) {
                Some(Body::Symbol(stored)) => {
                    let begins = SymbolState::new(listed.name.clone(), anchor_of(listed, settings));
                    begins.restore(*stored).map_err(|misfit| misfit.of(key))
                }
                _ => Err(SnapshotError::Missing { key }),
            }
        };
        (0..).zip(&settings.symbols).map(symbol).collect()
    }

    fn pairs(&mut self, settings: &Settings, table: &SymbolTable) -> Result<Vec<Pair>, SnapshotError> {
        let pair = |(place, listed): (u32, Pair)| {
            let key = PartKey::Pair(place);
            match self.0.remove(&key) {
                Some(Body::Pair(stored)) => listed.restore(*stored).map_err(|misfit| misfit.of(key)),
                _ => Err(SnapshotError::Missing { key }),
            }
        };
        (0..).zip(pairs::listed(settings, table)).map(pair).collect()
    }

    fn leaders(&mut self, settings: &Settings) -> Result<Leaders, SnapshotError> {
        let key = PartKey::Leaders;
        match self.0.remove(&key) {
            Some(Body::Leaders(stored)) => {
                Leaders::restore(*stored, settings).map_err(|misfit| misfit.of(key))
            }
            _ => Err(SnapshotError::Missing { key }),
        }
    }

    /// Empty where no part says otherwise.
    fn calendar(&mut self) -> Result<Calendar, SnapshotError> {
        let key = PartKey::Calendar;
        match self.0.remove(&key) {
            None => Ok(Calendar::default()),
            Some(Body::Calendar(stored)) => Calendar::restore(stored).map_err(|misfit| misfit.of(key)),
            Some(_) => Err(SnapshotError::Missing { key }),
        }
    }

    /// Nobody where no part says otherwise.
    fn disabled(&mut self) -> Result<stored::Disabled, SnapshotError> {
        let key = PartKey::Disabled;
        match self.0.remove(&key) {
            None => Ok(stored::Disabled::new()),
            Some(Body::Disabled(disabled)) => Ok(disabled),
            Some(_) => Err(SnapshotError::Missing { key }),
        }
    }

    /// As many alerts as the core says.
    fn alerts(&mut self, count: u64, table: &SymbolTable) -> Result<Alerts, SnapshotError> {
        let most = self.0.len() * BUCKET;
        let disabled = self.disabled()?;
        let mut restoring = Restoring::new(usize::try_from(count).unwrap_or(most).min(most), disabled, table);
        let mut missing = count;
        for bucket in 0.. {
            if missing == 0 {
                break;
            }
            let key = PartKey::Alerts(bucket);
            let Some(Body::Alerts(stored)) = self.0.remove(&key) else {
                return Err(SnapshotError::Missing { key });
            };
            let expected = missing.min(BUCKET as u64);
            let fits =
                Misfit::unless(stored.len() as u64 == expected, "it has not the alerts that it should");
            fits.and_then(|()| restoring.take(stored)).map_err(|misfit| misfit.of(key))?;
            missing -= expected;
        }
        restoring.end()
    }

    /// Refuses parts that no place of the state asked for.
    fn end(self) -> Result<(), SnapshotError> {
        match self.0.into_keys().next() {
            Some(key) => Err(SnapshotError::Foreign { key }),
            None => Ok(()),
        }
    }
}

//! Alerts of one tenant: which version is watched since when, and the indexes by which a bar close finds those it
//! hits. The indexes know lines and places; what a kind means stands in its file.
//!
//! The first evaluation after an alert began to count is its *baseline*: later ones are compared with it, it fires nothing
//! itself. Nothing is stored for that: [`Alerts::counted_at`] compares two offsets.

mod columns;
mod crossing;
mod currency_strength;
mod fire;
mod heatmap_indicator;
mod heatmap_tracker;
mod price;
mod reason;
mod rsi_correlation;
mod rsi_tracker;
mod state;
mod warming;
mod watch;

use std::collections::{BTreeMap, BTreeSet};

use bellwether_schemas::alerts::{AlertChanged, AlertKind};
use bellwether_schemas::{AlertId, Timestamp, UserId};

use crate::snapshot::{Due, stored};
use crate::symbols::SymbolTable;
pub(crate) use currency_strength::{StrengthIndex, StrengthStep};
pub(crate) use fire::{Draft, Occasion, Subject, fire};
pub(crate) use heatmap_indicator::{TurnIndex, Turns, turned};
pub(crate) use heatmap_tracker::{HeatmapIndex, Silence, StyleStep, Zone};
pub(crate) use price::{PriceHit, PriceIndex};
pub(crate) use reason::Reason;
pub(crate) use rsi_correlation::{PairAt, PairIndex, is_real_mismatch};
pub(crate) use rsi_tracker::RsiIndex;
pub(crate) use state::Restoring;
pub(crate) use warming::{Awaited, Warming};
pub(crate) use watch::Watch;
pub use watch::check_columns;

/// Where an alert stands among all: the journal offset of its first record. It is the alert's name within the engine;
/// edits keep it.
pub(crate) type Rank = u64;

/// A version of an alert that is watched.
#[derive(Debug, Clone)]
pub(crate) struct Alert {
    pub(crate) id: AlertId,
    pub(crate) user_id: UserId,
    pub(crate) version: i64,
    /// Journal offset from which on it counts.
    pub(crate) effective: u64,
    pub(crate) watch: Watch,
}

/// What is remembered of every alert that ever was, so that old versions stay old.
#[derive(Debug, Clone, Copy)]
struct Known {
    id: AlertId,
    rank: Rank,
    version: i64,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// An old version, or a switch off: nothing to tell.
    Silent,
    /// Watched from here on; what of it is left out, for a person.
    Watched(Rank, Option<Reason>),
    /// Not taken, the version before stays; why, for a person.
    Refused(Reason),
}

/// All alerts of one tenant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Alerts {
    /// All that ever were, in the order of their first records: ranks rise.
    known: Vec<Known>,
    /// Where each of them stands.
    places: BTreeMap<AlertId, u32>,
    /// Buckets that a snapshot under way has still to copy.
    due: Due<stored::Bucket>,
    watched: BTreeMap<Rank, Alert>,
    /// Whom an operator disabled: they are watched and in no index, so that nothing finds them.
    disabled: BTreeSet<Rank>,
    expiring: BTreeSet<(Timestamp, Rank)>,
    pub(crate) warming: Warming,
    pub(crate) rsi: RsiIndex,
    pub(crate) pairs: PairIndex,
    pub(crate) heatmaps: HeatmapIndex,
    pub(crate) turns: TurnIndex,
    pub(crate) strength: StrengthIndex,
    pub(crate) price: PriceIndex,
}

impl Alerts {
    /// Takes a change in at this journal offset.
    pub(crate) fn change(
        &mut self,
        offset: u64,
        change: &AlertChanged,
        max_alerts: i64,
        symbols: &SymbolTable,
    ) -> Accepted {
        let place = self.places.get(&change.alert_id).map_or(self.known.len(), |place| *place as usize);
        let known = self.known.get(place).copied();
        if known.is_some_and(|known| change.version <= known.version) {
            return Accepted::Silent;
        }
        self.copy_before_change(place);
        let rank = known.map_or(offset, |known| known.rank);
        self.know(place, Known { id: change.alert_id, rank, version: change.version });
        if change.deleted || !change.active {
            self.forget(rank, symbols);
            return Accepted::Silent;
        }
        let full = usize::try_from(max_alerts).unwrap_or(0);
        if self.watched.len() >= full && !self.watched.contains_key(&rank) {
            return Accepted::Refused(Reason::Full { limit: max_alerts });
        }
        match Watch::parse(&change.parameters, symbols) {
            Ok((watch, left_out)) => {
                self.forget(rank, symbols);
                self.watch(rank, offset, change, watch, symbols);
                Accepted::Watched(rank, left_out)
            }
            Err(reason) => Accepted::Refused(reason),
        }
    }

    pub(crate) fn get(&self, rank: Rank) -> Option<&Alert> {
        self.watched.get(&rank)
    }

    /// The alert counted already when the record at this offset was evaluated. `offset` is that of the evaluation before:
    /// where it answers false, the present one is the alert's baseline and fires nothing.
    pub(crate) fn counted_at(&self, rank: Rank, offset: u64) -> bool {
        self.watched.get(&rank).is_some_and(|alert| offset > alert.effective)
    }

    fn know(&mut self, place: usize, known: Known) {
        match self.known.get_mut(place) {
            Some(before) => *before = known,
            None => {
                self.places.insert(known.id, place as u32);
                self.known.push(known);
            }
        }
    }

    /// An alert of nothing that exists yet waits for one of these.
    pub(crate) fn wait(&mut self, rank: Rank, awaited: Vec<Awaited>) {
        self.copy_before_change_of(rank);
        self.warming.wait(rank, awaited);
    }

    /// Something that it waited for is there.
    pub(crate) fn is_warm(&mut self, rank: Rank) {
        self.copy_before_change_of(rank);
        self.warming.end(rank);
    }

    /// Its heatmap fired for that symbol: its silence begins.
    pub(crate) fn fired(&mut self, rank: Rank, symbol: usize, at: Timestamp, zone: Zone) {
        self.copy_before_change_of(rank);
        self.heatmaps.fired(rank, symbol, at, zone);
    }

    /// From here on nothing of it is evaluated, whatever its user changes. None: it is not there, or was disabled before.
    pub(crate) fn disable(&mut self, id: AlertId, symbols: &SymbolTable) -> Option<Rank> {
        let rank = self.rank_of(id)?;
        if !self.disabled.insert(rank) {
            return None;
        }
        self.copy_before_change_of(rank);
        if let Some(alert) = self.watched.get(&rank).cloned() {
            self.remove(rank, &alert, symbols);
        }
        Some(rank)
    }

    /// From this journal offset on it counts as its user has it now. None: it was not disabled.
    pub(crate) fn enable(&mut self, id: AlertId, offset: u64, symbols: &SymbolTable) -> Option<Rank> {
        let rank = self.rank_of(id)?;
        if !self.disabled.remove(&rank) {
            return None;
        }
        self.copy_before_change_of(rank);
        if let Some(alert) = self.watched.get_mut(&rank) {
            alert.effective = offset;
            let watch = alert.watch.clone();
            self.insert(rank, offset, &watch, symbols);
        }
        Some(rank)
    }

    pub(crate) fn is_disabled(&self, rank: Rank) -> bool {
        self.disabled.contains(&rank)
    }

    pub(crate) fn known_version(&self, id: AlertId) -> Option<i64> {
        let place = *self.places.get(&id)?;
        self.known.get(place as usize).map(|known| known.version)
    }

    fn rank_of(&self, id: AlertId) -> Option<Rank> {
        let place = *self.places.get(&id)?;
        self.known.get(place as usize).map(|known| known.rank)
    }

    fn watch(&mut self, rank: Rank, offset: u64, change: &AlertChanged, watch: Watch, symbols: &SymbolTable) {
        if !self.is_disabled(rank) {
            self.insert(rank, offset, &watch, symbols);
        }
        if let Some(time) = watch.expires_at() {
            self.expiring.insert((time, rank));
        }
        let alert = Alert {
            id: change.alert_id,
            user_id: change.user_id,
            version: change.version,
            effective: offset,
            watch,
        };
        self.watched.insert(rank, alert);
    }

    /// Lets it be found.
    fn insert(&mut self, rank: Rank, effective: u64, watch: &Watch, symbols: &SymbolTable) {
        match watch {
            Watch::Rsi(rsi) => self.rsi.insert(rank, rsi),
            Watch::Pairs(pairs) => self.pairs.insert(rank, pairs),
            Watch::Heatmap(heatmap) => self.heatmaps.insert(rank, heatmap, symbols),
            Watch::Turn(turn) => self.turns.insert(rank, effective, turn, symbols),
            Watch::Strength(strength) => self.strength.insert(rank, *strength),
            Watch::Price(price) => self.price.insert(rank, price, symbols),
        }
    }

    /// Ends the watch over an alert; what it was.
    pub(crate) fn forget(&mut self, rank: Rank, symbols: &SymbolTable) -> Option<Alert> {
        self.copy_before_change_of(rank);
        let alert = self.watched.remove(&rank)?;
        self.remove(rank, &alert, symbols);
        if let Some(time) = alert.watch.expires_at() {
            self.expiring.remove(&(time, rank));
        }
        Some(alert)
    }

    /// Lets it be found no more.
    fn remove(&mut self, rank: Rank, alert: &Alert, symbols: &SymbolTable) {
        match &alert.watch {
            Watch::Rsi(rsi) => self.rsi.remove(rank, rsi),
            Watch::Pairs(pairs) => self.pairs.remove(rank, pairs),
            Watch::Heatmap(heatmap) => self.heatmaps.remove(rank, heatmap, symbols),
            Watch::Turn(turn) => self.turns.remove(rank, alert.effective, turn, symbols),
            Watch::Strength(strength) => self.strength.remove(rank, *strength),
            Watch::Price(price) => self.price.remove(rank, price, symbols),
        }
        self.warming.forget(rank, &alert.watch.awaits(symbols));
    }

    /// The symbols have other places now: indexes by place are built again.
    pub(crate) fn rearrange(&mut self, moved: &[Option<usize>], symbols: &SymbolTable) {
        self.copy_what_is_due();
        let cooldowns = self.heatmaps.take_moved(moved);
        self.heatmaps = HeatmapIndex::with(cooldowns);
        self.turns = TurnIndex::default();
        self.price = PriceIndex::default();
        self.warming = Warming::default();
        for (rank, alert) in std::mem::take(&mut self.watched) {
            match &alert.watch {
                _ if self.disabled.contains(&rank) => {}
                Watch::Heatmap(heatmap) => self.heatmaps.insert(rank, heatmap, symbols),
                Watch::Turn(turn) => self.turns.insert(rank, alert.effective, turn, symbols),
                Watch::Price(price) => self.price.insert(rank, price, symbols),
                Watch::Rsi(_) | Watch::Pairs(_) | Watch::Strength(_) => {}
            }
            self.watched.insert(rank, alert);
        }
    }

    /// An alert whose time was over before `time`, if there is one.
    pub(crate) fn expired_before(&self, time: Timestamp) -> Option<Rank> {
        self.expiring.first().filter(|(end, _)| *end <= time).map(|(_, rank)| *rank)
    }

    /// Ranks and watches of all that are evaluated.
    pub(crate) fn watches(&self) -> impl Iterator<Item = (Rank, &Watch)> {
        let evaluated = self.watched.iter().filter(|(rank, _)| !self.is_disabled(**rank));
        evaluated.map(|(rank, alert)| (*rank, &alert.watch))
    }
}

impl Alert {
    pub(crate) const fn kind(&self) -> AlertKind {
        self.watch.kind()
    }
}

//! Alerts in buckets: what is stored of each, and the indexes built again from it.

use bellwether_schemas::{AlertId, Timestamp, UserId};
use uuid::Uuid;

use super::currency_strength::StrengthWatch;
use super::heatmap_indicator::TurnWatch;
use super::heatmap_tracker::HeatmapWatch;
use super::price::PriceWatch;
use super::rsi_correlation::{PairMode, PairWatch};
use super::rsi_tracker::RsiWatch;
use super::{Alert, Alerts, Known, Rank, Watch};
use crate::bars::is_price;
use crate::snapshot::{BUCKET, Code, Misfit, PartKey, SnapshotError, stored};
use crate::symbols::SymbolTable;

impl Alerts {
    /// Alerts that ever were.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// All of them in the order of their first records, a bucket at a time.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = stored::Bucket> {
        self.known.chunks(BUCKET).map(|bucket| self.bucket(bucket))
    }

    /// Ranks rise in it, so that each index is walked along once.
    fn bucket(&self, bucket: &[Known]) -> stored::Bucket {
        let (Some(first), Some(last)) = (bucket.first(), bucket.last()) else { return Vec::new() };
        let ranks = first.rank..=last.rank;
        let mut watched = self.watched.range(ranks.clone()).peekable();
        let mut warming = self.warming.waiting_among(ranks.clone()).peekable();
        let mut cooldowns = self.heatmaps.cooldowns(ranks).peekable();
        let alert = |Known { id, rank, version }: &Known| stored::Alert {
            rank: *rank,
            id: id.0.into_bytes(),
            version: *version,
            watched: watched.next_if(|(of, _)| *of == rank).map(|(_, alert)| {
                let is_warming = warming.next_if_eq(rank).is_some();
                alert.store(is_warming)
            }),
            cooldowns: std::iter::from_fn(|| cooldowns.next_if(|(of, ..)| of == rank))
                .map(|(_, place, last)| last.store(place as u32))
                .collect(),
        };
        bucket.iter().map(alert).collect()
    }

    /// Whom an operator disabled, by rank.
    pub(crate) fn store_disabled(&self) -> stored::Disabled {
        self.disabled.iter().copied().collect()
    }

    /// Every bucket is to be copied as it stands now.
    pub(crate) fn begin_snapshot(&mut self) {
        self.due.begin(self.known.len().div_ceil(BUCKET));
    }

    /// What was copied since the last time.
    pub(crate) fn take_copies(&mut self) -> Vec<(u32, stored::Bucket)> {
        self.due.take_copies()
    }

    /// Copies the next bucket that is due; false where none is.
    pub(crate) fn copy_next(&mut self) -> bool {
        let next = self.due.next();
        next.into_iter().for_each(|bucket| self.copy(bucket));
        next.is_some()
    }

    pub(super) fn copy_what_is_due(&mut self) {
        while self.copy_next() {}
    }

    /// The alert at that place, or one that is about to stand there, changes.
    pub(super) fn copy_before_change(&mut self, place: usize) {
        if self.due.is_any() {
            self.copy(place / BUCKET);
        }
    }

    pub(super) fn copy_before_change_of(&mut self, rank: Rank) {
        if self.due.is_any()
            && let Ok(place) = self.known.binary_search_by_key(&rank, |known| known.rank)
        {
            self.copy(place / BUCKET);
        }
    }

    fn copy(&mut self, bucket: usize) {
        if self.due.claim(bucket)
            && let Some(known) = self.known.chunks(BUCKET).nth(bucket)
        {
            let copy = self.bucket(known);
            self.due.keep(bucket, copy);
        }
    }
}

/// Alerts that are read from their buckets, one after the other. What is searched by is built at the end, at once and in
/// order: for each alert to find its place among all others would take most of the time that a state takes to load.
pub(crate) struct Restoring<'a> {
    alerts: Alerts,
    watched: Vec<(Rank, Alert)>,
    symbols: &'a SymbolTable,
}

impl<'a> Restoring<'a> {
    pub(crate) fn new(count: usize, disabled: stored::Disabled, symbols: &'a SymbolTable) -> Self {
        let (known, disabled) = (Vec::with_capacity(count), disabled.into_iter().collect());
        Self { alerts: Alerts { known, disabled, ..Alerts::default() }, watched: Vec::new(), symbols }
    }

    /// Takes the next bucket in.
    pub(crate) fn take(&mut self, bucket: stored::Bucket) -> Result<(), Misfit> {
        bucket.into_iter().try_for_each(|stored| self.take_one(stored))
    }

    fn take_one(&mut self, stored: stored::Alert) -> Result<(), Misfit> {
        let stored::Alert { rank, id, version, watched, cooldowns } = stored;
        let last = self.alerts.known.last().map(|known| known.rank);
        Misfit::unless(last < Some(rank), "alerts are not in the order of their first records")?;
        let id = AlertId(Uuid::from_bytes(id));
        self.alerts.known.push(Known { id, rank, version });
        if let Some(watched) = watched {
            self.take_watched(rank, id, watched)?;
        }
        for stored::Cooldown { place, at, side: Code(side) } in cooldowns {
            self.alerts.heatmaps.fired(rank, place as usize, Timestamp(at), side);
        }
        Ok(())
    }

    fn take_watched(&mut self, rank: Rank, id: AlertId, stored: stored::Watched) -> Result<(), Misfit> {
        let stored::Watched { user_id, version, effective, is_warming, watch } = stored;
        let watch = Watch::restore(watch)?;
        if !self.alerts.is_disabled(rank) {
            self.alerts.insert(rank, effective, &watch, self.symbols);
            if is_warming {
                self.alerts.warming.wait(rank, watch.awaits(self.symbols));
            }
        }
        if let Some(time) = watch.expires_at() {
            self.alerts.expiring.insert((time, rank));
        }
        let user_id = UserId(Uuid::from_bytes(user_id));
        self.watched.push((rank, Alert { id, user_id, version, effective, watch }));
        Ok(())
    }

    /// All of them.
    pub(crate) fn end(self) -> Result<Alerts, SnapshotError> {
        let Self { mut alerts, watched, .. } = self;
        let mut places: Vec<(AlertId, u32)> =
            (0..).zip(&alerts.known).map(|(place, known)| (known.id, place)).collect();
        places.sort_unstable();
        let twice = places.windows(2).find_map(|two| match two {
            [(one, _), (next, place)] if one == next => Some(*place),
            _ => None,
        });
        if let Some(place) = twice {
            return Err(Misfit("an alert is there twice").of(PartKey::Alerts(place / BUCKET as u32)));
        }
        let is_there = |rank: &Rank| alerts.known.binary_search_by_key(rank, |known| known.rank).is_ok();
        Misfit::unless(alerts.disabled.iter().all(is_there), "an alert that is disabled is not there")
            .map_err(|misfit| misfit.of(PartKey::Disabled))?;
        alerts.places = places.into_iter().collect();
        alerts.watched = watched.into_iter().collect();
        Ok(alerts)
    }
}

impl Alert {
    fn store(&self, is_warming: bool) -> stored::Watched {
        let Self { id: _, user_id, version, effective, watch } = self;
        stored::Watched {
            user_id: user_id.0.into_bytes(),
            version: *version,
            effective: *effective,
            is_warming,
            watch: watch.store(),
        }
    }
}

impl Watch {
    fn store(&self) -> stored::Watch {
        match self {
            Self::Rsi(RsiWatch { timeframe, period, overbought, oversold }) => stored::Watch::Rsi {
                timeframe: Code(*timeframe),
                period: *period as u32,
                overbought: *overbought,
                oversold: *oversold,
            },
            Self::Pairs(PairWatch {
                timeframe,
                mode: PairMode::RsiThreshold { period, overbought, oversold },
            }) => stored::Watch::PairRsi {
                timeframe: Code(*timeframe),
                period: *period as u32,
                overbought: *overbought,
                oversold: *oversold,
            },
            Self::Pairs(PairWatch { timeframe, mode: PairMode::RealCorrelation { window } }) => {
                stored::Watch::PairCoefficient { timeframe: Code(*timeframe), window: *window as u32 }
            }
            Self::Heatmap(HeatmapWatch { symbols, style, buy, sell }) => stored::Watch::Heatmap {
                symbols: symbols.to_vec(),
                style: Code(*style),
                buy: *buy,
                sell: *sell,
            },
            Self::Turn(TurnWatch { symbols, timeframe, cell }) => stored::Watch::Turn {
                symbols: symbols.to_vec(),
                timeframe: Code(*timeframe),
                cell: Code(*cell),
            },
            Self::Strength(StrengthWatch { timeframe }) => {
                stored::Watch::Strength { timeframe: Code(*timeframe) }
            }
            Self::Price(price) => store_price(price),
        }
    }

    fn restore(stored: stored::Watch) -> Result<Self, Misfit> {
        Ok(match stored {
            stored::Watch::Rsi { timeframe: Code(timeframe), period, overbought, oversold } => {
                Self::Rsi(RsiWatch { timeframe, period: period as usize, overbought, oversold })
            }
            stored::Watch::PairRsi { timeframe: Code(timeframe), period, overbought, oversold } => {
                let mode = PairMode::RsiThreshold { period: period as usize, overbought, oversold };
                Self::Pairs(PairWatch { timeframe, mode })
            }
            stored::Watch::PairCoefficient { timeframe: Code(timeframe), window } => {
                let mode = PairMode::RealCorrelation { window: window as usize };
                Self::Pairs(PairWatch { timeframe, mode })
            }
            stored::Watch::Heatmap { symbols, style: Code(style), buy, sell } => {
                Self::Heatmap(HeatmapWatch { symbols: symbols.into(), style, buy, sell })
            }
            stored::Watch::Turn { symbols, timeframe: Code(timeframe), cell: Code(cell) } => {
                Self::Turn(TurnWatch { symbols: symbols.into(), timeframe, cell })
            }
            stored::Watch::Strength { timeframe: Code(timeframe) } => {
                Self::Strength(StrengthWatch { timeframe })
            }
            stored::Watch::Price { symbol, above, below, on_close, once, expires_at } => {
                let are_prices = above.into_iter().chain(below).all(is_price);
                Misfit::unless(are_prices, "a level of an alert is no price")?;
                let on_close = on_close.map(|Code(timeframe)| timeframe);
                let expires_at = expires_at.map(Timestamp);
                Self::Price(Box::new(PriceWatch { symbol, above, below, on_close, once, expires_at }))
            }
        })
    }
}

fn store_price(price: &PriceWatch) -> stored::Watch {
    let PriceWatch { symbol, above, below, on_close, once, expires_at } = price;
    stored::Watch::Price {
        symbol: symbol.clone(),
        above: *above,
        below: *below,
        on_close: on_close.map(Code),
        once: *once,
        expires_at: expires_at.map(|time| time.0),
    }
}

//! What is said to users of their own alerts once a day: how often they fired over thirty days, and what the price did then,
//! beside random bars of the same hours. Measured and compared by the code that a backtest's report uses.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bellwether_engine::Effect;
use bellwether_engine::moves::{
    AllSeries, Beside, COMPARED_AFTER, Direction, Event, Hour, Lot, Observed, Watcher, median,
};
use bellwether_schemas::previews::{Moved, RandomBars, UserFollowed};
use bellwether_schemas::readings::{Bar, Reading};
use bellwether_schemas::time::DAY;
use bellwether_schemas::{Symbol, TenantId, Timeframe, Timestamp, UserId};

use crate::fired::{Fired, Measured, Triggers};
use crate::window::{Next, Player, Window, reach_back};

/// A day that ended, with the thirty days that ended with it.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Whose.
    pub tenant: TenantId,
    /// The midnight of UTC at which it ended.
    pub to: Timestamp,
    /// The minutes from which moves are measured.
    pub window: Window,
    /// What fired, on earlier days too, as long as somebody was told of them.
    pub fired: Fired,
}

/// What is to be said to a user; none: nothing any more.
pub type Said = (UserId, Option<UserFollowed>);

impl Ended {
    /// There is nobody to whom something is said or was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fired.is_empty()
    }
}

/// What is to be said to each user, in the order of their ids. None when `is_stopped` says so; it is asked now and then.
#[must_use]
pub fn follow(ended: &Ended, is_stopped: &dyn Fn() -> bool) -> Option<Vec<Said>> {
    let since = reach_back(ended.to);
    let users = ended.fired.between(since, ended.to);
    let mut pass = Pass::of(ended, &users);
    let symbols = pass.symbols();
    let mut is_over = false;
    ended.window.play(Some(&symbols), &mut |player, next| {
        pass.take(player);
        match next {
            // What is played behind the day's end is the next day's.
            Next::Minutes(at) if at > ended.to => {
                pass.end(player);
                return false;
            }
            Next::Minutes(_) => is_over |= pass.is_time_to_look() && is_stopped(),
            Next::Settings => {}
            Next::End => pass.end(player),
        }
        !is_over
    });
    let from = ended.fired.from().map_or(since, |from| from.max(since));
    let mut said: BTreeMap<UserId, Option<UserFollowed>> = gone(ended, since);
    for ((user, triggers), moves) in users.iter().zip(pass.finish()) {
        if is_over || is_stopped() {
            return None;
        }
        let moved = moves.set_beside_random_bars(&pass.series);
        let (tenant, to, triggers) = (ended.tenant.clone(), ended.to, triggers.count);
        said.insert(*user, Some(UserFollowed { tenant, user_id: *user, from, to, triggers, moved }));
    }
    (!is_over).then(|| said.into_iter().collect())
}

/// Users of whom something may have been said before, and who are not said anything now unless something fired since.
fn gone(ended: &Ended, since: Timestamp) -> BTreeMap<UserId, Option<UserFollowed>> {
    ended.fired.between(Timestamp::MIN, since).into_keys().map(|user| (user, None)).collect()
}

/// One play of the minutes.
struct Pass<'a> {
    /// Bars up to there are not measured from.
    from: Timestamp,
    to: Timestamp,
    timeframes: BTreeSet<Timeframe>,
    /// Triggers that are still to come, with the places of their users.
    entering: VecDeque<(usize, &'a Measured)>,
    entered: Vec<Entered>,
    series: AllSeries,
    moves: Vec<Moves>,
    instants: u32,
}

/// A trigger that waits for its bars.
struct Entered {
    hour: Option<Hour>,
    direction: Direction,
}

/// The moves after one user's triggers.
#[derive(Debug, Default)]
struct Moves(Vec<Move>);

#[derive(Debug, Clone, Copy)]
struct Move {
    day: i64,
    hour: Option<Hour>,
    is_turned: bool,
    /// Above 0 where it was the alert's way.
    percent: f64,
}

impl<'a> Pass<'a> {
    fn of(ended: &Ended, users: &'a BTreeMap<UserId, Triggers>) -> Self {
        let begins = ended.window.from().unwrap_or(Timestamp::MAX);
        let from = reach_back(ended.to).max(begins);
        let of_user = |(place, triggers): (usize, &'a Triggers)| {
            triggers.measured.iter().map(move |trigger| (place, trigger))
        };
        let mut entering: Vec<(usize, &Measured)> = users.values().enumerate().flat_map(of_user).collect();
        // Before it there is no bar from which it could be measured.
        entering.retain(|(_, trigger)| trigger.at > from);
        entering.sort_by_key(|(_, trigger)| trigger.at);
        let timeframes: BTreeSet<Timeframe> = entering.iter().map(|(_, trigger)| trigger.timeframe).collect();
        Self {
            from,
            to: ended.to,
            series: AllSeries::new(timeframes.clone()),
            timeframes,
            entering: entering.into(),
            entered: Vec::new(),
            moves: users.iter().map(|_| Moves::default()).collect(),
            instants: 0,
        }
    }

    fn symbols(&self) -> Vec<Symbol> {
        let symbols: BTreeSet<&Symbol> = self.entering.iter().map(|(_, trigger)| &trigger.symbol).collect();
        symbols.into_iter().cloned().collect()
    }

    fn is_time_to_look(&mut self) -> bool {
        self.instants += 1;
        self.instants.is_multiple_of(256)
    }

    /// Takes in what the engine said since.
    fn take(&mut self, player: &mut Player<'_>) {
        let mut effects = std::mem::take(&mut player.effects);
        for effect in effects.drain(..) {
            if let Effect::Reading(Reading::Bar(bar)) = effect {
                self.bar(&bar);
            }
        }
        player.effects = effects;
    }

    fn end(&mut self, player: &mut Player<'_>) {
        player.pass(self.to);
        self.take(player);
    }

    /// What comes before or behind the range decides nothing, so it does not matter who still knows of it.
    fn bar(&mut self, bar: &Bar) {
        let is_within = bar.close_time > self.from && bar.close_time <= self.to;
        if !is_within || !self.timeframes.contains(&bar.timeframe) {
            return;
        }
        self.enter_before(bar.close_time);
        for event in self.series.bar(bar.symbol.as_str(), bar) {
            self.done(&event);
        }
    }

    /// Triggers of a bar come after that bar, those of ticks before the bar that they are in.
    fn enter_before(&mut self, at: Timestamp) {
        while let Some((user, trigger)) = self.entering.pop_front_if(|(_, trigger)| trigger.at < at) {
            self.enter(user, trigger);
        }
    }

    fn enter(&mut self, user: usize, trigger: &Measured) {
        let Measured { symbol, timeframe, at, price, on_close, direction } = trigger;
        let Some(series) = self.series.get_mut(symbol.as_str(), *timeframe) else { return };
        let last = series.recent.back().map(|last| last.price);
        let Some(base) = price.or(last).filter(|price| *price > 0.0) else { return };
        let entered = Entered { hour: series.hour(*at), direction: *direction };
        if let Some(event) = series.event(*at, base, *on_close) {
            let row = Some(self.entered.len());
            event.watchers.push(Watcher { alert: user, row, direction: *direction, ticket: 0 });
            self.entered.push(entered);
        }
    }

    /// An event has all the bars that it will have.
    fn done(&mut self, event: &Event) {
        let Some(moved) = event.after(COMPARED_AFTER) else { return };
        for watcher in &event.watchers {
            let Some(Entered { hour, direction }) = watcher.row.and_then(|row| self.entered.get(row)) else {
                continue;
            };
            self.moves[watcher.alert].0.push(Move {
                day: event.at.0.div_euclid(DAY),
                hour: *hour,
                is_turned: *direction == Direction::Down,
                percent: direction.sign() * moved,
            });
        }
    }

    /// The moves of each user.
    fn finish(&mut self) -> Vec<Moves> {
        self.enter_before(Timestamp::MAX);
        self.series.take_waiting().iter().for_each(|event| self.done(event));
        std::mem::take(&mut self.moves)
    }
}

impl Moves {
    /// Those are compared of which there are random bars; where there are none of any, they stand alone.
    fn set_beside_random_bars(self, series: &AllSeries) -> Option<Moved> {
        let Self(mut moves) = self;
        let is_drawn = |moved: &Move| moved.hour.is_some_and(|hour| series.has_drawn_at(hour));
        if moves.iter().any(is_drawn) {
            moves.retain(is_drawn);
        }
        let mut percents: Vec<f64> = moves.iter().map(|moved| moved.percent).collect();
        let days: BTreeSet<i64> = moves.iter().map(|moved| moved.day).collect();
        let observed = Observed {
            bars: COMPARED_AFTER,
            triggers: percents.len() as u64,
            days: days.len() as u64,
            median: median(&mut percents)?,
        };
        let mut lots: BTreeMap<(Hour, bool), u64> = BTreeMap::new();
        for Move { hour, is_turned, .. } in &moves {
            hour.map(|hour| *lots.entry((hour, *is_turned)).or_default() += 1);
        }
        let lots = lots.into_iter().map(|((hour, is_turned), count)| Lot { hour, is_turned, count });
        let followed = Beside::new(lots, series).followed(observed);
        let random = followed.random_median.zip(followed.difference);
        Some(Moved {
            bars: followed.bars.cast_signed(),
            count: followed.triggers.cast_signed(),
            days: followed.days.cast_signed(),
            median_percent: followed.median,
            random: random.map(|(median_percent, difference)| RandomBars { median_percent, difference }),
        })
    }
}

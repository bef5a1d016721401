//! The triggers of a tenant's users over the last thirty days, by day: what is said to users of their own alerts is made
//! of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bellwether_engine::moves::Direction;
use bellwether_schemas::time::DAY;
use bellwether_schemas::triggers::TriggerFired;
use bellwether_schemas::{Symbol, Timeframe, Timestamp, UserId};

/// Triggers of a user and day that are measured; more are only counted.
const MOST_OF_A_USER: usize = 100;
/// Triggers of a day that are measured, of all users.
const MOST_OF_A_DAY: usize = 50_000;

/// Triggers by day and user. Cheap to clone: days are shared.
#[derive(Debug, Clone, Default)]
pub struct Fired {
    from: Option<Timestamp>,
    days: VecDeque<Arc<Day>>,
}

/// One day of UTC: what fired in it, its own end included.
#[derive(Debug, Clone, Default)]
struct Day {
    end: Timestamp,
    measured: usize,
    users: BTreeMap<UserId, Triggers>,
}

/// Triggers of one user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Triggers {
    /// How many.
    pub count: i64,
    /// Those that are measured, in the order in which they fired.
    pub measured: Vec<Measured>,
}

/// A trigger from which moves of the price are measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The symbol whose price stands for it.
    pub symbol: Symbol,
    /// The bars that are counted; of one minute after a tick.
    pub timeframe: Timeframe,
    /// When it fired.
    pub at: Timestamp,
    /// The price then; none where the trigger does not say it and the close of its bar is meant.
    pub price: Option<f64>,
    /// It is of a bar's close, not of a tick.
    pub on_close: bool,
    /// Which way its user expects the price to go.
    pub direction: Direction,
}

impl Fired {
    /// Nothing fired yet since that watermark.
    #[must_use]
    pub const fn begin(from: Option<Timestamp>) -> Self {
        Self { from, days: VecDeque::new() }
    }

    /// Where what is known begins.
    #[must_use]
    pub const fn from(&self) -> Option<Timestamp> {
        self.from
    }

    /// A minute that began then closed: what is known begins there, where it has not begun yet.
    pub fn bar(&mut self, open: Timestamp) {
        self.from.get_or_insert(open);
    }

    /// One fired; none of its moves is measured where no symbol's price stands for it.
    pub fn add(&mut self, trigger: &TriggerFired, symbol: Option<Symbol>) {
        let day = self.day_of(trigger.close_time);
        let triggers = day.users.entry(trigger.user_id).or_default();
        triggers.count += 1;
        let has_room = day.measured < MOST_OF_A_DAY && triggers.measured.len() < MOST_OF_A_USER;
        if let Some(symbol) = symbol.filter(|_| has_room) {
            day.measured += 1;
            triggers.measured.push(Measured {
                symbol,
                timeframe: trigger.timeframe.unwrap_or(Timeframe::M1),
                at: trigger.close_time,
                price: trigger.price,
                on_close: trigger.timeframe.is_some(),
                direction: Direction::of(trigger.condition),
            });
        }
    }

    /// Days that end at or before `limit` are kept no longer.
    pub fn forget_before(&mut self, limit: Timestamp) {
        while self.days.pop_front_if(|day| day.end <= limit).is_some() {}
    }

    /// Nothing that fired is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// What fired on days that end behind `from` and up to `to`, by user.
    #[must_use]
    pub fn between(&self, from: Timestamp, to: Timestamp) -> BTreeMap<UserId, Triggers> {
        let mut all: BTreeMap<UserId, Triggers> = BTreeMap::new();
        for day in self.days.iter().filter(|day| day.end > from && day.end <= to) {
            for (user, triggers) in &day.users {
                let of_user = all.entry(*user).or_default();
                of_user.count += triggers.count;
                of_user.measured.extend_from_slice(&triggers.measured);
            }
        }
        all
    }

    /// What ticks fire may come before what bars of the day before do.
    fn day_of(&mut self, at: Timestamp) -> &mut Day {
        let end = at.plus(-1).floor(DAY).plus(DAY);
        let place = self.days.partition_point(|day| day.end < end);
        if self.days.get(place).is_none_or(|day| day.end != end) {
            self.days.insert(place, Arc::new(Day { end, ..Day::default() }));
        }
        Arc::make_mut(&mut self.days[place])
    }
}

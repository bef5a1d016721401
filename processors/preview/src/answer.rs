//! The answers to several changes at once: their alerts enter one play of the minutes, each where its own range begins.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bellwether_engine::{Effect, Engine};
use bellwether_schemas::alerts::{AlertChanged, AlertParameters};
use bellwether_schemas::previews::{AlertPreview, MOST_NAMED, PreviewState, WouldHaveFired};
use bellwether_schemas::readings::Reading;
use bellwether_schemas::time::DAY;
use bellwether_schemas::triggers::{AlertState, AlertStatus, Outcome, TriggerFired};
use bellwether_schemas::{AlertId, Entry, Symbol, TenantId, Timeframe, Timestamp};

use crate::followed::Moves;
use crate::window::{Next, Player, Window, reach_back};

/// Less than this, and there is no answer.
const ENOUGH: i64 = DAY;
const WEEK: i64 = 7 * DAY;

/// An accepted change that is to be answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The change, as it stands in the journal.
    pub change: AlertChanged,
    /// The journal offset of it.
    pub offset: u64,
    /// When it was appended.
    pub appended_at: Timestamp,
    /// The watermark at it; none before the journal's first time.
    pub to: Option<Timestamp>,
    /// The symbols that decide it; none: all of them.
    pub only: Option<Vec<Symbol>>,
}

impl Request {
    /// Where the minutes begin that it needs.
    #[must_use]
    pub fn from(&self) -> Option<Timestamp> {
        self.to.map(reach_back)
    }
}

/// Changes of one tenant that are answered together.
#[derive(Debug, Clone)]
pub struct Job {
    /// Whose.
    pub tenant: TenantId,
    /// The minutes that they are answered from.
    pub window: Window,
    /// At most one for an alert.
    pub requests: Vec<Request>,
    /// The symbols that decide all of them; none: all there are.
    pub only: Option<Vec<Symbol>>,
}

/// The symbols that an alert's triggers depend on, as the engine's settings name them; none: on all of them.
#[must_use]
pub fn symbols_of(engine: &Engine, parameters: &AlertParameters) -> Option<Vec<Symbol>> {
    let names: &[String] = match parameters {
        AlertParameters::HeatmapTracker(columns) => &columns.pairs,
        AlertParameters::HeatmapIndicatorTracker(columns) => &columns.pairs,
        AlertParameters::PriceAlert(columns) => std::slice::from_ref(&columns.symbol),
        AlertParameters::RsiTracker(_)
        | AlertParameters::RsiCorrelationTracker(_)
        | AlertParameters::CurrencyStrengthTracker(_) => return None,
    };
    let places = names.iter().filter_map(|name| engine.place_of(name));
    let symbols: BTreeSet<Symbol> = places.filter_map(|place| engine.symbol_at(place).cloned()).collect();
    Some(symbols.into_iter().collect())
}

/// Answers all of them, in their order. None when `is_stopped` says so; it is asked now and then.
#[must_use]
pub fn answer(job: &Job, is_stopped: &dyn Fn() -> bool) -> Option<Vec<AlertPreview>> {
    let mut pass = Pass::of(job);
    let mut stopped = false;
    job.window.play(job.only.as_deref(), &mut |player, next| {
        pass.take(player);
        match next {
            // What is played behind the last range changes nothing.
            Next::Minutes(at) if at > pass.end => {
                pass.end(player);
                return false;
            }
            Next::Minutes(at) => {
                stopped |= pass.is_time_to_look() && is_stopped();
                pass.enter_before(at, player);
            }
            Next::Settings => pass.enter_waiting(player),
            Next::End => pass.end(player),
        }
        !stopped
    });
    if stopped {
        return None;
    }
    Some(pass.answers())
}

/// One play of the minutes.
struct Pass<'a> {
    job: &'a Job,
    alerts: Vec<Asked<'a>>,
    places: BTreeMap<AlertId, usize>,
    /// Places of those that have still to enter, by where their ranges begin.
    entering: VecDeque<(Timestamp, usize)>,
    /// Those that the settings had no symbol for when their ranges began.
    waiting: Vec<usize>,
    moves: Moves,
    /// Where the last range ends.
    end: Timestamp,
    instants: u32,
}

/// One of the changes, and what has come of it so far.
struct Asked<'a> {
    request: &'a Request,
    /// Where its range begins; none where there are no minutes.
    from: Option<Timestamp>,
    active: Option<Timestamp>,
    times: i64,
    last: VecDeque<WouldHaveFired>,
}

impl<'a> Pass<'a> {
    fn of(job: &'a Job) -> Self {
        let from = |request: &Request| Some(request.from()?.max(job.window.from()?));
        let asked = |request: &'a Request| Asked {
            request,
            // Minutes that closed since the change are none of its range.
            from: from(request).filter(|from| Some(*from) <= request.to),
            active: None,
            times: 0,
            last: VecDeque::new(),
        };
        let alerts: Vec<Asked<'_>> = job.requests.iter().map(asked).collect();
        let mut entering: Vec<(Timestamp, usize)> =
            alerts.iter().enumerate().filter_map(|(place, asked)| Some((asked.from?, place))).collect();
        entering.sort_unstable();
        let priceless = alerts.iter().filter_map(|asked| priceless(&asked.request.change.parameters));
        Self {
            job,
            moves: Moves::new(alerts.len(), priceless.collect()),
            places: (0..).zip(&alerts).map(|(place, asked)| (asked.request.change.alert_id, place)).collect(),
            entering: entering.into(),
            waiting: Vec::new(),
            end: alerts.iter().filter_map(|asked| asked.request.to).max().unwrap_or(Timestamp::MIN),
            alerts,
            instants: 0,
        }
    }

    fn is_time_to_look(&mut self) -> bool {
        self.instants += 1;
        self.instants.is_multiple_of(256)
    }

    /// Whose range begins before what closes at `at` enters now, after everything that ends before its range.
    fn enter_before(&mut self, at: Timestamp, player: &mut Player<'_>) {
        while let Some((from, place)) = self.entering.pop_front_if(|(from, _)| *from < at) {
            player.pass(from);
            self.take(player);
            self.enter(place, player);
        }
    }

    /// New settings may list what those before did not.
    fn enter_waiting(&mut self, player: &mut Player<'_>) {
        for place in std::mem::take(&mut self.waiting) {
            self.enter(place, player);
        }
    }

    fn enter(&mut self, place: usize, player: &mut Player<'_>) {
        let change = &self.alerts[place].request.change;
        if player.engine().has_what_it_names(change) {
            player.apply(&Entry::Alert(change.clone()));
            self.take(player);
        } else {
            self.waiting.push(place);
        }
    }

    fn end(&mut self, player: &mut Player<'_>) {
        self.enter_before(Timestamp::MAX, player);
        player.pass(self.end);
        self.take(player);
    }

    /// Takes in what the engine said since.
    fn take(&mut self, player: &mut Player<'_>) {
        let mut effects = std::mem::take(&mut player.effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Reading(Reading::Bar(bar)) => self.moves.bar(&bar),
                Effect::Outcome(Outcome::Fired(trigger)) => self.fired(trigger, player.engine()),
                Effect::Outcome(Outcome::Status(status)) => self.stands(&status),
                _ => {}
            }
        }
        player.effects = effects;
    }

    fn fired(&mut self, trigger: TriggerFired, engine: &Engine) {
        let Some(place) = self.places.get(&trigger.alert_id).copied() else { return };
        let asked = &mut self.alerts[place];
        let Some(to) = asked.request.to.filter(|to| trigger.close_time <= *to) else { return };
        self.moves.trigger(place, &trigger, to, engine);
        asked.fired(trigger);
    }

    fn stands(&mut self, status: &AlertStatus) {
        let Some(place) = self.places.get(&status.alert_id) else { return };
        let asked = &mut self.alerts[*place];
        if status.state == AlertState::Active && status.since <= asked.request.to {
            asked.active = asked.active.or(status.since);
        }
    }

    fn answers(mut self) -> Vec<AlertPreview> {
        let alerts = std::mem::take(&mut self.alerts);
        let answer =
            |(place, asked): (usize, Asked<'_>)| asked.answer(&self.job.tenant, self.moves.of(place));
        alerts.into_iter().enumerate().map(answer).collect()
    }
}

impl Asked<'_> {
    fn fired(&mut self, trigger: TriggerFired) {
        self.times += 1;
        let subject = trigger.symbol.map(|symbol| symbol.to_string()).or(trigger.pair).unwrap_or_default();
        let TriggerFired { close_time: at, condition, value, price, .. } = trigger;
        self.last.push_front(WouldHaveFired { at, subject, condition, value, price });
        self.last.truncate(MOST_NAMED);
    }

    fn answer(
        self,
        tenant: &TenantId,
        followed: Vec<bellwether_schemas::previews::Followed>,
    ) -> AlertPreview {
        let Request { change, offset, to, .. } = self.request;
        // What it watches may have had its first value later than its range begins.
        let from = self.active.max(self.from);
        let covered = from.zip(*to).map_or(0, |(from, to)| to.since(from));
        let is_answered = self.active.is_some() && covered >= ENOUGH;
        let answered = AlertPreview {
            tenant: tenant.clone(),
            kind: change.parameters.kind(),
            alert_id: change.alert_id,
            version: change.version,
            offset: offset.cast_signed(),
            state: PreviewState::Answered,
            by_minutes: is_on_ticks(&change.parameters),
            from,
            to: *to,
            times: self.times,
            per_week: per_week(self.times, covered).filter(|_| !fires_once(&change.parameters)),
            last: self.last.into(),
            followed,
        };
        match is_answered {
            true => answered,
            false => AlertPreview {
                state: PreviewState::NotEnoughHistory,
                from: self.from,
                times: 0,
                per_week: None,
                last: Vec::new(),
                followed: Vec::new(),
                ..answered
            },
        }
    }
}

/// None where less than a week was looked at.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn per_week(times: i64, covered: i64) -> Option<f64> {
    (covered >= WEEK).then(|| times as f64 * (WEEK as f64 / covered as f64))
}

const fn is_on_ticks(parameters: &AlertParameters) -> bool {
    matches!(parameters, AlertParameters::PriceAlert(price) if price.on_close.is_none())
}

/// One that is over with its first trigger has no rate.
fn fires_once(parameters: &AlertParameters) -> bool {
    matches!(parameters, AlertParameters::PriceAlert(price) if price.fires == "once")
}

/// The timeframe of an alert whose triggers say no price although there is one.
const fn priceless(parameters: &AlertParameters) -> Option<Timeframe> {
    match parameters {
        AlertParameters::RsiCorrelationTracker(columns) => Some(match columns.timeframe {
            Timeframe::M1 => Timeframe::M5,
            timeframe => timeframe,
        }),
        AlertParameters::RsiTracker(_)
        | AlertParameters::HeatmapTracker(_)
        | AlertParameters::HeatmapIndicatorTracker(_)
        | AlertParameters::CurrencyStrengthTracker(_)
        | AlertParameters::PriceAlert(_) => None,
    }
}

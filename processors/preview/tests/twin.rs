//! An answer is what a live twin gave: an alert that was there when the range began, over the same quotes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod market;

use bellwether_preview::answer::{Job, Request, answer};
use bellwether_preview::fold::Fold;
use bellwether_preview::window::reach_back;
use bellwether_schemas::alerts::AlertParameters;
use bellwether_schemas::previews::{AlertPreview, Preview, PreviewState, WouldHaveFired};
use bellwether_schemas::settings::SettingsChanged;
use bellwether_schemas::time::DAY;
use bellwether_schemas::triggers::TriggerFired;
use bellwether_schemas::{AlertId, Entry, Symbol, Timestamp, codec};
use market::{
    Market, START, Twin, alert_id, asked, change, decided_by_bars, fold, on_ticks, record, settings, tenant,
};

/// Folds on, minute by minute, into both; into the fold alone where nobody asks the twin.
struct Both {
    fold: Fold,
    twin: Option<Twin>,
    market: Market,
    next: u64,
}

impl Both {
    fn new(ticks_a_minute: i64) -> Self {
        Self::with(Some(Twin::new(&tenant())), ticks_a_minute)
    }

    fn without_twin() -> Self {
        Self::with(None, 1)
    }

    fn with(twin: Option<Twin>, ticks_a_minute: i64) -> Self {
        let tenant = tenant();
        let market = Market::new(&tenant, 42, ticks_a_minute);
        let mut both = Self { fold: fold(&tenant), twin, market, next: 0 };
        both.apply(&settings(&tenant));
        both
    }

    fn apply(&mut self, entry: &Entry) {
        self.fold.apply(&record(&tenant(), self.next, entry)).unwrap();
        self.twin.iter_mut().for_each(|twin| twin.apply(self.next, entry));
        self.next += 1;
    }

    fn minutes(&mut self, count: i64) {
        for _ in 0..count {
            self.market.minute().iter().for_each(|entry| self.apply(entry));
        }
    }

    /// The twin alone has these alerts from here on.
    fn watch(&mut self, alerts: &[AlertParameters]) {
        for (number, parameters) in (1..).zip(alerts) {
            let entry = Entry::Alert(change(&tenant(), number, 1, parameters.clone()));
            self.twin.as_mut().unwrap().apply(self.next, &entry);
            self.next += 1;
        }
    }

    /// What is asked for each of these alerts, were they created now.
    fn asked(&mut self, alerts: &[AlertParameters]) -> Vec<Request> {
        let mut requests = Vec::new();
        for (number, parameters) in (1..).zip(alerts) {
            let version = self.next.cast_signed() + 1;
            let entry = Entry::Alert(change(&tenant(), number, version, parameters.clone()));
            requests.push(asked(&mut self.fold, &record(&tenant(), self.next, &entry)));
            self.next += 1;
        }
        requests
    }

    fn answer(&self, requests: Vec<Request>, only: Option<Vec<Symbol>>) -> Vec<AlertPreview> {
        let job = Job { tenant: tenant(), window: self.fold.window().clone(), requests, only };
        answer(&job, &|| false).unwrap()
    }

    /// The answers to these alerts: of each alone.
    fn previews(&mut self, alerts: &[AlertParameters]) -> Vec<AlertPreview> {
        let requests = self.asked(alerts).into_iter();
        requests.flat_map(|request| self.answer(vec![request.clone()], request.only)).collect()
    }

    /// The same in one play, which is what each gets alone: see the test that says so.
    fn previews_together(&mut self, alerts: &[AlertParameters]) -> Vec<AlertPreview> {
        let requests = self.asked(alerts);
        self.answer(requests, None)
    }

    fn fired(&self, alert: AlertId, from: Timestamp, to: Timestamp) -> Vec<&TriggerFired> {
        let of = |trigger: &&TriggerFired| trigger.alert_id == alert && trigger.close_time > from;
        self.twin
            .as_ref()
            .unwrap()
            .fired
            .iter()
            .filter(of)
            .filter(|trigger| trigger.close_time <= to)
            .collect()
    }
}

fn as_told(trigger: &TriggerFired) -> WouldHaveFired {
    let subject = trigger.symbol.as_ref().map(ToString::to_string).or_else(|| trigger.pair.clone());
    WouldHaveFired {
        at: trigger.close_time,
        subject: subject.unwrap_or_default(),
        condition: trigger.condition,
        value: trigger.value,
        price: trigger.price,
    }
}

/// Each answer tells what the twin's alert of that number did.
fn assert_same(both: &Both, previews: &[AlertPreview], fired_at_least: usize) {
    for (number, preview) in (1..).zip(previews) {
        let (from, to) = (preview.from.unwrap(), preview.to.unwrap());
        assert_eq!(preview.state, PreviewState::Answered, "{preview:?}");
        let fired = both.fired(alert_id(number), from, to);
        assert_eq!(preview.times, i64::try_from(fired.len()).unwrap(), "{:?}: {preview:?}", preview.kind);
        assert!(fired.len() >= fired_at_least, "{:?} fired {} times", preview.kind, fired.len());
        let last: Vec<WouldHaveFired> = fired.iter().rev().take(3).map(|trigger| as_told(trigger)).collect();
        assert_eq!(preview.last, last, "{:?}", preview.kind);
    }
}

#[test]
fn an_answer_is_what_a_live_twin_fired_for_each_kind_that_bars_decide() {
    let (mut both, alerts) = (Both::new(3), decided_by_bars());
    both.watch(&alerts);
    for hours in [45, 11, 18] {
        both.minutes(hours * 60 + 7);
        let previews = both.previews(&alerts);
        assert_same(&both, &previews, 1);
    }
}

#[test]
fn an_answer_reaches_back_thirty_days_and_the_rest_only_warms() {
    let (mut both, alerts) = (Both::new(1), decided_by_bars());
    both.minutes(2 * 1440 + 13);
    let from = both.fold.watermark().unwrap();
    both.watch(&alerts);
    both.minutes(30 * 1440);
    // The range begins at a full minute, and the twin's alerts came between that one's close and the next.
    let to = both.fold.watermark().unwrap();
    assert_eq!(reach_back(to), from.floor(60_000_000));
    let minutes = both.fold.window().minutes();
    both.fold.forget_before(reach_back(to));
    assert!(both.fold.window().minutes() < minutes && both.fold.window().from() <= Some(reach_back(to)));
    let previews = both.previews_together(&alerts);
    assert!(previews.iter().all(|preview| preview.from == Some(reach_back(to))), "{previews:?}");
    assert_same(&both, &previews, 0);
    assert!(previews[..6].iter().all(|preview| preview.times > 0), "{previews:?}");
    assert!(previews[0].per_week.unwrap() * 30.0 / 7.0 - (previews[0].times as f64) < 0.01);
    assert_eq!(previews[7].per_week, None, "an alert that fires once has no rate");
    assert!(
        previews[0].followed.iter().all(|followed| followed.count > 0) && previews[0].followed.len() == 3
    );
    assert!(previews[1].followed.len() == 3, "a pair is priced by its first symbol");
    assert!(previews[5].followed.is_empty(), "currencies have no price");
}

#[test]
fn days_that_were_played_into_the_state_change_no_answer() {
    let (mut both, alerts) = (Both::without_twin(), decided_by_bars());
    both.minutes(2 * 1440 + 100);
    let mut changed = settings(&tenant());
    if let Entry::Settings(SettingsChanged { revision, settings, .. }) = &mut changed {
        *revision = 2;
        // One goes, so that all places behind it move.
        settings.symbols.remove(1);
        settings.symbols.push("GBPUSDm".parse::<bellwether_schemas::Symbol>().map(listed).unwrap());
    }
    both.apply(&changed);
    both.minutes(30 * 1440);
    let whole = both.previews_together(&alerts);
    let limit = reach_back(both.fold.watermark().unwrap());
    both.fold.forget_before(limit);
    assert!(both.fold.window().from() > Some(START.plus(DAY)));
    let again = both.previews_together(&alerts);
    let bytes = |previews: &[AlertPreview]| -> Vec<Vec<u8>> {
        let same = |preview: &AlertPreview| AlertPreview { version: 1, offset: 1, ..preview.clone() };
        previews
            .iter()
            .map(|preview| codec::encode_preview(&Preview::Alert(same(preview))).unwrap())
            .collect()
    };
    assert_eq!(bytes(&again), bytes(&whole));
}

fn listed(name: bellwether_schemas::Symbol) -> bellwether_schemas::settings::SymbolSettings {
    bellwether_schemas::settings::SymbolSettings { name, always_open: false }
}

#[test]
fn several_that_are_answered_together_each_get_what_they_get_alone() {
    let (mut both, alerts) = (Both::without_twin(), decided_by_bars());
    let mut requests = Vec::new();
    for (number, parameters) in (1..).zip(&alerts) {
        both.minutes(1440 + 700);
        let entry = Entry::Alert(change(&tenant(), number, 1, parameters.clone()));
        requests.push(asked(&mut both.fold, &record(&tenant(), both.next, &entry)));
        both.next += 1;
    }
    both.minutes(600);
    let together = both.answer(requests.clone(), None);
    let alone: Vec<AlertPreview> = requests
        .iter()
        .flat_map(|request| both.answer(vec![request.clone()], request.only.clone()))
        .collect();
    assert_eq!(together, alone);
    assert!(alone.iter().all(|preview| preview.times > 0), "{alone:?}");
}

#[test]
fn an_alert_on_ticks_is_answered_by_minutes_and_says_so() {
    let mut both = Both::new(4);
    both.watch(&[on_ticks()]);
    both.minutes(2 * 1440);
    let preview = both.previews(&[on_ticks()]).remove(0);
    assert!(preview.by_minutes && preview.state == PreviewState::Answered);
    let fired = both.fired(alert_id(1), START, preview.to.unwrap()).len();
    // Four corners of a minute cross a level no more often than its ticks do.
    assert!(
        preview.times > 0 && preview.times <= i64::try_from(fired).unwrap(),
        "{} of {fired}",
        preview.times
    );
}

#[test]
fn less_than_a_day_or_nothing_that_has_a_value_is_not_enough_history() {
    let (mut both, alerts) = (Both::without_twin(), decided_by_bars());
    let before = both.previews(&alerts[..1]).remove(0);
    assert_eq!((before.state, before.from, before.to), (PreviewState::NotEnoughHistory, None, None));
    both.minutes(23 * 60);
    let short = both.previews(&alerts[..1]).remove(0);
    assert_eq!((short.state, short.from, short.times), (PreviewState::NotEnoughHistory, Some(START), 0));
    assert!(short.last.is_empty() && short.followed.is_empty());
    both.minutes(5 * 60);
    assert_eq!(both.previews(&alerts[..1])[0].state, PreviewState::Answered);
    let AlertParameters::RsiTracker(rsi) = alerts[0].clone() else { unreachable!() };
    let daily =
        bellwether_schemas::alerts::RsiTracker { timeframe: bellwether_schemas::Timeframe::D1, ..rsi };
    let warming = both.previews(&[AlertParameters::RsiTracker(daily)]).remove(0);
    assert_eq!(warming.state, PreviewState::NotEnoughHistory, "its RSI has no value yet");
}

#[test]
fn behind_bars_longer_than_a_minute_the_range_begins_anew() {
    use bellwether_schemas::ticks::Spacing;
    let (mut both, alerts) = (Both::without_twin(), decided_by_bars());
    both.minutes(2 * 1440);
    let mut entries = both.market.minute();
    if let Entry::Ticks(block) = &mut entries[0] {
        block.symbols.iter_mut().for_each(|symbol| symbol.spacing = Spacing::new(300_000_000));
    }
    entries.iter().for_each(|entry| both.apply(entry));
    both.minutes(1437);
    let begins = both.fold.window().from().unwrap();
    assert!(
        begins > START.plus(2 * DAY - 60_000_000) && begins < START.plus(2 * DAY + 120_000_000),
        "{begins}"
    );
    assert_eq!(both.previews(&alerts[..1])[0].state, PreviewState::NotEnoughHistory);
    both.minutes(60);
    assert_eq!(both.previews(&alerts[..1])[0].state, PreviewState::Answered);
}

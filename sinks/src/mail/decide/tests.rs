//! What becomes of a group that one thing stands against, or nothing.

use std::num::NonZeroU32;

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::ids::match_key;
use bellwether_schemas::triggers::Condition;

use super::*;
use crate::mail::limits::{Why, Wish};
use crate::mail::samples;

const HOUR: i64 = 3_600_000_000;
const RSI: MailKind = MailKind::Alert(AlertKind::RsiTracker);

/// What a test changes of a group that is mailed.
struct Case {
    people: People,
    group: Group,
    held_below: u64,
    configured: bool,
    user: UserId,
}

impl Case {
    fn wish(&mut self, kind: MailKind, wish: Wish) {
        self.people.wishes.entry(self.user).or_default().own.insert(kind, wish);
    }

    fn mute(&mut self, symbols: &[&str]) {
        let muted = symbols.iter().map(|symbol| match_key(symbol)).collect();
        self.people.wishes.entry(self.user).or_default().muted = muted;
    }
}

fn decide(change: impl FnOnce(&mut Case)) -> Owed {
    let look = Look::new(&samples::tenant("fxlabs")).unwrap();
    let triggers = samples::triggers("fxlabs");
    let (user, now) = (triggers[0].user_id, "2026-03-04T13:00:01Z".parse().unwrap());
    let addresses = [(user, "User@people.example".to_owned())].into();
    let people = People { now, addresses, ..People::default() };
    let group = Group { triggers, offset: 7, appended_at: now, whole: true, trace: None };
    let mut case = Case { people, group, held_below: 0, configured: true, user };
    change(&mut case);
    let most = |number| NonZeroU32::new(number).unwrap();
    let rules = Rules {
        people: &case.people,
        caps: Caps { a_user: most(5), tenant: most(100), zone: look.zone },
        suffix: &look.suffix,
        held_below: case.held_below,
    };
    let templates = Templates::compile().unwrap();
    let situation = Situation { templates: &templates, look: &look, rules, configured: case.configured };
    owed(&case.group, situation, &mut case.people.hours.clone()).unwrap()
}

fn reason(owed: &Owed, state: State, part: &str) {
    assert_eq!(owed.state, state);
    assert!(owed.reason.as_deref().unwrap().contains(part), "{:?}", owed.reason);
}

const OFF: Wish = Wish { email: false, digest: false, quiet: None };

#[test]
fn a_group_of_a_confirmed_user_becomes_one_mail() {
    let owed = decide(|_| {});
    assert_eq!((owed.state, owed.reason.as_deref()), (State::Pending, None));
    assert_eq!(owed.occurrence, "c0a8d9a2-77f1-5a43-8f58-6a0f5f9d0001");
    assert_eq!(owed.message_id, owed.mail.unwrap().message_id);
}

#[test]
fn what_is_not_sent_says_why() {
    let nobody = decide(|case| case.people.addresses.clear());
    reason(&nobody, State::Suppressed, "no confirmed address");
    reason(&decide(|case| case.wish(RSI, OFF)), State::Suppressed, "switched off");
    let bounced = decide(|case| {
        case.people.suppressed.insert("user@people.example".into(), "550 no such user".into());
    });
    reason(&bounced, State::Suppressed, "550 no such user");
    reason(&decide(|case| case.held_below = 8), State::Suppressed, "restored");
    reason(&decide(|case| case.configured = false), State::Failed, "not configured");
    let odd = decide(|case| case.group.triggers[2].condition = Condition::Above);
    reason(&odd, State::Failed, "cannot be composed");
}

#[test]
fn only_the_switch_of_its_own_kind_stops_a_mail() {
    let other =
        decide(|case| MailKind::all().filter(|kind| *kind != RSI).for_each(|kind| case.wish(kind, OFF)));
    assert_eq!((other.state, other.kind), (State::Pending, RSI));
}

#[test]
fn a_group_that_its_kind_cannot_tell_of_fails_and_says_so() {
    let none = decide(|case| {
        case.group.triggers.iter_mut().for_each(|trigger| trigger.kind = AlertKind::PriceAlert);
    });
    reason(
        &none,
        State::Failed,
        "cannot be composed: trigger 5a0c2f1e-5f35-5d0c-9f2c-0d5b4a8b6a01: condition is",
    );
    assert_eq!(none.kind, MailKind::Alert(AlertKind::PriceAlert));
}

#[test]
fn over_six_hours_a_mail_says_that_it_is_late_and_over_a_day_there_is_none() {
    let aged = |hours: i64, more: i64| {
        decide(move |case| case.people.now = Timestamp(case.group.appended_at.0 + hours * HOUR + more))
    };
    let subject = |owed: Owed| owed.mail.unwrap().subject;
    assert!(!subject(aged(6, 0)).contains("(late)"));
    assert!(subject(aged(6, 1)).contains("(late)"));
    assert!(subject(aged(24, 0)).contains("(late)"));
    reason(&aged(24, 1), State::Suppressed, "24 hours");
}

#[test]
fn triggers_of_muted_symbols_are_left_out_and_a_group_of_none_but_them_is_not_sent() {
    let symbols: Vec<String> = samples::triggers("fxlabs")
        .iter()
        .filter_map(|of| of.symbol.as_ref())
        .map(ToString::to_string)
        .collect();
    let one = decide(|case| case.mute(&[&symbols[0], &symbols[1]]));
    let gist = one.mail.unwrap().gist;
    assert!(!gist.what.contains("pairs"), "{gist:?}");
    let all: Vec<&str> = symbols.iter().map(String::as_str).collect();
    reason(&decide(|case| case.mute(&all)), State::Suppressed, "muted by the user");
}

#[test]
fn a_pair_is_muted_with_either_of_its_symbols() {
    let pairs = |muted: &'static str| {
        decide(move |case| {
            case.group.triggers = samples::triggers_of("fxlabs", AlertKind::RsiCorrelationTracker);
            let user = case.group.triggers[0].user_id;
            let address = case.people.addresses.remove(&case.user).unwrap();
            case.people.addresses.insert(user, address);
            case.user = user;
            case.mute(&[muted]);
        })
    };
    let what = |muted| pairs(muted).mail.unwrap().gist.what;
    assert!(what("NZDUSD").starts_with("3 pairs"));
    assert!(what("usdcad").starts_with("2 pairs"));
    assert!(what("AUD/USD").starts_with("2 pairs"));
}

#[test]
fn what_is_over_the_hour_keeps_its_words_and_says_for_what_it_waits() {
    let held = decide(|case| (0..5).for_each(|_| case.people.hours.add(case.user, None)));
    reason(&held, State::Held, "the most alert mails of an hour");
    let wait = held.wait.unwrap();
    assert_eq!((wait.why, wait.until.to_string().as_str()), (Why::Limit, "2026-03-04T14:00:01.000000Z"));
    assert_eq!(held.mail.unwrap().gist.what, "3 pairs RSI alert (1H)");
}

#[test]
fn a_mail_that_is_in_the_outbox_already_is_not_owed_and_counts_once() {
    let look = Look::new(&samples::tenant("fxlabs")).unwrap();
    let triggers = samples::triggers("fxlabs");
    let occurrence = Occurrence::AlertGroup(triggers[0].group.id).text(&look.tenant);
    let group = Group { triggers, offset: 7, appended_at: Timestamp(0), whole: true, trace: None };
    let people = People { known: [occurrence].into(), ..People::default() };
    let most = NonZeroU32::MIN;
    let caps = Caps { a_user: most, tenant: most, zone: look.zone };
    let rules = Rules { people: &people, caps, suffix: "m", held_below: 0 };
    let templates = Templates::compile().unwrap();
    let situation = Situation { templates: &templates, look: &look, rules, configured: true };
    assert_eq!(owed(&group, situation, &mut Hours::default()), None);
}

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::{Symbol, UserId};

use super::*;

const BAR: i64 = 5 * MINUTE;

fn trigger(bar: i64, condition: Condition) -> At {
    let close_time = Timestamp(bar * BAR);
    let trigger = TriggerFired {
        id: TriggerId(Uuid::nil()),
        tenant: "fxlabs".parse().unwrap(),
        kind: AlertKind::RsiTracker,
        alert_id: AlertId(Uuid::nil()),
        alert_version: 1,
        user_id: UserId(Uuid::nil()),
        symbol: Some("EURUSDm".parse::<Symbol>().unwrap()),
        pair: None,
        timeframe: Some(Timeframe::M5),
        open_time: close_time.plus(-BAR),
        close_time,
        condition,
        value: Some(71.0),
        previous: Some(69.0),
        threshold: Some(70.0),
        price: Some(1.1),
        detail: DetailText::from("{}"),
        cause: Cause { offset: bar, index: 0 },
        engine_version: 1,
        group: Group { id: GroupId(Uuid::nil()), index: 0, size: 1 },
    };
    (bar.cast_unsigned(), trigger)
}

fn found(recorded: &[i64], run: &[i64]) -> Vec<(What, Option<i64>, Option<i64>)> {
    let at =
        |bars: &[i64]| -> Vec<At> { bars.iter().map(|bar| trigger(*bar, Condition::Overbought)).collect() };
    let bar = |told: &Option<Told>| told.as_ref().map(|told| told.at.0 / BAR);
    let Pairs { counts, differences, .. } = pairs(at(recorded), at(run), &|_| false);
    let counted: u64 = counts.values().map(|all| all.missing + all.extra + all.drifted + all.altered).sum();
    assert_eq!(counted, differences.len() as u64);
    differences.iter().map(|one| (one.what, bar(&one.recorded), bar(&one.run))).collect()
}

#[test]
fn a_trigger_a_few_bars_away_has_drifted_and_one_further_away_is_another() {
    assert_eq!(found(&[10, 20], &[10, 20]), []);
    assert_eq!(found(&[10, 20], &[10, 21]), [(What::Drifted, Some(20), Some(21))]);
    assert_eq!(found(&[10], &[7]), [(What::Drifted, Some(10), Some(7))]);
    assert_eq!(found(&[10], &[14]), [(What::Missing, Some(10), None), (What::Extra, None, Some(14))]);
    assert_eq!(found(&[10], &[6]), [(What::Extra, None, Some(6)), (What::Missing, Some(10), None)]);
}

#[test]
fn the_nearest_is_taken_and_each_once() {
    assert_eq!(found(&[10], &[8, 11]), [(What::Extra, None, Some(8)), (What::Drifted, Some(10), Some(11))]);
    assert_eq!(
        found(&[10, 12], &[11]),
        [(What::Drifted, Some(10), Some(11)), (What::Missing, Some(12), None)]
    );
    assert_eq!(found(&[10, 11], &[11]), [(What::Missing, Some(10), None)], "the same instant comes first");
}

#[test]
fn the_other_side_of_a_line_is_another_trigger() {
    let sides = pairs([trigger(10, Condition::Overbought)], [trigger(10, Condition::Oversold)], &|_| false);
    let what: Vec<What> = sides.differences.iter().map(|one| one.what).collect();
    assert_eq!(what, [What::Missing, What::Extra]);
}

#[test]
fn another_value_is_told_and_another_version_of_the_alert_is_not() {
    let mut again = trigger(10, Condition::Overbought);
    again.1.alert_version = 7;
    again.1.cause = Cause { offset: 99, index: 3 };
    let same = pairs([trigger(10, Condition::Overbought)], [again.clone()], &|_| false);
    assert!(same.differences.is_empty() && same.counts.values().all(|all| all.matching == 1));
    again.1.value = Some(71.5);
    let other = pairs([trigger(10, Condition::Overbought)], [again], &|_| false);
    assert_eq!(
        (other.differences[0].what, other.differences[0].fields.as_slice()),
        (What::Altered, &["value".to_owned()][..])
    );
    assert!(other.counts.values().all(|all| (all.matching, all.altered) == (1, 1)));
}

#[test]
fn what_may_still_be_recorded_is_neither_extra_nor_hides_what_is_there() {
    let at = |bar| trigger(bar, Condition::Overbought);
    let found = pairs([at(10)], [at(10), at(30), at(40)], &|offset| offset >= 40);
    let told: Vec<Option<Timestamp>> = found.differences.iter().map(Difference::at).collect();
    assert_eq!((found.pending, told), (1, vec![Some(Timestamp(30 * BAR))]));
    let matched = pairs([at(10)], [at(10)], &|_| true);
    assert!(matched.pending == 0 && matched.counts.values().all(|all| all.matching == 1));
}

//! What a brief says of its reader's own alerts: how often they fired, what the price did then, and whether that is more than
//! chance. No more than is known, and nothing where that is old.

use std::fmt::Write as _;

use bellwether_schemas::Timestamp;
use bellwether_schemas::previews::{Moved, RandomBars, UserFollowed};
use bellwether_schemas::time::DAY;
use serde::Serialize;

use super::words::counted;
use crate::mail::brand::Look;
use crate::mail::{local_time, number};

/// Found longer ago than that, it says nothing of the last thirty days. It is found each day.
const STALE: i64 = 2 * DAY;
/// How far back it looks where so much is known.
const REACH: i64 = 30 * DAY;

/// A reader's own alerts, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Own {
    title: String,
    sentence: String,
    /// The same for whom lines are broken: no number is parted from its sign of percent.
    unbroken: String,
    /// How the numbers are to be read; none where there are none.
    aside: Option<String>,
}

impl Own {
    /// In a brief that is due then.
    pub(super) fn of(look: &Look, followed: &UserFollowed, due: Timestamp) -> Option<Self> {
        let is_of_now = due.since(followed.to).abs() <= STALE;
        if !is_of_now || followed.triggers <= 0 {
            return None;
        }
        let sentence = sentence(followed);
        Some(Self {
            title: title(look, followed),
            unbroken: sentence.replace(" %", "\u{a0}%"),
            sentence,
            aside: followed.moved.as_ref().map(aside),
        })
    }
}

fn title(look: &Look, followed: &UserFollowed) -> String {
    match followed.to.since(followed.from) {
        whole if whole >= REACH => "Your alerts, last 30 days".into(),
        _ => format!("Your alerts since {}", local_time::date(look.zone, followed.from)),
    }
}

/// `14 triggers; median move after 5 bars +0.12 %, random bars of the same hours +0.01 %: not enough to tell apart.`
fn sentence(followed: &UserFollowed) -> String {
    let UserFollowed { triggers, moved, .. } = followed;
    let mut text = counted(usize::try_from(*triggers).unwrap_or(usize::MAX), "trigger", "triggers");
    let Some(Moved { bars, count, median_percent, random, .. }) = moved else {
        return text + "; no price to measure by.";
    };
    if count < triggers {
        let _ = write!(text, ", {count} of them measured");
    }
    let _ = write!(text, "; median move after {bars} bars {}", number::moved(*median_percent));
    let Some(RandomBars { median_percent, difference }) = random else {
        return text + ", with too few random bars of the same hours to set it beside.";
    };
    let _ = write!(
        text,
        ", random bars of the same hours {}: {}",
        number::moved(*median_percent),
        difference.verdict()
    );
    if difference.excludes_zero() {
        let [low, high] = [difference.low, difference.high].map(number::moved);
        let _ = write!(text, ", by {low} to {high}");
    }
    text + "."
}

fn aside(moved: &Moved) -> String {
    let mut text =
        String::from("Above 0 the price went the way an alert expects. Bars are those of its timeframe.");
    if moved.random.is_some_and(|random| random.difference.excludes_zero()) {
        text += " One in twenty is told apart by chance alone.";
    }
    text
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::UserId;
    use bellwether_schemas::previews::Interval;

    use super::*;
    use crate::mail::samples;

    const TO: Timestamp = Timestamp(20_518 * DAY);
    const DUE: Timestamp = TO.plus(DAY / 8);

    fn followed(moved: Option<Moved>) -> UserFollowed {
        UserFollowed {
            tenant: "fxlabs".parse().unwrap(),
            user_id: UserId(uuid::Uuid::nil()),
            from: TO.plus(-REACH),
            to: TO,
            triggers: 14,
            moved,
        }
    }

    fn moved(count: i64, low: f64, high: f64) -> Option<Moved> {
        let random = RandomBars { median_percent: 0.0102, difference: Interval { low, high } };
        Some(Moved { bars: 5, count, days: 9, median_percent: 0.12, random: Some(random) })
    }

    #[test]
    fn it_is_told_apart_only_where_the_interval_of_the_difference_excludes_zero() {
        let said = |low, high| sentence(&followed(moved(14, low, high)));
        let beside = "14 triggers; median move after 5 bars +0.12 %, random bars of the same hours +0.01 %";
        for (low, high) in [(-0.04, 0.2), (0.0, 0.2), (-0.3, 0.0), (-0.2, 0.01)] {
            assert_eq!(said(low, high), format!("{beside}: not enough to tell apart."), "{low} to {high}");
        }
        assert_eq!(said(0.021, 0.2), format!("{beside}: told apart, by +0.021 % to +0.20 %."));
        assert_eq!(said(-0.2, -0.01), format!("{beside}: told apart, by -0.20 % to -0.01 %."));
        assert!(aside(&moved(14, 0.021, 0.2).unwrap()).contains("by chance alone"));
        assert!(!aside(&moved(14, 0.0, 0.2).unwrap()).contains("by chance alone"));
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let start = "14 triggers, 12 of them measured; median move after 5 bars +0.12 %, ";
        assert!(sentence(&followed(moved(12, 0.0, 0.2))).starts_with(start));
        let alone = Moved { random: None, ..moved(14, 0.0, 0.0).unwrap() };
        let words = "; median move after 5 bars +0.12 %, with too few random bars of the same hours to set it beside.";
        assert_eq!(sentence(&followed(Some(alone))), format!("14 triggers{words}"));
        let one = UserFollowed { triggers: 1, ..followed(None) };
        assert_eq!(sentence(&one), "1 trigger; no price to measure by.");
    }

    #[test]
    fn of_what_was_found_days_ago_and_of_no_triggers_nothing_is_said() {
        let look = Look::new(&samples::tenant("fxlabs")).unwrap();
        let of = |followed: &UserFollowed, due| Own::of(&look, followed, due);
        let found = followed(moved(14, 0.0, 0.2));
        assert_eq!(of(&found, DUE).unwrap().title, "Your alerts, last 30 days");
        assert!(of(&found, TO.plus(STALE)).is_some() && of(&found, TO.plus(STALE + 1)).is_none());
        assert!(of(&found, TO.plus(-STALE - 1)).is_none(), "played on another clock");
        assert_eq!(of(&UserFollowed { triggers: 0, ..found.clone() }, DUE), None);
        // 2026-02-26T20:00Z is the next day in India.
        let young = UserFollowed { from: TO.plus(-7 * DAY - 4 * DAY / 24), ..found };
        assert_eq!(of(&young, DUE).unwrap().title, "Your alerts since 2026-02-27");
    }
}

//! What is made of a journal for people: the answer at creation, how often a version of an alert would have fired before it
//! was there, and what the price did after a user's own triggers. Derived, read by no fold, and the same bytes whenever it
//! is made again.

use serde::{Deserialize, Serialize};

use crate::alerts::AlertKind;
use crate::ids::{AlertId, TenantId, UserId};
use crate::time::Timestamp;
use crate::triggers::Condition;

/// Most triggers that an answer names one by one.
pub const MOST_NAMED: usize = 3;
/// What keys of users begin with: no alert's id does.
const USER_KEY: &str = "user|";

/// A record of the previews topic.
#[derive(Debug, Clone, PartialEq)]
pub enum Preview {
    /// Of an alert.
    Alert(AlertPreview),
    /// Of a user's triggers.
    User(UserFollowed),
}

impl Preview {
    /// Whose it is.
    #[must_use]
    pub const fn tenant(&self) -> &TenantId {
        match self {
            Self::Alert(preview) => &preview.tenant,
            Self::User(followed) => &followed.tenant,
        }
    }

    /// Its record key.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Alert(preview) => preview.key(),
            Self::User(followed) => followed.key(),
        }
    }
}

/// What would have come of one version of an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertPreview {
    /// The tenant whose alert it is.
    pub tenant: TenantId,
    /// Kind of the alert.
    pub kind: AlertKind,
    /// Id of the alert.
    pub alert_id: AlertId,
    /// The version that is spoken of.
    pub version: i64,
    /// Journal offset of the change that is answered.
    pub offset: i64,
    /// Whether there is an answer.
    pub state: PreviewState,
    /// The alert looks at ticks, and was shown the open, low, high and close of one-minute bars in their place.
    pub by_minutes: bool,
    /// Event time where the bars that were looked at begin; none where there are none.
    pub from: Option<Timestamp>,
    /// Event time where they end: the watermark at the change; none before the journal's first time.
    pub to: Option<Timestamp>,
    /// How often it would have fired in that range; 0 where there is not enough history.
    pub times: i64,
    /// The same a week; none where less than a week was looked at.
    pub per_week: Option<f64>,
    /// At most [`MOST_NAMED`], the newest first.
    pub last: Vec<WouldHaveFired>,
    /// What the price did afterwards, by horizon; nothing where the kind has no price.
    pub followed: Vec<Followed>,
}

/// Whether a preview is an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreviewState {
    /// It is.
    Answered,
    /// What the alert watches had no value for long enough, or there is less than a day of bars.
    NotEnoughHistory,
}

/// One trigger that there would have been.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WouldHaveFired {
    /// Close of the bar; of an alert that looks at ticks, about when.
    pub at: Timestamp,
    /// Symbol, pair, or empty.
    pub subject: String,
    /// What happened.
    pub condition: Condition,
    /// The value then, in the kind's unit.
    pub value: Option<f64>,
    /// The price then.
    pub price: Option<f64>,
}

/// What the price did after the triggers of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Followed {
    /// After so many bars of the alert's timeframe; of one minute for an alert that looks at ticks.
    pub bars: i32,
    /// Triggers that had those bars within the range.
    pub count: i64,
    /// The move in the middle, percent: above 0 where the price went the alert's way, as it is where it has none.
    pub median_percent: f64,
}

/// What the price did after the triggers of a user's own alerts, of all of them together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserFollowed {
    /// The tenant whose user it is.
    pub tenant: TenantId,
    /// Whose triggers.
    pub user_id: UserId,
    /// Event time where what was looked at begins: thirty days before its end, or where what is known begins.
    pub from: Timestamp,
    /// Event time where it ends: a midnight of UTC that the watermark reached.
    pub to: Timestamp,
    /// How often the user's alerts fired in that range.
    pub triggers: i64,
    /// None where no trigger has a price so many bars later.
    pub moved: Option<Moved>,
}

/// The moves after the triggers that are measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moved {
    /// After so many bars of each trigger's timeframe; of one minute for a trigger on ticks.
    pub bars: i32,
    /// Triggers that are measured.
    pub count: i64,
    /// Days of UTC that they lie on.
    pub days: i64,
    /// The move in the middle, percent: above 0 where the price went the alert's way, as it is where it has none.
    pub median_percent: f64,
    /// What they are set beside; none where there are no such bars.
    pub random: Option<RandomBars>,
}

/// Random bars of the same symbols, timeframes and hours of the day, each counted the way of the trigger that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RandomBars {
    /// Their move in the middle, percent.
    pub median_percent: f64,
    /// By how much the triggers' median lies above theirs.
    pub difference: Interval,
}

/// Where a value lies 19 times of 20, percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Whether it says that there is something at all.
    #[must_use]
    pub fn excludes_zero(self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }

    /// The same of a difference, in words.
    #[must_use]
    pub fn verdict(self) -> &'static str {
        if self.excludes_zero() { "told apart" } else { "not enough to tell apart" }
    }
}

impl UserFollowed {
    /// The record key of a user's.
    #[must_use]
    pub fn key_of(user: UserId) -> String {
        format!("{USER_KEY}{user}")
    }

    /// The user whom a record key names; none where it is not the key of a user's.
    #[must_use]
    pub fn user_of(key: &str) -> Option<UserId> {
        key.strip_prefix(USER_KEY)?.parse().ok()
    }

    /// Its record key.
    #[must_use]
    pub fn key(&self) -> String {
        Self::key_of(self.user_id)
    }
}

impl AlertPreview {
    /// Its record key: the alert's id.
    #[must_use]
    pub fn key(&self) -> String {
        self.alert_id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_something_only_where_its_interval_lies_on_one_side_of_zero() {
        let verdict = |low, high| Interval { low, high }.verdict();
        assert_eq!((verdict(0.01, 0.2), verdict(-0.2, -0.01)), ("told apart", "told apart"));
        for (low, high) in [(-0.01, 0.2), (0.0, 0.2), (-0.2, 0.0), (-0.2, 0.01), (f64::NAN, f64::NAN)] {
            assert_eq!(verdict(low, high), "not enough to tell apart", "{low} to {high}");
        }
    }

    #[test]
    fn a_users_key_names_that_user_and_an_alerts_nobody() {
        let user: UserId = "c2a1f0de-8b34-4f6d-9e10-7b2f4d5a6c01".parse().unwrap();
        assert_eq!(UserFollowed::user_of(&UserFollowed::key_of(user)), Some(user));
        for key in ["c2a1f0de-8b34-4f6d-9e10-7b2f4d5a6c01", "user|", "user|x", ""] {
            assert_eq!(UserFollowed::user_of(key), None, "{key}");
        }
    }
}

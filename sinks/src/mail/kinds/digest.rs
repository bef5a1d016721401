//! The mail of kind `digest`: what was held back for its reader, by kind, with times.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_schemas::alerts::AlertKind;
use serde::Serialize;

use super::words::{TITLE, counted, one_line};
use crate::mail::brand::Look;
use crate::mail::error::{ComposeError, ViewError};
use crate::mail::frame::{Setting, Summary};
use crate::mail::kind::MailKind;
use crate::mail::limits::Why;
use crate::mail::local_time;
use crate::mail::render::Rendered;
use crate::mail::scheduled::{Digest, Held};

/// Most mails that are listed, shared by the kinds there are: what clients show whole has room for them. The others are
/// counted.
const LISTED: usize = 100;

/// What the templates of this kind show beside the frame.
#[derive(Debug, Clone, Serialize)]
struct View {
    groups: Vec<Group>,
}

/// The mails of one kind, in the order of their times.
#[derive(Debug, Clone, Serialize)]
struct Group {
    title: &'static str,
    count: usize,
    entries: Vec<Entry>,
    more: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct Entry {
    at: String,
    what: String,
}

/// Subject and bodies of a digest.
pub(super) fn render(setting: Setting<'_>, digest: &Digest) -> Result<Rendered, ComposeError> {
    let groups = groups(setting.look, digest);
    let first = digest.held.iter().map(|held| held.at).min().ok_or(ViewError::Empty)?;
    let only_alerts = digest.held.iter().all(|held| matches!(held.kind, MailKind::Alert(_)));
    let (one, many) = if only_alerts { ("alert", "alerts") } else { ("mail", "mails") };
    let what = format!("{} while you were away", counted(digest.held.len(), one, many));
    let (why, since) = (reasons(digest), local_time::stamp(setting.look.zone, first));
    let by_kind: Vec<String> =
        groups.iter().map(|group| format!("{}: {}", group.title, group.count)).collect();
    let summary = Summary {
        preheader: by_kind.join(", "),
        heading: what.clone(),
        what,
        subline: format!("Held back since {since}: {why}"),
        because: "some of your mails were held back".into(),
        at: digest.at,
    };
    Ok(setting.render(MailKind::Digest, summary, &View { groups })?)
}

fn groups(look: &Look, digest: &Digest) -> Vec<Group> {
    let mut by_kind: BTreeMap<MailKind, Vec<&Held>> = BTreeMap::new();
    for held in &digest.held {
        by_kind.entry(held.kind).or_default().push(held);
    }
    let most = LISTED / by_kind.len().max(1);
    by_kind.into_iter().map(|(kind, held)| group(look, kind, held, most)).collect()
}

fn group(look: &Look, kind: MailKind, mut held: Vec<&Held>, most: usize) -> Group {
    held.sort_by_key(|held| held.at);
    let stamp = |held: &Held| local_time::stamp(look.zone, held.at);
    let entry = |held: &&Held| Entry { at: stamp(held), what: one_line(&held.what, TITLE) };
    let more = held.get(most..).and_then(|rest| {
        let (first, last) = (rest.first()?, rest.last()?);
        Some(format!("And {} more, from {} to {}", rest.len(), stamp(first), stamp(last)))
    });
    Group {
        title: title(kind),
        count: held.len(),
        entries: held.iter().take(most).map(entry).collect(),
        more,
    }
}

/// Why they were not sent, each reason once.
fn reasons(digest: &Digest) -> String {
    let all: BTreeSet<&str> = digest.held.iter().map(|held| reason(held.why)).collect();
    all.into_iter().collect::<Vec<_>>().join(", and ")
}

const fn reason(why: Why) -> &'static str {
    match why {
        Why::QuietHours | Why::QuietDigest => "it was your quiet time",
        Why::Limit => "there were more than you get within an hour",
        Why::Wish => "you want them in one mail",
        Why::Flood => "there were very many for everybody",
    }
}

const fn title(kind: MailKind) -> &'static str {
    match kind {
        MailKind::Alert(AlertKind::RsiTracker) => "RSI",
        MailKind::Alert(AlertKind::RsiCorrelationTracker) => "Correlation",
        MailKind::Alert(AlertKind::HeatmapTracker) => "Heatmap",
        MailKind::Alert(AlertKind::HeatmapIndicatorTracker) => "Indicators",
        MailKind::Alert(AlertKind::CurrencyStrengthTracker) => "Currency strength",
        MailKind::Alert(AlertKind::PriceAlert) => "Price",
        MailKind::Brief => "Daily brief",
        MailKind::Digest => "Digests",
        MailKind::Reminder => "News",
        MailKind::Correction => "News that moved",
        MailKind::Test => "Test mails",
    }
}

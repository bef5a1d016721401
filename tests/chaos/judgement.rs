//! Rows, events, mails, schedules and triggers of every kind against computations that share no code with the pipeline.
//! There are seven verdicts: lost, duplicate, phantom (an effect without a cause), payload mismatch, cross-tenant, stale
//! version (of an alert), late (not there when all had been well for minutes, or told of after it was to come).

mod effects;
mod news;

use std::collections::{BTreeMap, BTreeSet};

use bellwether_schemas::TenantId;
use bellwether_schemas::alerts::AlertKind;
use bellwether_tests::reference;
use serde_json::Value;
use uuid::Uuid;

use self::effects::{Faults, Versions};
use crate::judged::{Fired, ROWS, alerts, every_trigger, market, text};
use crate::world::{Shop, World, progress};

pub(crate) struct Judgement {
    /// A line a tenant.
    pub(crate) text: String,
    /// In one line.
    pub(crate) found: String,
    pub(crate) findings: Vec<String>,
}

#[derive(Default)]
struct Sums {
    faults: Faults,
    triggers: usize,
    events: usize,
    mails: usize,
    reminders: usize,
    ambiguous: usize,
    repeats: usize,
}

/// `late`: how often something was waited for in vain.
pub(crate) fn judge(world: &World, late: usize) -> Judgement {
    progress("judging");
    let (mut sums, mut lines, mut findings) = (Sums::default(), Vec::new(), Vec::new());
    for shop in &world.shops {
        lines.push(judge_shop(world, shop, &mut sums, &mut findings));
    }
    sums.faults.late += late;
    if !sums.faults.are_none() {
        findings.push(sums.faults.to_string());
    }
    let Sums { faults, triggers, events, mails, reminders, ambiguous, repeats } = sums;
    let found = format!(
        "{triggers} triggers and rows, {events} events, {mails} mails, {reminders} told by the clock: {faults}; {ambiguous} \
         mails twice inside the stated window, {repeats} repeats in the triggers topics"
    );
    Judgement { text: lines.join("\n"), found, findings }
}

fn judge_shop(world: &World, shop: &Shop, sums: &mut Sums, findings: &mut Vec<String>) -> String {
    let id = &shop.id;
    let journal = world.cat(id, "journal");
    let expected = every_trigger(&journal);
    let due: BTreeSet<(&str, Uuid)> =
        expected.iter().map(|trigger| (trigger.kind.as_str(), trigger.id)).collect();
    let ids: BTreeSet<Uuid> = due.iter().map(|(_, id)| *id).collect();
    let rows: Vec<(String, Uuid)> = world.query(shop, ROWS);
    let stored: BTreeSet<(&str, Uuid)> = rows.iter().map(|(kind, id)| (kind.as_str(), *id)).collect();
    let lost = due.difference(&stored).count();
    let phantom = stored.difference(&due).count() + rows.len() - stored.len();
    let mut find = |bad: bool, what: String| {
        if bad {
            findings.push(format!("{id}: {what}"));
        }
    };
    let counts = AlertKind::ALL.map(|kind| (kind, due.iter().filter(|(of, _)| *of == kind.name()).count()));
    for (kind, count) in counts {
        find(count < 5, format!("only {count} triggers of kind {kind}: that shows nothing"));
    }
    compute_again(id, &journal, &due, &mut find);
    find(lost + phantom > 0, format!("{lost} rows lost, {phantom} without a cause or twice"));
    let letters = world.cat(id, "deadletters").len();
    find(letters > 0, format!("{letters} dead letters"));
    let report = world.verify(id);
    find(report["identical"] != true || report["pending"] != 0, format!("replay --verify: {report}"));
    let outcomes = world.cat(id, "triggers");
    let (topic, repeats, mixed) = recorded(&outcomes, &ids);
    find(mixed > 0, format!("{mixed} triggers were recorded twice with different bytes"));
    find(topic != ids, format!("the triggers topic has {} of {} triggers", topic.len(), ids.len()));
    let mails = judge_mails(world, shop, &expected, &mut find);
    let foreign = foreign(world, shop);
    let crossed = mails.crossed + foreign.len();
    foreign.into_iter().for_each(|canary| find(true, canary));
    let (stale, versions) = effects::stale(&outcomes, &Versions::of(&journal));
    find(stale > 0, format!("{stale} triggers are of a version that was not in force"));
    let (written, events) = effects::written(world, shop, &expected, &versions);
    find(!written.are_none(), format!("rows and events: {written}"));
    let (told, reminders) = news::judge(world, shop);
    find(!told.are_none(), format!("told by the clock: {told}"));
    let twice = rows.len() - stored.len();
    let own = Faults {
        lost: lost + mails.missing + ids.difference(&topic).count(),
        duplicate: twice + mails.doubled,
        phantom: phantom - twice + mails.strangers,
        mismatch: mixed,
        crossed,
        stale,
        late: 0,
    };
    [own, written, told].into_iter().for_each(|faults| sums.faults.add(faults));
    sums.triggers += ids.len();
    sums.events += events;
    sums.repeats += repeats;
    sums.mails += mails.taken;
    sums.reminders += reminders;
    sums.ambiguous += mails.ambiguous;
    let counts = counts.map(|(kind, count)| format!("{count} {kind}")).join(", ");
    format!(
        "{id}: {} journal records, {} triggers ({counts}), {} rows, {} mails for {} groups, {repeats} repeats in the \
         topic",
        journal.len(),
        ids.len(),
        rows.len(),
        mails.taken,
        mails.groups
    )
}

/// The triggers of RSI, by a second computation.
fn compute_again(
    id: &TenantId,
    journal: &[Value],
    due: &BTreeSet<(&str, Uuid)>,
    find: &mut impl FnMut(bool, String),
) {
    let rsi = reference::triggers(&market(id.as_str(), journal), &alerts(journal)).unwrap();
    let rsi: BTreeSet<(&str, Uuid)> = rsi.iter().map(|trigger| ("rsi_tracker", trigger.id)).collect();
    let second: BTreeSet<_> = due.iter().copied().filter(|(kind, _)| *kind == "rsi_tracker").collect();
    find(
        rsi != second,
        format!("two computations differ: {} and {} triggers of RSI", rsi.len(), second.len()),
    );
}

/// Ids on the triggers topic, how many records repeat one, and how many of those differ from the first.
fn recorded(topic: &[Value], expected: &BTreeSet<Uuid>) -> (BTreeSet<Uuid>, usize, usize) {
    let mut first: BTreeMap<Uuid, &Value> = BTreeMap::new();
    let (mut repeats, mut mixed) = (0, 0);
    for line in topic.iter().filter(|line| line["type"] == "trigger_fired") {
        let id: Uuid = text(&line["record"]["id"]).parse().unwrap();
        match first.insert(id, &line["record"]) {
            Some(before) => {
                repeats += 1;
                mixed += usize::from(*before != line["record"]);
            }
            None => mixed += usize::from(!expected.contains(&id)),
        }
    }
    (first.into_keys().collect(), repeats, mixed)
}

struct Mails {
    groups: usize,
    taken: usize,
    missing: usize,
    doubled: usize,
    ambiguous: usize,
    strangers: usize,
    crossed: usize,
}

/// A group is one alert at one bar's close: one mail to its user, if they confirmed their address.
fn judge_mails(world: &World, shop: &Shop, expected: &[Fired], find: &mut impl FnMut(bool, String)) -> Mails {
    let mut groups: BTreeMap<&str, BTreeSet<(Uuid, i64)>> = BTreeMap::new();
    for trigger in expected {
        let user = shop.users.iter().find(|user| user.id.0 == trigger.user_id).unwrap();
        if user.confirmed {
            groups.entry(user.email.as_str()).or_default().insert((trigger.alert_id, trigger.close_time));
        }
    }
    let mut copies: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let ours = format!("@{}.example", shop.id);
    let mut crossed = 0;
    for mail in world.inbox.store.list() {
        let to_us = mail.envelope.to.iter().all(|to| to.ends_with(&format!("@users.{}.example", shop.id)));
        let from_us = mail.envelope.from.ends_with(&ours) || mail.envelope.from.contains(shop.id.as_str());
        crossed += usize::from(to_us != from_us);
        find(to_us != from_us, format!("a mail crossed tenants: {:?}", mail.envelope));
        if to_us && !news::is_told_by_clock(&mail.message_id) {
            *copies.entry(mail.envelope.to[0].clone()).or_default().entry(mail.message_id).or_default() += 1;
        }
    }
    let ambiguous: Vec<(i64,)> = world.query(
        shop,
        "select count(distinct occurrence) from bellwether.mail_event where event = 'ambiguous'
         and occurrence !~ '^(scheduled|reminder|correction)[.]'",
    );
    let ambiguous = usize::try_from(ambiguous[0].0).unwrap();
    let taken = copies.values().flat_map(BTreeMap::values).sum();
    let repeated: usize = copies.values().flat_map(BTreeMap::values).map(|count| count - 1).sum();
    let owed: usize = groups.values().map(BTreeSet::len).sum();
    let mut missing = 0;
    for (address, groups) in &groups {
        let mails = copies.get(*address).map_or(0, BTreeMap::len);
        missing += groups.len().saturating_sub(mails);
        find(groups.len() != mails, format!("{address}: {} groups, {mails} mails", groups.len()));
    }
    let doubled = repeated.saturating_sub(ambiguous);
    find(doubled > 0, format!("{repeated} mails came twice, {ambiguous} of them may"));
    let strangers = copies.keys().filter(|address| !groups.contains_key(address.as_str())).count();
    find(strangers > 0, "mail for somebody to whom none is owed".into());
    let ambiguous = repeated.min(ambiguous);
    Mails { groups: owed, taken, missing, doubled, ambiguous, strangers, crossed }
}

/// Everything in which another brand is named: columns of rows, states and mails owed, headers and bodies of mails.
fn foreign(world: &World, shop: &Shop) -> Vec<String> {
    const WRITTEN: &str = "select to_jsonb(t)::text from public.rsi_tracker_alert_triggers t
        union all select to_jsonb(t)::text from public.rsi_correlation_tracker_alert_triggers t
        union all select to_jsonb(t)::text from public.heatmap_tracker_alert_triggers t
        union all select to_jsonb(t)::text from public.heatmap_indicator_tracker_alert_triggers t
        union all select to_jsonb(t)::text from public.currency_strength_tracker_alert_triggers t
        union all select to_jsonb(t)::text from public.price_alert_triggers t
        union all select to_jsonb(t)::text from public.alert_status t
        union all select to_jsonb(t)::text from (
            select occurrence, kind, recipient, subject, message_id, reason, reply from bellwether.mail_outbox) t";
    let others = world.shops.iter().map(|other| other.id.as_str()).filter(|id| *id != shop.id.as_str());
    let others: Vec<&str> = others.collect();
    let names = |text: &str| others.iter().any(|id| text.to_lowercase().contains(id));
    let written: Vec<(String,)> = world.query(shop, WRITTEN);
    let written = written.into_iter().map(|(row,)| row).filter(|row| names(row));
    let mails = world.inbox.store.list();
    let to_us = mails.iter().filter(|mail| mail.envelope.to.iter().any(|to| to.contains(shop.id.as_str())));
    let read = to_us.filter_map(|mail| {
        let mail = world.inbox.store.get(mail.id)?;
        let headers: String = mail.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let bodies = mail.text.unwrap_or_default() + &mail.html.unwrap_or_default();
        names(&(headers + &bodies)).then(|| format!("mail {} {:?}", mail.summary.id, mail.summary.subject))
    });
    written.chain(read).map(|what| format!("another brand is named in {what}")).collect()
}

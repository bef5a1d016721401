//! What the tenants' own clocks owe: each item of the news, told to each user once, before it comes.

use std::collections::BTreeMap;

use super::effects::Faults;
use crate::world::{Shop, World};

/// Runs of the schedule that are there twice, or owe nobody.
const RUNS: &str = "select key, count(*) from bellwether.schedule_run
    where schedule = 'news_reminder' and state = 'due' group by key";
const HELD: &str =
    "select count(*) from bellwether.mail_outbox where kind = 'news_reminder' and state = 'ambiguous'";

/// What is wrong with the reminders of this tenant, and how many mails there are.
pub(super) fn judge(world: &World, shop: &Shop) -> (Faults, usize) {
    let mut copies: BTreeMap<(String, String), (usize, bool)> = BTreeMap::new();
    let announced = world.announced();
    let mut faults = Faults::default();
    let mut taken = 0;
    for mail in world.inbox.store.list().iter().filter(|mail| is_told_by_clock(&mail.message_id)) {
        let Some(to) =
            mail.envelope.to.first().filter(|to| to.ends_with(&format!("@users.{}.example", shop.id)))
        else {
            continue;
        };
        taken += 1;
        let read =
            world.inbox.store.get(mail.id).and_then(|mail| mail.text).unwrap_or_default() + &mail.subject;
        let about = announced.iter().find(|(title, _)| read.contains(title.as_str()));
        match about {
            None => faults.phantom += usize::from(mail.message_id.contains("reminder.")),
            Some((title, at)) => {
                let copy = copies.entry((to.clone(), title.clone())).or_default();
                copy.0 += 1;
                copy.1 |= mail.received_at >= *at;
            }
        }
    }
    let confirmed: Vec<&str> =
        shop.users.iter().filter(|user| user.confirmed).map(|user| user.email.as_str()).collect();
    let mut missing = 0;
    for (title, _) in &announced {
        let told = |user: &&&str| copies.contains_key(&((**user).to_owned(), title.clone()));
        missing += confirmed.len() - confirmed.iter().filter(told).count();
    }
    // One that may have arrived is held, and said to be.
    let held = usize::try_from(world.query::<(i64,)>(shop, HELD)[0].0).unwrap();
    faults.lost += missing.saturating_sub(held);
    // None is sent once more: a copy is one too many.
    faults.duplicate += copies.values().map(|(copies, _)| copies - 1).sum::<usize>();
    faults.late += copies.values().filter(|(_, late)| *late).count();
    faults.phantom += copies.keys().filter(|(to, _)| !confirmed.contains(&to.as_str())).count();
    let runs = world.query::<(String, i64)>(shop, RUNS);
    faults.duplicate += runs.iter().filter(|(_, count)| *count > 1).count();
    (faults, taken)
}

/// Told by the clock, and not by a trigger: what is left of the `@` says so.
pub(super) fn is_told_by_clock(message_id: &str) -> bool {
    let occurrence = message_id.trim_start_matches('<');
    ["scheduled.", "reminder.", "correction."].iter().any(|kind| occurrence.starts_with(kind))
}

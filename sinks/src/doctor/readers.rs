//! Who reads the tenant's topics, and what waits for each.

use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::Finding;
use bellwether_runtime::log::{Log, Result, scan};
use bellwether_runtime::roles::{Group, MAIL, ROWS, Role, SCHEDULE};
use bellwether_schemas::{TenantId, Timestamp, Topic};

use super::{LATE, ago};

/// Each role that reads a topic of the tenant. What waits for the sinks of triggers their cursors say better.
pub(super) fn look(log: &dyn Log, tenant: &Tenant, now: Timestamp) -> Result<Vec<Finding>> {
    let readers = Role::ALL.iter().filter_map(|role| Some((*role, role.group()?)));
    let needed = readers.filter(|(_, group)| *group != SCHEDULE || has_schedule(tenant));
    needed.map(|(role, group)| of_role(log, &tenant.id, role, group, now)).collect()
}

/// A tenant without a brief and without news owes nothing by the clock.
fn has_schedule(tenant: &Tenant) -> bool {
    tenant.daily_brief.is_some() || !tenant.calendar.is_empty()
}

fn of_role(log: &dyn Log, tenant: &TenantId, role: Role, group: Group, now: Timestamp) -> Result<Finding> {
    let topic = Topic::new(tenant, group.reads);
    let members = log.members(group.name)?;
    let Some(member) = members.iter().find(|member| member.topics.contains(&topic)) else {
        let found = format!("nobody reads {topic} as `bellwether {role}`");
        return Ok(Finding::fault(role.name(), found, format!("start `bellwether {role}`")));
    };
    if group == ROWS || group == MAIL {
        return Ok(Finding::ok(role.name(), format!("{} reads {topic}", member.id)));
    }
    waiting(log, tenant, group, now).map(|finding| Finding { about: role.name().into(), ..finding })
}

/// What waits for a group in the topic it reads, by what it committed.
pub(super) fn waiting(log: &dyn Log, tenant: &TenantId, group: Group, now: Timestamp) -> Result<Finding> {
    let topic = Topic::new(tenant, group.reads);
    let bounds = log.bounds(&topic)?;
    let next = log.committed(group.name, &topic)?.unwrap_or(bounds.start).max(bounds.start);
    behind(log, &topic, group.short_name(), next, now)
}

/// What waits in the topic from that offset on: a fault where its first record is late.
pub(super) fn behind(
    log: &dyn Log,
    topic: &Topic,
    about: &str,
    next: u64,
    now: Timestamp,
) -> Result<Finding> {
    let end = log.bounds(topic)?.next;
    let first = if next < end { scan(log, topic, next..end)?.next().transpose()? } else { None };
    let Some(first) = first else {
        return Ok(Finding::ok(about, format!("has dealt with all of {topic}")));
    };
    let records = end - first.offset;
    let (age, since) = (now.since(first.appended_at), first.appended_at);
    let found = format!("{records} records of {topic} wait, the first since {since}, {} ago", ago(age));
    if age <= LATE {
        return Ok(Finding::ok(about, found));
    }
    let advice = "see that its role runs, what it logs of this tenant, and `bellwether top`";
    Ok(Finding::fault(about, found, advice))
}

#[cfg(test)]
mod tests {
    use bellwether_runtime::clock::Clock;
    use bellwether_runtime::finding::Level;
    use bellwether_runtime::log::{Access, NewRecord, open};
    use bellwether_schemas::TopicKind;

    use super::*;

    #[test]
    fn what_waits_is_late_by_its_oldest_record_and_not_by_its_newest() {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(Timestamp(0)));
        let log = open(&format!("embedded:{}", dir.path().display()), Access::Write, clock.clone()).unwrap();
        let topic = Topic::new(&"fxlabs".parse().unwrap(), TopicKind::Triggers);
        log.create(&topic).unwrap();
        let append = || {
            let record = NewRecord { key: Vec::new(), value: b"v".to_vec() };
            log.append(&topic, vec![record]).wait().unwrap();
        };
        append();
        clock.advance(LATE);
        append();
        let level = |next| behind(log.as_ref(), &topic, "rows", next, clock.now()).unwrap().level;
        assert_eq!([level(0), level(1), level(2)], [Level::Ok; 3]);
        clock.advance(1);
        assert_eq!([level(0), level(1), level(2)], [Level::Fault, Level::Ok, Level::Ok]);
        let found = behind(log.as_ref(), &topic, "rows", 0, clock.now()).unwrap().found;
        assert!(
            found.starts_with("2 records of fxlabs.triggers.v1 wait, the first since 1970-01-01"),
            "{found}"
        );
    }
}

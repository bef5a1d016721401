//! One look at every tenant and role.

use std::collections::BTreeMap;
use std::sync::Arc;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::{Bounds, GroupMember, Log, LogError, scan};
use bellwether_runtime::roles::{Group, Role};
use bellwether_schemas::{TenantId, Timestamp, Topic, TopicKind, codec};
use tokio::time::Instant;

use super::tail::{Mark, Tail, TimeRule};
use crate::wiring::Process;

/// A role that reads a topic of each tenant as a group, and who does so now.
struct Readers {
    role: Role,
    group: Group,
    members: Vec<GroupMember>,
}

/// How far a role is with a tenant.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) at: Timestamp,
    pub(super) tenant: TenantId,
    pub(super) role: Role,
    pub(super) owner: Option<String>,
    /// The offset it reads next, and where its topic ends.
    pub(super) next: u64,
    pub(super) end: u64,
    /// Records a second since the last look.
    pub(super) rate: Option<f64>,
    pub(super) mark: Option<Mark>,
    /// How old the watermark is: microseconds behind now, or behind the newest event of a source that plays the past.
    pub(super) age: Option<i64>,
}

pub(super) struct Sample {
    pub(super) rows: Vec<Row>,
    pub(super) failures: Vec<(TenantId, LogError)>,
}

pub(super) struct Sampler {
    log: Arc<dyn Log>,
    clock: Clock,
    named: Vec<TenantId>,
    /// Of the tenants that have a file here.
    rules: BTreeMap<TenantId, TimeRule>,
    tails: BTreeMap<TenantId, Tail>,
    /// Where each stood at the last look.
    before: BTreeMap<(TenantId, Role), (u64, Instant)>,
    /// What caused the first outcome that a sink which stands there has not delivered.
    causes: BTreeMap<(TenantId, Role), (u64, u64)>,
}

impl Sampler {
    pub(super) fn new(log: Arc<dyn Log>, process: &Process, named: Vec<TenantId>) -> Self {
        // What a bad file says is not known; the log may say it.
        let tenants = process.directory(&[]).look().map(|reading| reading.tenants).unwrap_or_default();
        let rule = |tenant: Tenant| (tenant.id, TimeRule::of(tenant.revision, &tenant.settings));
        let rules = tenants.into_iter().map(rule).collect();
        Self {
            log,
            clock: process.clock.clone(),
            named,
            rules,
            tails: BTreeMap::new(),
            before: BTreeMap::new(),
            causes: BTreeMap::new(),
        }
    }

    /// # Errors
    /// The log is out of reach; what is wrong with one tenant is part of the sample.
    pub(super) fn sample(&mut self) -> Result<Sample, LogError> {
        let tenants = self.tenants()?;
        let roles = self.roles()?;
        let mut sample = Sample { rows: Vec::new(), failures: Vec::new() };
        for tenant in tenants {
            match self.rows(&tenant, &roles) {
                Ok(rows) => sample.rows.extend(rows),
                Err(error @ LogError::Unavailable { .. }) => return Err(error),
                Err(error) => sample.failures.push((tenant, error)),
            }
        }
        Ok(sample)
    }

    /// Those named, or all that have a journal now.
    fn tenants(&mut self) -> Result<Vec<TenantId>, LogError> {
        let journals = self.log.topics()?.into_iter().filter(|topic| topic.kind == TopicKind::Journal);
        let there: Vec<TenantId> = journals.map(|topic| topic.tenant).collect();
        self.tails.retain(|tenant, _| there.contains(tenant));
        self.before.retain(|(tenant, _), _| there.contains(tenant));
        self.causes.retain(|(tenant, _), _| there.contains(tenant));
        Ok(if self.named.is_empty() { there } else { self.named.clone() })
    }

    fn roles(&self) -> Result<Vec<Readers>, LogError> {
        let groups = Role::ALL.iter().filter_map(|role| Some((*role, role.group()?)));
        let members = |(role, group): (Role, Group)| {
            Ok(Readers { role, group, members: self.log.members(group.name)? })
        };
        groups.map(members).collect()
    }

    fn rows(&mut self, tenant: &TenantId, roles: &[Readers]) -> Result<Vec<Row>, LogError> {
        let journal = Topic::new(tenant, TopicKind::Journal);
        let rule = self.rules.get(tenant).copied().unwrap_or_else(TimeRule::documented);
        let tail = self.tails.entry(tenant.clone()).or_insert_with(|| Tail::new(journal, rule));
        let newest = tail.follow(self.log.as_ref())?;
        let mut folded = 0;
        let mut rows = Vec::new();
        for readers in roles {
            let mut row = self.row(tenant, readers)?;
            let done = match readers.group.reads {
                TopicKind::Journal => Some(row.next),
                TopicKind::Triggers => Some(self.delivered(tenant, &row)?.unwrap_or(folded).min(folded)),
                // A record that says of no cause does not tell how far the journal it came of was read.
                _ => (row.next >= row.end).then_some(folded),
            };
            if readers.group.reads == TopicKind::Journal {
                folded = row.next;
            }
            if let (Some(tail), Some(done)) = (self.tails.get_mut(tenant), done) {
                row.mark = tail.mark(self.log.as_ref(), row.role, done)?;
            }
            row.age = row.mark.map(|mark| age(mark, newest, row.at));
            rows.push(row);
        }
        Ok(rows)
    }

    fn row(&mut self, tenant: &TenantId, readers: &Readers) -> Result<Row, LogError> {
        let Readers { role, group, members } = readers;
        let topic = Topic::new(tenant, group.reads);
        let Bounds { start, next: end } = self.log.bounds(&topic)?;
        let next = self.log.committed(group.name, &topic)?.unwrap_or(start);
        let owner = members.iter().find(|member| member.topics.contains(&topic));
        let now = Instant::now();
        let before = self.before.insert((tenant.clone(), *role), (next, now));
        let rate = before.map(|(then, at)| {
            let seconds = now.duration_since(at).as_secs_f64().max(0.001);
            next.saturating_sub(then) as f64 / seconds
        });
        Ok(Row {
            at: self.clock.now(),
            tenant: tenant.clone(),
            role: *role,
            owner: owner.map(|member| member.id.clone()),
            next,
            end: end.max(next),
            rate,
            mark: None,
            age: None,
        })
    }

    /// The journal offset up to which everything that follows is delivered: the cause of the first outcome that is
    /// not. None: all of them are.
    fn delivered(&mut self, tenant: &TenantId, row: &Row) -> Result<Option<u64>, LogError> {
        if row.next >= row.end {
            return Ok(None);
        }
        let key = (tenant.clone(), row.role);
        if let Some((_, cause)) = self.causes.get(&key).filter(|(next, _)| *next == row.next) {
            return Ok(Some(*cause));
        }
        let triggers = Topic::new(tenant, TopicKind::Triggers);
        let first = scan(self.log.as_ref(), &triggers, row.next..row.end)?.next().transpose()?;
        let outcome = first.and_then(|record| codec::decode_outcome(&record.value).ok());
        let cause = outcome.map(|outcome| outcome.cause().offset.max(0).cast_unsigned());
        if let Some(cause) = cause {
            self.causes.insert(key, (row.next, cause));
        }
        Ok(cause)
    }
}

/// A source that plays the past has its own now: the newest that it said.
fn age(mark: Mark, newest: Option<Mark>, now: Timestamp) -> i64 {
    let now = newest.filter(|newest| newest.played).map_or(now, |newest| newest.time);
    now.since(mark.time).max(0)
}

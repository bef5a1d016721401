//! Waiting until everything is done that there is to do.

use std::time::Duration;

use bellwether_schemas::{Topic, TopicKind};

use super::{IN_VAIN, PATIENCE, Shop, World, now, progress};
use crate::processes::{Processes, Role};

/// Records that a tenant's journal has become longer by, once its market flows.
const FLOWS: u64 = 100;

impl World {
    /// Producers stop; the others go on until nothing is left to be done.
    pub(crate) fn drain(&self, processes: &mut Processes<'_>) {
        progress("draining");
        let queued = "select count(*) from bellwether.alert_change";
        self.wait(processes, "every change of an alert to be published", |shop| {
            self.count(shop, queued) == 0
        });
        let told = "select count(*) from bellwether.schedule_run where schedule = 'news_reminder'";
        let announced = i64::try_from(self.announced.borrow().len()).unwrap();
        self.wait(processes, "every item of the news to be told of", |shop| {
            self.count(shop, told) >= announced
        });
        processes.stop_all(Role::Produce);
        for role in [Role::Process, Role::Rows, Role::Mail] {
            let what = format!("{}: all that is there to be read", role.name());
            self.wait_while_it_moves(processes, &what, || self.lag(role));
        }
        let unsent = || self.shops.iter().map(|shop| u64::try_from(self.unsent(shop)).unwrap()).sum();
        self.wait_while_it_moves(processes, "every mail to be sent", || Some(unsent()));
        Role::ALL.iter().for_each(|role| processes.stop_all(*role));
    }

    fn wait(&self, processes: &mut Processes<'_>, what: &str, done: impl Fn(&Shop) -> bool) {
        let deadline = now() + PATIENCE;
        while !self.shops.iter().all(&done) {
            if now() > deadline {
                return processes.finding(format!("waited {PATIENCE:?} {IN_VAIN} for {what}"));
            }
            processes.tend();
        }
    }

    /// Until nothing is left. How much there is depends on how much a machine was given to do: it is waited for as long
    /// as it becomes less.
    fn wait_while_it_moves(&self, processes: &mut Processes<'_>, what: &str, left: impl Fn() -> Option<u64>) {
        let (mut least, mut deadline) = (u64::MAX, now() + PATIENCE);
        loop {
            match left() {
                Some(0) => return,
                Some(left) if left < least => (least, deadline) = (left, now() + PATIENCE),
                _ if now() > deadline => {
                    return processes.finding(format!(
                        "waited {PATIENCE:?} {IN_VAIN} for {what}: {least} are left, and it became no less"
                    ));
                }
                _ => processes.tend(),
            }
        }
    }

    /// Until every tenant's producers have begun: who is at its start gives up on brokers that are away, as it should.
    pub(crate) fn wait_until_it_flows(&self, processes: &mut Processes<'_>) {
        let end =
            |shop: &Shop| self.log.bounds(&Topic::new(&shop.id, TopicKind::Journal)).map(|it| it.next).ok();
        let begun: Vec<Option<u64>> = self.shops.iter().map(end).collect();
        let before = |shop: &Shop| self.shops.iter().position(|it| it.id == shop.id).and_then(|at| begun[at]);
        self.wait(processes, "every tenant's market to begin", |shop| {
            end(shop) > before(shop).map(|at| at + FLOWS)
        });
    }

    /// Where the group stands; none while no broker answers.
    pub(super) fn position(&self, group: &str, shop: &Shop, kind: TopicKind) -> Option<u64> {
        self.log.committed(group, &Topic::new(&shop.id, kind)).ok().map(|next| next.unwrap_or(0))
    }

    /// Whether the role has read what stood in each tenant's topic when that could first be asked.
    fn passed(&self, role: Role, ends: &mut [Option<u64>]) -> bool {
        let (group, kind) = role.reads();
        for (shop, end) in self.shops.iter().zip(&mut *ends) {
            let now = || self.log.bounds(&Topic::new(&shop.id, kind)).ok().map(|bounds| bounds.next);
            *end = end.or_else(now);
        }
        self.shops.iter().zip(ends).all(|(shop, end)| {
            end.is_some_and(|end| self.position(group, shop, kind).is_some_and(|next| next >= end))
        })
    }

    /// The longest queue of any tenant before that role, in records; none while no broker answers.
    pub(crate) fn lag(&self, role: Role) -> Option<u64> {
        let (group, kind) = role.reads();
        let of = |shop: &Shop| {
            let next = self.log.bounds(&Topic::new(&shop.id, kind)).ok()?.next;
            Some(next.saturating_sub(self.position(group, shop, kind)?))
        };
        self.shops.iter().map(of).try_fold(0, |largest, lag| Some(largest.max(lag?)))
    }

    /// How long it takes until what stands in every journal now is folded, and every trigger of it is a row.
    pub(crate) fn time_to_catch_up(&self, processes: &mut Processes<'_>) -> Option<Duration> {
        let begun = now();
        for role in [Role::Process, Role::Rows] {
            let mut ends = vec![None; self.shops.len()];
            while !self.passed(role, &mut ends) {
                if begun.elapsed() > PATIENCE {
                    processes.finding(format!(
                        "{}: waited {PATIENCE:?} {IN_VAIN} until it caught up",
                        role.name()
                    ));
                    return None;
                }
                processes.tend();
            }
        }
        Some(begun.elapsed())
    }

    fn unsent(&self, shop: &Shop) -> i64 {
        // A mail that may have arrived twice stays ambiguous for good.
        let unsent = "select count(*) from bellwether.mail_outbox
                      where state not in ('sent', 'suppressed') and due_at < 'infinity'";
        self.count(shop, unsent)
    }
}

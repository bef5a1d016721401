//! Who acts in the simulated world: each is a thin driver around a core, as its real one is, and does one thing a step.

mod composer;
mod mailer;
mod people;
mod rows;
mod scheduler;
mod sink;
mod worker;

use bellwether_schemas::Timestamp;

use super::market;
use super::world::Around;
use composer::Composing;
pub(super) use composer::content;
use mailer::Mailer;
use people::{Operator, Producer};
use rows::Writing;
use scheduler::Scheduler;
pub(super) use scheduler::daily;
use sink::Member;
use worker::Worker;

/// Somebody who acts.
pub(super) trait Party {
    /// When it has something to do; none: only when another has acted.
    fn ready_at(&self, around: &Around) -> Option<Timestamp>;

    /// Does one thing.
    fn act(&mut self, around: &mut Around);

    /// Time goes on until then: what a party does by its clock alone.
    fn pass(&mut self, _to: Timestamp, _around: &mut Around) {}
}

/// For both tenants: a producer, two workers, two members of each sink's group, two mailers, two schedulers, an operator.
pub(super) fn all_parties(around: &mut Around) -> Vec<Box<dyn Party>> {
    let mut parties: Vec<Box<dyn Party>> = vec![Box::new(Operator)];
    for tenant in 0..2 {
        let groups = market::journal(tenant, &mut around.random);
        around.to_come[tenant] = groups.len();
        parties.push(Box::new(Producer::new(tenant, groups, around.now)));
        for number in 0..2 {
            parties.push(Box::new(Member::<Writing>::new(tenant, number)));
            parties.push(Box::new(Member::<Composing>::new(tenant, number)));
            parties.push(Box::new(Mailer::new(tenant, number, around.now)));
            parties.push(Box::new(Scheduler::new(tenant, number, around.now)));
        }
    }
    parties.extend((0..2).map(|number| Box::new(Worker::new(number, around.now)) as Box<dyn Party>));
    parties
}

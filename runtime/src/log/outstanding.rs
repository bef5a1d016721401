//! Appends that are not known to be in the log, tenant by tenant: one that is not answered, as its topic was deleted, keeps
//! no other tenant's from being heard of.

use std::collections::{BTreeMap, VecDeque};

use bellwether_schemas::TenantId;

use super::{Ack, LogError, Result};

/// Each tenant's in the order of their calls, with what is to be known of it when it is answered; none who has none.
#[derive(Debug)]
pub struct Outstanding<T>(BTreeMap<TenantId, VecDeque<(Ack, T)>>);

/// What became of an append.
#[derive(Debug)]
pub enum Answered<T> {
    /// It is in the log.
    Taken(TenantId, T),
    /// It is not, or nobody can say, for a reason that concerns its tenant alone. What else was on its way for that tenant
    /// is forgotten: a later append may have succeeded, and only a new start from what the topic holds keeps their order.
    Lost(TenantId, LogError),
}

impl<T> Default for Outstanding<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Outstanding<T> {
    /// An append that was just begun.
    pub fn push(&mut self, tenant: TenantId, ack: Ack, of: T) {
        self.0.entry(tenant).or_default().push_back((ack, of));
    }

    /// Nothing is on its way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// That tenant's, of which nothing is heard here any more.
    pub fn take(&mut self, tenant: &TenantId) -> VecDeque<(Ack, T)> {
        self.0.remove(tenant).unwrap_or_default()
    }

    /// Those that were answered, as far as none of the same tenant before them waits. Does not block.
    ///
    /// # Errors
    /// The log took an append of somebody's no more for a reason that concerns all.
    pub fn answered(&mut self) -> Result<Vec<Answered<T>>> {
        let mut answered = Vec::new();
        for (tenant, appends) in &mut self.0 {
            while let Some((oldest, _)) = appends.front_mut()
                && let Some(answer) = oldest.poll()
                && let Some((_, of)) = appends.pop_front()
            {
                match answer {
                    Ok(_) => answered.push(Answered::Taken(tenant.clone(), of)),
                    Err(gone) if gone.is_of_a_topic() || matches!(gone, LogError::Unavailable { .. }) => {
                        appends.clear();
                        answered.push(Answered::Lost(tenant.clone(), gone));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        self.0.retain(|_, appends| !appends.is_empty());
        Ok(answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenants() -> [TenantId; 2] {
        ["fxlabs", "hextech"].map(|id| id.parse().unwrap())
    }

    #[test]
    fn behind_an_append_that_was_lost_nothing_of_its_tenant_is_heard_of_and_others_are() {
        let ([lost, other], mut appends) = (tenants(), Outstanding::default());
        let gone = || LogError::Unavailable { reason: "no leader".into() };
        for (tenant, answer, number) in
            [(&lost, Ok(0), 1), (&lost, Err(gone()), 2), (&lost, Ok(1), 3), (&other, Ok(0), 4)]
        {
            appends.push(tenant.clone(), Ack::ready(answer), number);
        }
        let answered = appends.answered().unwrap();
        let [Answered::Taken(first, 1), Answered::Lost(second, _), Answered::Taken(third, 4)] = &answered[..]
        else {
            panic!("{answered:?}");
        };
        assert_eq!([first, second, third], [&lost, &lost, &other]);
        assert!(appends.is_empty());
    }

    #[test]
    fn an_append_is_heard_of_after_those_before_it_and_no_other_tenants_wait() {
        let ([silent, other], mut appends) = (tenants(), Outstanding::default());
        let (ack, answer) = Ack::pending();
        appends.push(silent.clone(), ack, 1);
        appends.push(silent.clone(), Ack::ready(Ok(1)), 2);
        appends.push(other.clone(), Ack::ready(Ok(0)), 3);
        let first = appends.answered().unwrap();
        assert!(matches!(&first[..], [Answered::Taken(whose, 3)] if *whose == other), "{first:?}");
        answer.send(Ok(0)).unwrap();
        let then = appends.answered().unwrap();
        assert!(matches!(&then[..], [Answered::Taken(_, 1), Answered::Taken(_, 2)]), "{then:?}");
    }
}

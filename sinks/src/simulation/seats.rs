//! Who reads whose topic: groups of two members, each tenant with one of them.

use bellwether_runtime::roles::{MAIL, PROCESS, ROWS};

/// A consumer group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Workers,
    Rows,
    Mail,
}

impl Group {
    /// What the log knows it by.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Workers => PROCESS.name,
            Self::Rows => ROWS.name,
            Self::Mail => MAIL.name,
        }
    }
}

/// Whose a tenant is in one group, and whose it is to be.
#[derive(Debug, Clone, Copy, Default)]
struct Seat {
    owner: usize,
    wanted: usize,
    /// Rises with each owner: who was replaced does not go on by having the tenant back.
    term: u64,
}

/// The seats of all groups, by group and tenant.
#[derive(Debug)]
pub(super) struct Seats([[Seat; 2]; 3]);

impl Default for Seats {
    /// Each member has one tenant of each group.
    fn default() -> Self {
        let seat = |owner| Seat { owner, wanted: owner, term: 0 };
        Self([[seat(0), seat(1)]; 3])
    }
}

impl Seats {
    /// The term in which the member is to have the tenant; none: it is another's, or goes to another.
    pub(super) fn offered(&self, group: Group, tenant: usize, member: usize) -> Option<u64> {
        let Seat { owner, wanted, term } = self.0[group as usize][tenant];
        (owner == member && wanted == member).then_some(term)
    }

    /// The log takes this member's word for the tenant, which it was given in that term.
    pub(super) fn is_owner(&self, group: Group, tenant: usize, member: usize, term: u64) -> bool {
        let seat = self.0[group as usize][tenant];
        seat.owner == member && seat.term == term
    }

    /// The member is taken for dead: what it has is the other's.
    pub(super) fn take_away(&mut self, group: Group, tenant: usize, member: usize) {
        let seat = &mut self.0[group as usize][tenant];
        if seat.owner == member {
            *seat = Seat { owner: 1 - member, wanted: 1 - member, term: seat.term + 1 };
        }
    }

    /// The tenant is to go to the other member, once this one has given it up.
    pub(super) fn ask_to_move(&mut self, group: Group, tenant: usize, member: usize, term: u64) {
        let seat = &mut self.0[group as usize][tenant];
        if seat.owner == member && seat.term == term {
            seat.wanted = 1 - member;
        }
    }

    /// The member, which was given the tenant in that term, knows that it is not its own any more.
    pub(super) fn given_up(&mut self, group: Group, tenant: usize, member: usize, term: u64) {
        let seat = &mut self.0[group as usize][tenant];
        if seat.owner == member && seat.term == term {
            *seat = Seat { owner: seat.wanted, wanted: seat.wanted, term: seat.term + 1 };
        }
    }
}

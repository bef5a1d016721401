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
}

/// The seats of all groups, by group and tenant.
#[derive(Debug)]
pub(super) struct Seats([[Seat; 2]; 3]);

impl Default for Seats {
    /// Each member has one tenant of each group.
    fn default() -> Self {
        let seat = |owner| Seat { owner, wanted: owner };
        Self([[seat(0), seat(1)]; 3])
    }
}

impl Seats {
    /// The log takes this member's word for the tenant.
    pub(super) const fn is_owner(&self, group: Group, tenant: usize, member: usize) -> bool {
        self.0[group as usize][tenant].owner == member
    }

    /// The member is to give the tenant up, or lost it already.
    pub(super) const fn is_to_go(&self, group: Group, tenant: usize, member: usize) -> bool {
        let Seat { owner, wanted } = self.0[group as usize][tenant];
        owner != member || wanted != member
    }

    /// The member is taken for dead: what it has is the other's.
    pub(super) const fn take_away(&mut self, group: Group, tenant: usize, member: usize) {
        let seat = &mut self.0[group as usize][tenant];
        if seat.owner == member {
            *seat = Seat { owner: 1 - member, wanted: 1 - member };
        }
    }

    /// The tenant is to go to the other member, once this one has given it up.
    pub(super) const fn ask_to_move(&mut self, group: Group, tenant: usize, member: usize) {
        let seat = &mut self.0[group as usize][tenant];
        if seat.owner == member {
            seat.wanted = 1 - member;
        }
    }

    /// The member knows that the tenant is not its own any more.
    pub(super) const fn given_up(&mut self, group: Group, tenant: usize, member: usize) {
        let seat = &mut self.0[group as usize][tenant];
        if seat.owner == member {
            seat.owner = seat.wanted;
        }
    }
}

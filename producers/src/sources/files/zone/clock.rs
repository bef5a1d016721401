//! A zone for rows that come in order: the offset is looked up once an hour.

use bellwether_schemas::time::HOUR;

use super::{Direction, Zone, ZoneError};

/// Turns a file's local times into instants, row by row.
#[derive(Debug, Clone)]
pub(in crate::sources::files) struct Clock {
    zone: Zone,
    direction: Direction,
    previous: Option<i64>,
    steady: Option<Steady>,
}

/// An hour of wall clock without a change in it.
#[derive(Debug, Clone, Copy)]
struct Steady {
    begin: i64,
    /// Microseconds to add for UTC.
    shift: i64,
}

impl Clock {
    /// A clock for a file of this zone and direction.
    #[must_use]
    pub(in crate::sources::files) const fn new(zone: Zone, direction: Direction) -> Self {
        Self { zone, direction, previous: None, steady: None }
    }

    /// The instant of the next row's local time, as [`Zone::utc`] gives it.
    ///
    /// # Errors
    /// The clocks were put forward over this time.
    #[inline]
    pub(in crate::sources::files) fn utc(&mut self, local: i64) -> Result<i64, ZoneError> {
        let hour = self.steady.filter(|hour| (0..HOUR).contains(&local.wrapping_sub(hour.begin)));
        let utc = match hour {
            Some(hour) => local + hour.shift,
            None => self.look_up(local)?,
        };
        self.previous = Some(utc);
        Ok(utc)
    }

    fn look_up(&mut self, local: i64) -> Result<i64, ZoneError> {
        self.steady = self.steady_hour(local.div_euclid(HOUR).saturating_mul(HOUR));
        self.zone.utc(local, self.previous, self.direction)
    }

    /// The hour of wall clock that begins here, unless a local time in it may be missing or come twice: both its
    /// ends have one instant each and lie an hour apart. No zone changes its clocks twice within an hour.
    fn steady_hour(&self, begin: i64) -> Option<Steady> {
        let single = |local| self.zone.instants(local).ok().filter(|(early, late)| early == late);
        let (first, _) = single(begin)?;
        let (last, _) = single(begin.checked_add(HOUR - 1)?)?;
        (last.checked_sub(first)? == HOUR - 1).then_some(Steady { begin, shift: first.checked_sub(begin)? })
    }
}

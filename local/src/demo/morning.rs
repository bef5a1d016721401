//! A morning that comes when it is wanted: soon after the start the brief of each tenant, a reminder of the news, and the
//! correction of what it said.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bellwether_runtime::config::{CalendarPlace, CalendarSource, Tenant};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::Timestamp;
use bellwether_schemas::time::{HOUR, SECOND};
use bellwether_sinks::schedule::reminders::AHEAD;
use chrono_tz::Tz;

use super::{DemoError, Result};

/// From the reminder to the moment at which its item is moved.
const THEN: Duration = Duration::from_secs(15);
/// Between two looks at the calendar.
const LOOK: Duration = Duration::from_secs(1);

/// When it comes, and the calendar that it is announced in.
pub(super) struct Morning {
    due: Timestamp,
    file: PathBuf,
}

impl Morning {
    /// Begins at that instant, to the second. Its item stands in a calendar in that directory.
    pub(super) fn begins(due: Timestamp, dir: &Path) -> Result<Self> {
        let morning = Self { due: due.floor(SECOND), file: dir.join("news.csv") };
        morning.announce(morning.due.plus(AHEAD))?;
        Ok(morning)
    }

    /// The tenant's clocks show the time of its brief then, and its news is ours.
    pub(super) fn wake(&self, tenant: &mut Tenant) -> Result<()> {
        let name = "demo".parse().map_err(DemoError::Page)?;
        let place = CalendarPlace::File(self.file.clone());
        tenant.daily_brief = Some(self.due.utc().with_timezone(&tenant.zone).time());
        tenant.calendar = vec![CalendarSource { name, place, zone: Tz::UTC, every: LOOK }];
        Ok(())
    }

    /// Moves the item once its users were told of it.
    ///
    /// # Errors
    /// The calendar cannot be written.
    pub(super) async fn pass(&self, now: Timestamp, stop: &Shutdown) -> Result<()> {
        let until = Duration::from_micros(u64::try_from(self.due.since(now)).unwrap_or(0));
        if !stop.sleep(until + THEN).await {
            self.announce(self.due.plus(AHEAD + HOUR))?;
        }
        Ok(())
    }

    fn announce(&self, time: Timestamp) -> Result<()> {
        let item = format!("payrolls-{},{time},USD,Non-Farm Payrolls,high,175K,180K", self.due.0);
        let text = format!("id,datetime,currency,title,impact,previous,forecast\n{item}\n");
        let failed = |source| DemoError::Directory { what: "write", path: self.file.clone(), source };
        std::fs::write(&self.file, text).map_err(failed)
    }
}

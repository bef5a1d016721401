//! What a tenant's journal says of settings, alerts and the news calendar: the side that a producer of either compares with.

use std::collections::BTreeMap;
use std::sync::Arc;

use bellwether_runtime::journal::entries;
use bellwether_runtime::journal::gist::Gist;
use bellwether_runtime::log::Log;
use bellwether_runtime::snapshots::SnapshotFault;
use bellwether_schemas::alerts::AlertChanged;
use bellwether_schemas::calendar::CalendarItem;
use bellwether_schemas::settings::SettingsChanged;
use bellwether_schemas::{AlertId, Entry, TenantId};

use crate::error::ProducerError;

/// The newest of each, as the engine takes them: an equal or older version or revision changes nothing.
#[derive(Debug, Default)]
pub struct JournalView {
    /// The settings in force.
    pub settings: Option<SettingsChanged>,
    /// Every alert there ever was, deleted ones too: their versions are still taken.
    pub alerts: BTreeMap<AlertId, AlertChanged>,
    /// Items of the news calendar, by their ids: all but such as nobody publishes again.
    pub calendar: BTreeMap<String, CalendarItem>,
    /// The journal offset before which everything is taken in.
    next: u64,
}

/// Reads the newest snapshot and the journal behind it, or the whole journal where there is none. What cannot be decoded,
/// or is another tenant's, is the worker's to report.
///
/// # Errors
/// The journal is missing, damaged or out of reach; or it was cut, and there is no snapshot.
pub async fn read(log: &Arc<dyn Log>, tenant: &TenantId) -> Result<JournalView, ProducerError> {
    let mut view = JournalView::default();
    view.advance(log, tenant).await?;
    Ok(view)
}

impl JournalView {
    /// Takes in what was appended since.
    ///
    /// # Errors
    /// As [`read`]; then the view is empty and the next call begins anew.
    pub async fn advance(&mut self, log: &Arc<dyn Log>, tenant: &TenantId) -> Result<(), ProducerError> {
        let (log, tenant) = (Arc::clone(log), tenant.clone());
        let view = std::mem::take(self);
        let read = tokio::task::spawn_blocking(move || view.read_on(&*log, &tenant)).await;
        *self = read.map_err(|_| ProducerError::Task("reading the journal"))??;
        Ok(())
    }

    /// Takes in one more change of an alert.
    pub fn see(&mut self, change: AlertChanged) {
        let known = self.alerts.get(&change.alert_id);
        if known.is_none_or(|known| known.version < change.version) {
            self.alerts.insert(change.alert_id, change);
        }
    }

    fn read_on(mut self, log: &dyn Log, tenant: &TenantId) -> Result<Self, SnapshotFault> {
        if self.next == 0 {
            self = Self::stored(log, tenant)?;
        }
        let mut entries = entries(log, tenant, self.next..u64::MAX)?;
        if entries.start() > self.next {
            // The journal was cut beyond that.
            self = Self::stored(log, tenant)?;
            entries = bellwether_runtime::journal::entries(log, tenant, self.next..u64::MAX)?;
        }
        self.next = entries.end();
        for read in entries {
            if let (_, Ok(entry)) = read? {
                self.take(entry);
            }
        }
        Ok(self)
    }

    /// What the newest snapshot has of it; nothing where the journal is to be read from its start.
    fn stored(log: &dyn Log, tenant: &TenantId) -> Result<Self, SnapshotFault> {
        let (gist, next) = Gist::newest_stored(log, tenant)?;
        let alerts = gist.alerts().filter_map(|seen| Some((seen.id, seen.change()?)));
        let calendar = gist.calendar().map(|item| (item.id.clone(), item));
        let (alerts, calendar) = (alerts.collect(), calendar.collect());
        Ok(Self { settings: gist.settings().cloned(), alerts, calendar, next })
    }

    fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Alert(change) => self.see(change),
            Entry::Settings(change) => {
                if self.settings.as_ref().is_none_or(|known| change.is_news_after(known)) {
                    self.settings = Some(change);
                }
            }
            Entry::Calendar(change) => drop(self.calendar.insert(change.item.id.clone(), change.item)),
            Entry::Ticks(_) | Entry::Bars(_) | Entry::Heartbeat(_) | Entry::Decision(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::settings::Settings;
    use bellwether_schemas::{Origin, Timestamp};

    use super::*;

    #[test]
    fn the_settings_in_force_are_of_the_highest_revision_and_at_one_revision_of_the_newest_rules() {
        let mut view = JournalView::default();
        for (revision, engine_version) in [(2, 1), (1, 2), (2, 2), (2, 1)] {
            let tenant = "fxlabs".parse().unwrap();
            let (source, session) = ("settings".into(), "1".into());
            let origin = Origin { tenant, source, session, played: false, appended_at: Timestamp(0) };
            let settings = Settings::with_symbols(Vec::new(), "m");
            view.take(Entry::Settings(SettingsChanged { origin, revision, engine_version, settings }));
        }
        let settings = view.settings.unwrap();
        assert_eq!((settings.revision, settings.engine_version), (2, 2));
    }
}

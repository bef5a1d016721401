//! What a tenant's journal says of settings and alerts: the side that a producer of either compares with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::log::{Log, LogError, Record};
use bellwether_schemas::alerts::AlertChanged;
use bellwether_schemas::settings::SettingsChanged;
use bellwether_schemas::{AlertId, Entry, TenantId, Topic, TopicKind};

use crate::error::ProducerError;

/// Records read at a time.
const BATCH: usize = 512;
/// Longest silence of a log that is known to hold more.
const PATIENCE: Duration = Duration::from_secs(10);

/// The newest of each, as the engine takes them: an equal or older version or revision changes nothing.
#[derive(Debug, Default)]
pub struct JournalView {
    /// The settings in force.
    pub settings: Option<SettingsChanged>,
    /// Every alert there ever was, deleted ones too: their versions are still taken.
    pub alerts: BTreeMap<AlertId, AlertChanged>,
    next: u64,
}

/// Reads the whole journal.
///
/// # Errors
/// The journal is missing, damaged or out of reach.
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
        let (log, topic) = (Arc::clone(log), Topic::new(tenant, TopicKind::Journal));
        let view = std::mem::take(self);
        let read = tokio::task::spawn_blocking(move || view.read_on(&*log, &topic)).await;
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

    fn read_on(mut self, log: &dyn Log, topic: &Topic) -> Result<Self, LogError> {
        let bounds = log.bounds(topic)?;
        let mut reader = log.reader(topic, self.next.max(bounds.start))?;
        while reader.next_offset() < bounds.next {
            let records = reader.read(BATCH, PATIENCE)?;
            if records.is_empty() {
                return Err(LogError::Unavailable {
                    reason: format!("{topic} gave no records for {PATIENCE:?}"),
                });
            }
            records.iter().for_each(|record| self.take(record, &topic.tenant));
        }
        self.next = reader.next_offset();
        Ok(self)
    }

    /// What cannot be decoded, or is another tenant's, is the engine's to report.
    fn take(&mut self, record: &Record, tenant: &TenantId) {
        match record.entry(tenant) {
            Ok(Entry::Alert(change)) => self.see(change),
            Ok(Entry::Settings(change)) => {
                if self.settings.as_ref().is_none_or(|known| known.revision < change.revision) {
                    self.settings = Some(change);
                }
            }
            Ok(Entry::Ticks(_) | Entry::Bars(_) | Entry::Heartbeat(_)) | Err(_) => {}
        }
    }
}

//! The tenant's file into its journal, so that a replay folds by the settings that were in force.

use bellwether_engine::ENGINE_VERSION;
use bellwether_runtime::config::Tenant;
use bellwether_schemas::settings::{Settings, SettingsChanged};
use bellwether_schemas::{Entry, Origin};

use crate::error::ProducerError;
use crate::journal_view;
use crate::publish::Publisher;
use crate::run::Context;

const SOURCE: &str = "settings";

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The file's revision was above the journal's: its settings are in force from here on.
    Now,
    /// The journal has them already.
    Before,
    /// The journal has a newer revision, from another host's file: that one is in force.
    Newer,
}

/// Publishes the file's settings where its revision is above the journal's; waits until the log has them.
///
/// # Errors
/// The revision is the journal's but the settings are not: two files would fight. Or the log.
pub async fn publish(context: &Context, tenant: &Tenant) -> Result<Published, ProducerError> {
    let view = journal_view::read(&context.log, &tenant.id).await?;
    let state = compare(view.settings.as_ref(), tenant)?;
    match state {
        Published::Before => {}
        Published::Newer => tracing::warn!(
            tenant.id = %tenant.id, settings.revision = tenant.revision,
            "the journal has a newer revision of the settings than the tenant's file: the file is out of date"
        ),
        Published::Now => {
            let session = tenant.revision.to_string();
            let mut publisher = Publisher::new(context, &tenant.id, SOURCE, session);
            let change = SettingsChanged {
                origin: Origin { played: false, ..publisher.origin() },
                revision: tenant.revision,
                engine_version: ENGINE_VERSION,
                settings: tenant.settings.clone(),
            };
            publisher.publish(&Entry::Settings(change)).await?;
            publisher.drain().await?;
        }
    }
    Ok(state)
}

fn compare(known: Option<&SettingsChanged>, tenant: &Tenant) -> Result<Published, ProducerError> {
    match known {
        Some(known) if known.revision > tenant.revision => Ok(Published::Newer),
        Some(known) if known.revision == tenant.revision => {
            let differing = differing(&known.settings, &tenant.settings);
            if differing.is_empty() {
                Ok(Published::Before)
            } else {
                Err(ProducerError::Revision {
                    tenant: tenant.id.clone(),
                    revision: tenant.revision,
                    keys: differing.join(", "),
                })
            }
        }
        _ => Ok(Published::Now),
    }
}

/// The keys of the file, as people write them, whose values differ.
fn differing(journal: &Settings, file: &Settings) -> Vec<&'static str> {
    let always_open = |settings: &Settings| -> Vec<bool> {
        settings.symbols.iter().map(|symbol| symbol.always_open).collect()
    };
    let names = |settings: &Settings| -> Vec<String> {
        settings.symbols.iter().map(|symbol| symbol.name.to_string()).collect()
    };
    let keys = [
        ("symbols", names(journal) != names(file)),
        ("always_open", always_open(journal) != always_open(file)),
        ("symbol_suffix", journal.symbol_suffix != file.symbol_suffix),
        ("session_anchor", journal.session_anchor != file.session_anchor),
        ("price_basis", journal.price_basis != file.price_basis),
        ("lateness_max", journal.lateness_max != file.lateness_max),
        ("source_idle", journal.source_idle != file.source_idle),
        ("absurd_band", journal.absurd_band.to_bits() != file.absurd_band.to_bits()),
        ("limits.alerts", journal.max_alerts != file.max_alerts),
    ];
    let named: Vec<_> = keys.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect();
    // A key this list does not know yet still counts.
    if named.is_empty() && journal != file { vec!["settings"] } else { named }
}

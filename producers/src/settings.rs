//! The tenant's file into its journal, so that a replay folds by the settings that were in force.

use bellwether_engine::ENGINE_VERSION;
use bellwether_runtime::config::Tenant;
use bellwether_schemas::Entry;
use bellwether_schemas::settings::{Difference, SettingsChanged};

use crate::error::ProducerError;
use crate::journal_view;
use crate::publish::{Identity, Publisher};
use crate::run::ProducerContext;

const SOURCE: &str = "settings";

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The file's revision was above the journal's, or this build follows newer rules than the journal: its settings
    /// are in force from here on, and the newest rules with them.
    Now,
    /// The journal has them already.
    Before,
    /// The journal has a newer revision, from another host's file: that one is in force.
    Newer,
}

/// Publishes the file's settings where its revision is above the journal's, and again at the same revision where the
/// journal follows older rules than this build; waits until the log has them.
///
/// # Errors
/// The revision is the journal's but the settings are not: two files would fight. The journal follows newer rules: what
/// this build publishes would take them back. Or the log.
pub async fn publish(context: &ProducerContext, tenant: &Tenant) -> Result<Published, ProducerError> {
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
            let mut publisher = Publisher::new(context, &tenant.id, Identity::live(SOURCE, &session));
            let change = SettingsChanged {
                origin: publisher.origin(),
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
    if let Some(newer) = known.map(|known| known.engine_version).filter(|version| *version > ENGINE_VERSION) {
        return Err(ProducerError::NewerEngine { tenant: tenant.id.clone(), version: newer });
    }
    match known {
        Some(known) if known.revision > tenant.revision => Ok(Published::Newer),
        Some(known) if known.revision == tenant.revision => {
            let differences = known.settings.differences(&tenant.settings);
            if differences.is_empty() {
                let is_old = known.engine_version < ENGINE_VERSION;
                return Ok(if is_old { Published::Now } else { Published::Before });
            }
            let (tenant, revision) = (tenant.id.clone(), tenant.revision);
            Err(ProducerError::Revision { tenant, revision, differences: told(&differences) })
        }
        _ => Ok(Published::Now),
    }
}

/// Each key with the journal's value and the file's.
fn told(differences: &[Difference]) -> String {
    let one = |Difference { key, before, after }: &Difference| {
        format!("{key} is {before} there and {after} in the file")
    };
    differences.iter().map(one).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bellwether_runtime::config::load_tenant;
    use bellwether_schemas::{Origin, Timestamp};

    use super::*;

    /// FXLabs' file, and its settings as a journal has them.
    fn tenant_and_journal() -> (Tenant, SettingsChanged) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tenants/fxlabs.toml");
        let tenant = load_tenant(&file, &|_| None).unwrap();
        let known = SettingsChanged {
            origin: Origin {
                tenant: tenant.id.clone(),
                source: SOURCE.into(),
                session: tenant.revision.to_string(),
                played: false,
                appended_at: Timestamp(0),
            },
            revision: tenant.revision,
            engine_version: ENGINE_VERSION,
            settings: tenant.settings.clone(),
        };
        (tenant, known)
    }

    #[test]
    fn the_same_settings_are_published_again_where_the_journal_follows_older_rules() {
        let (mut tenant, mut known) = tenant_and_journal();
        known.engine_version = ENGINE_VERSION - 1;
        assert_eq!(compare(Some(&known), &tenant).unwrap(), Published::Now);
        known.revision += 1;
        assert_eq!(
            compare(Some(&known), &tenant).unwrap(),
            Published::Newer,
            "that is for whoever has its file"
        );
        known.revision -= 1;
        tenant.settings.heatmap_cooldown = 0;
        assert!(compare(Some(&known), &tenant).is_err(), "other settings need another revision all the same");
    }

    #[test]
    fn rules_that_this_build_does_not_know_are_not_taken_back() {
        let (mut tenant, mut known) = tenant_and_journal();
        known.engine_version = ENGINE_VERSION + 1;
        tenant.revision += 1;
        let refused = compare(Some(&known), &tenant).unwrap_err().to_string();
        let (newer, known) = (ENGINE_VERSION + 1, ENGINE_VERSION);
        assert_eq!(
            refused,
            format!(
                "fxlabs: its journal follows engine version {newer}, this is version {known}: upgrade me"
            )
        );
    }

    #[test]
    fn a_changed_file_without_a_new_revision_is_refused_with_every_key_and_both_its_values() {
        let (mut tenant, known) = tenant_and_journal();
        assert_eq!(compare(Some(&known), &tenant).unwrap(), Published::Before);
        tenant.settings.negative_pairs.clear();
        tenant.settings.heatmap_cooldown = 0;
        let refused = compare(Some(&known), &tenant).unwrap_err().to_string();
        assert!(
            refused.starts_with("fxlabs.toml: revision: is 1, and the journal has other settings"),
            "{refused}"
        );
        assert!(refused.contains("negative_pairs is [\"EURUSD-USDCHF\", "), "{refused}");
        assert!(refused.contains(" there and [] in the file; "), "{refused}");
        assert!(refused.contains("heatmap_cooldown is \"4h\" there and \"0s\" in the file"), "{refused}");
        tenant.revision += 1;
        assert_eq!(compare(Some(&known), &tenant).unwrap(), Published::Now);
    }
}

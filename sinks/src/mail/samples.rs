//! What tests compose from: the example tenants' own files and each kind's sample.

use std::path::Path;

use bellwether_runtime::config::{Tenant, load_tenant};
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::TriggerFired;

use super::brand::Look;
use super::kinds::sample_triggers;

/// One of the tenants that ship with the project.
pub(crate) fn tenant(id: &str) -> Tenant {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tenants/{id}.toml"));
    load_tenant(&file, &|_| None).unwrap()
}

/// A group of three.
pub(crate) fn triggers(id: &str) -> Vec<TriggerFired> {
    triggers_of(id, AlertKind::RsiTracker)
}

/// The sample of that kind.
pub(crate) fn triggers_of(id: &str, kind: AlertKind) -> Vec<TriggerFired> {
    sample_triggers(&Look::new(&tenant(id)).unwrap(), kind).unwrap()
}

//! What tests compose from: the example tenants' own files and each kind's sample.

use std::path::Path;

use bellwether_runtime::config::{Tenant, load_tenant};
use bellwether_schemas::triggers::TriggerFired;

const RSI_TRACKER: &str = include_str!("../../mail/rsi_tracker/sample.json");

/// One of the tenants that ship with the project.
pub(crate) fn tenant(id: &str) -> Tenant {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tenants/{id}.toml"));
    load_tenant(&file, &|_| None).unwrap()
}

/// A group of three.
pub(crate) fn triggers(tenant: &str) -> Vec<TriggerFired> {
    let mut triggers: Vec<TriggerFired> = serde_json::from_str(RSI_TRACKER).unwrap();
    for trigger in &mut triggers {
        trigger.tenant = tenant.parse().unwrap();
    }
    triggers
}

//! An engine's state as the bytes that are kept of it.
#![allow(dead_code, reason = "each test file uses its part")]

use bellwether_engine::Engine;
use bellwether_engine::snapshot::{Part, PartKey, SnapshotError};
use bellwether_schemas::TenantId;

/// Every part by name.
pub(crate) type Bytes = Vec<(PartKey, Vec<u8>)>;

pub(crate) fn written(engine: &Engine) -> Bytes {
    engine.parts().map(|part| (part.key(), part.encode().unwrap())).collect()
}

pub(crate) fn read(tenant: TenantId, bytes: &[(PartKey, Vec<u8>)]) -> Result<Engine, SnapshotError> {
    let parts: Vec<Part> =
        bytes.iter().map(|(key, bytes)| Part::decode(*key, bytes)).collect::<Result<_, _>>()?;
    Engine::from_parts(tenant, parts)
}

/// The names of the parts that differ, those that only one has among them.
pub(crate) fn changed(before: &Bytes, after: &Bytes) -> Vec<PartKey> {
    let differs = |a: &Bytes, b: &Bytes| -> Vec<PartKey> {
        a.iter().filter(|part| !b.contains(part)).map(|(key, _)| *key).collect()
    };
    let mut keys = [differs(before, after), differs(after, before)].concat();
    keys.sort_unstable();
    keys.dedup();
    keys
}

//! How an alert stood where a fold begins. The engine's state says whether it is watched; why it is not, its newest record and
//! what was told of it.

use bellwether_engine::why::State as Stands;
use bellwether_runtime::log::{Log, scan};
use bellwether_schemas::triggers::{AlertState, AlertStatus, Outcome};
use bellwether_schemas::{AlertId, TenantId, Topic, TopicKind, codec};

use crate::WorkerError;
use crate::snapshots::State;

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Before {
    pub(super) state: Stands,
    /// The journal offset of the record that it is so since; none where that is not known.
    pub(super) since: Option<u64>,
}

pub(super) fn standing(
    log: &dyn Log,
    tenant: &TenantId,
    alert: AlertId,
    state: &State,
) -> Result<Before, WorkerError> {
    let seen = state.gist.alert(alert);
    let since = seen.map(|seen| seen.offset);
    let stands = match state.engine.stands(alert) {
        Stands::Unwatched => match seen.and_then(|seen| seen.change()) {
            Some(change) if change.deleted => Stands::Deleted,
            Some(change) if !change.active => Stands::Paused,
            _ => return Ok(told(last_status(log, tenant, alert, state.next_offset)?)),
        },
        Stands::Disabled => {
            let status = last_status(log, tenant, alert, state.next_offset)?;
            let disabled = status.filter(|status| status.state == AlertState::Disabled);
            let since = disabled.map(|status| status.cause.offset.cast_unsigned());
            return Ok(Before { state: Stands::Disabled, since });
        }
        stands => stands,
    };
    let is_off = matches!(stands, Stands::Deleted | Stands::Paused);
    Ok(Before { state: stands, since: since.filter(|_| is_off) })
}

fn told(status: Option<AlertStatus>) -> Before {
    let since = status.as_ref().map(|status| status.cause.offset.cast_unsigned());
    let state = match status.as_ref().map(|status| status.state) {
        Some(AlertState::Refused) => {
            Stands::Refused { reason: status.and_then(|status| status.reason).unwrap_or_default() }
        }
        Some(AlertState::Spent) => Stands::Spent,
        Some(AlertState::Expired) => Stands::Expired,
        Some(AlertState::Disabled) => Stands::Disabled,
        Some(AlertState::Active | AlertState::Warming) | None => Stands::Unwatched,
    };
    Before { state, since }
}

/// The newest that was told of the alert by records before that offset.
fn last_status(
    log: &dyn Log,
    tenant: &TenantId,
    alert: AlertId,
    before: u64,
) -> Result<Option<AlertStatus>, WorkerError> {
    let key = alert.to_string();
    let mut last: Option<AlertStatus> = None;
    for record in scan(log, &Topic::new(tenant, TopicKind::Triggers), 0..u64::MAX)? {
        let record = record?;
        if record.key != key.as_bytes() {
            continue;
        }
        let Ok(Outcome::Status(status)) = codec::decode_outcome(&record.value) else { continue };
        let is_newer = last.as_ref().is_none_or(|last| last.cause < status.cause);
        if status.cause.offset.cast_unsigned() < before && is_newer {
            last = Some(status);
        }
    }
    Ok(last)
}

//! What feeds a tenant's journal in the demo: settings, alert changes, history, ticks.

use std::time::Duration;

use bellwether_producers::play::Speed;
use bellwether_producers::{
    Context, FileRun, HistoryRun, SyntheticRun, run_file, run_history, run_synthetic,
};
use bellwether_schemas::TenantId;
use bellwether_schemas::time::HOUR;

use super::{Member, Options, Result};

/// Between one and two ticks a second and symbol are what retail feeds bring in quiet hours.
const TICKS_A_MINUTE: u32 = 60;
/// History ends this long before the first start; from there ticks play until they meet the present.
const BEHIND: i64 = 2 * HOUR;

/// Feeds one tenant's journal with market data until the source ends or it is asked to stop.
pub(super) async fn market(context: &Context, member: &Member, options: &Options) -> Result<()> {
    if options.inputs.is_empty() {
        synthetic(context, member, options.speed).await
    } else {
        file(context, member, options).await
    }
}

async fn synthetic(context: &Context, member: &Member, speed: Speed) -> Result<()> {
    let tenant = &member.tenant;
    let end = context.clock.now().plus(-BEHIND);
    let history = HistoryRun {
        tenant: tenant.id.clone(),
        settings: tenant.settings.clone(),
        seed: seed(&tenant.id),
        ticks_a_minute: TICKS_A_MINUTE,
        end,
    };
    run_history(context, history).await?;
    let ticks = SyntheticRun {
        tenant: tenant.id.clone(),
        settings: tenant.settings.clone(),
        seed: seed(&tenant.id),
        ticks_a_minute: TICKS_A_MINUTE,
        speed,
        start: end,
        until: None,
        run_for: None,
    };
    run_synthetic(context, ticks).await?;
    Ok(())
}

async fn file(context: &Context, member: &Member, options: &Options) -> Result<()> {
    let run = FileRun {
        tenant: member.tenant.id.clone(),
        inputs: options.inputs.clone(),
        form: options.form,
        speed: options.speed,
        lateness_max: member.tenant.settings.lateness_max,
    };
    let summary = run_file(context, run).await?;
    if summary.unreadable_total > 0 {
        tracing::warn!(tenant.id = %member.tenant.id, lines = summary.unreadable_total, "unreadable lines left out");
    }
    Ok(())
}

/// Each tenant watches a market of its own, so that a mix-up would be seen.
fn seed(tenant: &TenantId) -> u64 {
    bellwether_schemas::ids::derive(&format!("demo market|{tenant}")).as_u64_pair().0
}

/// How often the drain looks whether a stage is done.
pub(super) const LOOK: Duration = Duration::from_millis(50);

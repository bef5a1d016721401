//! What the page shows, shared by whoever knows it: by tenant, bounded, and told as differences.
//!
//! Each change gets the tenant's next version; a connection asks for what came after the version it knows. So a
//! slow connection costs nothing and a thousand ticks between two looks are one number.

mod tenant;

use std::sync::Arc;

use bellwether_runtime::config::Tenant as TenantFile;
use bellwether_schemas::triggers::TriggerFired;
use bellwether_schemas::{Symbol, TenantId, Timeframe, Timestamp};
use dashmap::DashMap;
use dashmap::mapref::one::RefMut;

use self::tenant::{Changed, Tenant, push};
use crate::demo::view::{About, Counts, Frame, MailLine, RowLine, StatusLine, TriggerLine, readable_on};

/// Closes kept of a symbol: an hour of one-minute bars.
pub const CLOSES: usize = 60;
/// Triggers kept of a tenant.
pub const TRIGGERS: usize = 100;
/// Rows, mails and states of alerts kept of a tenant.
pub const ROWS: usize = 50;

/// The state of the page. Cheap to clone; every clone is the same state.
#[derive(Debug, Clone)]
pub struct LiveState(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    order: Vec<TenantId>,
    tenants: DashMap<TenantId, Tenant>,
}

/// What the page must know of a tenant before anything happens.
#[derive(Debug, Clone)]
pub struct TenantInfo {
    /// Id of the tenant, as the page's paths have it.
    pub id: TenantId,
    /// Name, colours and zone, which do not change while the demo runs.
    pub about: About,
    /// In the tenant's order.
    pub symbols: Vec<Symbol>,
    /// What the tenant adds to symbols.
    pub suffix: String,
}

impl From<&TenantFile> for TenantInfo {
    fn from(file: &TenantFile) -> Self {
        let about = About {
            name: file.brand.name.to_string(),
            bar: file.brand.bar.to_string(),
            on_bar: readable_on(file.brand.bar),
            accent: file.brand.accent.to_string(),
            zone: file.zone.name().into(),
        };
        let symbols = file.settings.symbols.iter().map(|symbol| symbol.name.clone()).collect();
        Self { id: file.id.clone(), about, symbols, suffix: file.settings.symbol_suffix.clone() }
    }
}

/// A quote to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote<'a> {
    /// As the source spells it.
    pub symbol: &'a str,
    /// The last accepted bid.
    pub bid: f64,
    /// Decimals with which people see the bid.
    pub digits: u8,
}

impl LiveState {
    /// Nothing happened yet. The page shows the tenants in this order.
    #[must_use]
    pub fn new(tenants: impl IntoIterator<Item = TenantInfo>) -> Self {
        let (order, map) = (Vec::new(), DashMap::new());
        let mut shared = Shared { order, tenants: map };
        for info in tenants {
            shared.order.push(info.id.clone());
            shared.tenants.insert(info.id.clone(), Tenant::new(info));
        }
        Self(Arc::new(shared))
    }

    /// The tenants, in the page's order.
    #[must_use]
    pub fn tenants(&self) -> &[TenantId] {
        &self.0.order
    }

    /// Prices; a symbol that is not the tenant's is not shown.
    pub fn quotes<'a>(&self, tenant: &TenantId, quotes: impl IntoIterator<Item = Quote<'a>>) {
        let Some(mut tenant) = self.of(tenant) else { return };
        let version = tenant.next_version();
        for quote in quotes {
            if let Some(symbol) = tenant.symbol(quote.symbol) {
                symbol.bid = Some(Changed { version, value: (quote.bid, quote.digits) });
            }
        }
    }

    /// The market's time at this tenant.
    pub fn event_time(&self, tenant: &TenantId, time: Timestamp) {
        if let Some(mut tenant) = self.of(tenant) {
            let version = tenant.next_version();
            tenant.event_time = Some(Changed { version, value: time });
        }
    }

    /// A one-minute bar closed at this price.
    pub fn close(&self, tenant: &TenantId, symbol: &str, close: f64) {
        let Some(mut tenant) = self.of(tenant) else { return };
        let version = tenant.next_version();
        if let Some(symbol) = tenant.symbol(symbol) {
            push(&mut symbol.closes, Changed { version, value: close }, CLOSES);
        }
    }

    /// RSI 14 at a bar close; none while it warms up.
    pub fn rsi(&self, tenant: &TenantId, symbol: &str, timeframe: Timeframe, value: Option<f64>) {
        let Some(mut tenant) = self.of(tenant) else { return };
        let version = tenant.next_version();
        if let Some(symbol) = tenant.symbol(symbol) {
            symbol.rsi[timeframe.index()] = Some(Changed { version, value });
        }
    }

    /// An alert fired. One that names another tenant is not shown.
    pub fn trigger(&self, tenant: &TenantId, trigger: &TriggerFired) {
        let Some(mut state) = self.of(tenant).filter(|_| trigger.tenant == *tenant) else { return };
        let value = TriggerLine::of(trigger, &state.info.suffix);
        let version = state.next_version();
        push(&mut state.triggers, Changed { version, value }, TRIGGERS);
    }

    /// The latest rows as they stand in the tenant's database, newest first.
    pub fn rows(&self, tenant: &TenantId, mut rows: Vec<RowLine>) {
        let Some(mut tenant) = self.of(tenant) else { return };
        rows.truncate(ROWS);
        if tenant.rows.as_ref().is_none_or(|shown| shown.value != rows) {
            let version = tenant.next_version();
            tenant.rows = Some(Changed { version, value: rows });
        }
    }

    /// Where the tenant's alerts stand, as its database says.
    pub fn statuses(&self, tenant: &TenantId, mut statuses: Vec<StatusLine>) {
        let Some(mut tenant) = self.of(tenant) else { return };
        statuses.truncate(ROWS);
        if tenant.statuses.as_ref().is_none_or(|shown| shown.value != statuses) {
            let version = tenant.next_version();
            tenant.statuses = Some(Changed { version, value: statuses });
        }
    }

    /// A mail of this tenant arrived in the inbox.
    pub fn mail(&self, tenant: &TenantId, mail: MailLine) {
        let Some(mut tenant) = self.of(tenant) else { return };
        let version = tenant.next_version();
        push(&mut tenant.mails, Changed { version, value: mail }, ROWS);
    }

    /// Changes a tenant's totals; the next frame shows them.
    pub fn count(&self, tenant: &TenantId, change: impl FnOnce(&mut Counts)) {
        let Some(mut tenant) = self.of(tenant) else { return };
        let mut counts = tenant.counts.value;
        change(&mut counts);
        if counts != tenant.counts.value {
            let version = tenant.next_version();
            tenant.counts = Changed { version, value: counts };
        }
    }

    /// The totals; none for a tenant that is not on the page.
    #[must_use]
    pub fn counts(&self, tenant: &TenantId) -> Option<Counts> {
        Some(self.0.tenants.get(tenant)?.counts.value)
    }

    /// The market's time at this tenant, once known.
    #[must_use]
    pub fn time(&self, tenant: &TenantId) -> Option<Timestamp> {
        Some(self.0.tenants.get(tenant)?.event_time.as_ref()?.value)
    }

    /// Everything, and a place from which [`Self::changes`] goes on.
    #[must_use]
    pub fn snapshot(&self) -> (Frame, Seen) {
        let views = self.0.order.iter().filter_map(|id| Some(self.0.tenants.get(id)?.since(0)));
        let (tenants, seen) = views.unzip();
        (Frame::Snapshot { tenants }, Seen(seen))
    }

    /// What changed since `seen`, by tenant; moves it on.
    #[must_use]
    pub fn changes(&self, seen: &mut Seen) -> Vec<Frame> {
        let mut frames = Vec::new();
        for (id, seen) in self.0.order.iter().zip(&mut seen.0) {
            let Some(tenant) = self.0.tenants.get(id).filter(|tenant| tenant.version > *seen) else {
                continue;
            };
            let (view, version) = tenant.since(*seen);
            *seen = version;
            if !view.is_empty() {
                frames.push(Frame::Delta(Box::new(view)));
            }
        }
        frames
    }

    fn of(&self, tenant: &TenantId) -> Option<RefMut<'_, TenantId, Tenant>> {
        self.0.tenants.get_mut(tenant)
    }
}

/// How much of each tenant a connection was told.
#[derive(Debug, Clone)]
pub struct Seen(Vec<u64>);

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

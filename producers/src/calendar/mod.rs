//! The news calendar out of its sources into the tenant's journal: what is new, and what is known otherwise than the
//! journal knows it. A source that cannot be read says nothing: what is known stays.

mod fetch;
mod rows;

use std::time::Duration;

use bellwether_runtime::config::{CalendarSource, Tenant};
use bellwether_runtime::metric_names::{CALENDAR_CHANGES, CALENDAR_FAILURES, CALENDAR_ROWS_REFUSED};
use bellwether_schemas::calendar::{CalendarChanged, CalendarItem, KEPT};
use bellwether_schemas::{Entry, TenantId};
use metrics::counter;
use tokio::time::Instant;

use crate::error::ProducerError;
use crate::journal_view::{self, JournalView};
use crate::publish::{Identity, PART, Publisher};
use crate::run::ProducerContext;
use rows::{BadRow, Reading};

/// The name that calendar items have in the journal.
pub const SOURCE: &str = "calendar";
/// Rows that cannot be read are told of by name up to so many; of the others, how many there are.
const TOLD: usize = 5;

/// How long the sources are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looks {
    /// Once, and then it ends.
    Once,
    /// Again and again, until a stop is asked for.
    OnAndOn,
}

/// Publishes what the tenant's sources say. How many items were published.
///
/// # Errors
/// The log: without it nothing can be published. And, where they are looked at once, sources that cannot be read.
pub async fn run(context: &ProducerContext, tenant: &Tenant, looks: Looks) -> Result<u64, ProducerError> {
    let view = journal_view::read(&context.log, &tenant.id).await?;
    // Items have ids of their own: one session is as good as another.
    let publisher = Publisher::new(context, &tenant.id, Identity::live(SOURCE, SOURCE));
    let mut watched: Vec<Watched<'_>> = tenant.calendar.iter().map(Watched::new).collect();
    let mut calendar =
        Calendar { context, tenant: &tenant.id, publisher, view, published: 0, unread: Vec::new() };
    loop {
        for source in watched.iter_mut().filter(|source| source.due <= Instant::now()) {
            calendar.look(source).await?;
        }
        let next = watched.iter().map(|source| source.due).min();
        let wait = next.map_or(Duration::from_secs(3_600), |next| next.duration_since(Instant::now()));
        context.progress.busy(&tenant.id, PART, wait);
        match looks {
            Looks::Once => return calendar.looked_once(),
            Looks::OnAndOn if context.shutdown.sleep(wait).await => return Ok(calendar.published),
            Looks::OnAndOn => calendar.unread.clear(),
        }
    }
}

/// A source, and what it said last.
struct Watched<'a> {
    source: &'a CalendarSource,
    due: Instant,
    said: Option<String>,
}

impl<'a> Watched<'a> {
    fn new(source: &'a CalendarSource) -> Self {
        Self { source, due: Instant::now(), said: None }
    }
}

/// One tenant's calendar on its way into the journal.
struct Calendar<'a> {
    context: &'a ProducerContext,
    tenant: &'a TenantId,
    publisher: Publisher,
    view: JournalView,
    published: u64,
    /// Sources that could not be read in this round of looks, and why.
    unread: Vec<String>,
}

impl Calendar<'_> {
    fn looked_once(self) -> Result<u64, ProducerError> {
        if self.unread.is_empty() {
            return Ok(self.published);
        }
        Err(ProducerError::Calendar { tenant: self.tenant.clone(), sources: self.unread.join("; ") })
    }

    async fn look(&mut self, watched: &mut Watched<'_>) -> Result<(), ProducerError> {
        let CalendarSource { name, place, zone, every } = watched.source;
        watched.due = Instant::now() + *every;
        let text = match fetch::fetch(place).await {
            Ok(text) => text,
            Err(reason) => {
                self.failed(name, &reason);
                return Ok(());
            }
        };
        if watched.said.as_ref() == Some(&text) {
            return Ok(());
        }
        match rows::read(&text, &Reading { source: name, zone: *zone }) {
            Ok(rows) => {
                self.refused(name, &rows.bad);
                self.publish(rows.items).await?;
                watched.said = Some(text);
            }
            Err(reason) => self.failed(name, &reason),
        }
        Ok(())
    }

    /// Appends what the journal does not know so, and waits until the log has it.
    async fn publish(&mut self, items: Vec<CalendarItem>) -> Result<(), ProducerError> {
        let now = self.context.clock.now();
        let is_news = |item: &CalendarItem| {
            now < item.time.plus(KEPT) && self.view.calendar.get(&item.id) != Some(item)
        };
        let news: Vec<CalendarItem> = items.into_iter().filter(is_news).collect();
        for item in &news {
            let change = CalendarChanged { origin: self.publisher.origin(), item: item.clone() };
            self.publisher.publish(&Entry::Calendar(change)).await?;
        }
        self.publisher.drain().await?;
        self.published += news.len() as u64;
        if !news.is_empty() {
            counter!(CALENDAR_CHANGES, "tenant" => self.tenant.to_string()).increment(news.len() as u64);
            tracing::info!(tenant.id = %self.tenant, calendar.items = news.len(), "the news calendar changed");
        }
        news.into_iter().for_each(|item| drop(self.view.calendar.insert(item.id.clone(), item)));
        Ok(())
    }

    fn failed(&mut self, source: &str, reason: &str) {
        self.unread.push(format!("{source}: {reason}"));
        counter!(CALENDAR_FAILURES, "tenant" => self.tenant.to_string()).increment(1);
        tracing::warn!(
            tenant.id = %self.tenant, calendar.source = source, reason,
            "a source of the news calendar cannot be read; what is known stays, and it is looked at again"
        );
    }

    fn refused(&self, source: &str, bad: &[BadRow]) {
        counter!(CALENDAR_ROWS_REFUSED, "tenant" => self.tenant.to_string()).increment(bad.len() as u64);
        for BadRow { row, reason } in bad.iter().take(TOLD) {
            tracing::warn!(
                tenant.id = %self.tenant, calendar.source = source, calendar.row = row, reason = %reason,
                "a row of the news calendar cannot be read; the others are"
            );
        }
        if bad.len() > TOLD {
            let more = bad.len() - TOLD;
            tracing::warn!(tenant.id = %self.tenant, calendar.source = source, rows = more, "nor can further rows");
        }
    }
}

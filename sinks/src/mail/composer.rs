//! One tenant's triggers into its outbox: reads the feed, composes, and moves the cursor in the transaction that
//! fills the outbox. Performs what [`core`] decides, and keeps the tenant's delivery running as its file says now.

pub(crate) mod core;
#[cfg(test)]
mod simulation;
mod tenant_mail;

use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::incident::{IncidentKind, Incidents};
use bellwether_runtime::progress::Progress;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_runtime::trace::{Context as Trace, Span, Step};
use bellwether_schemas::{TenantId, UserId};
use tokio::time::timeout;

use self::core::{Core, Input, Output};
use self::tenant_mail::TenantMail;
use super::SINK;
use super::decide::{People, Rules, Situation, owed};
use super::delivery::Timing;
use super::events::{FillRetried, MailFlooded, MailsComposed};
use super::group::Group;
use super::occurrence::Occurrence;
use super::outbox::{Fill, Outbox};
use super::render::Templates;
use crate::events::{Rewound, TopicUnknown};
use crate::feed::{Context, Lane, Recognition};

/// Sends what one tenant's outbox owes until shutdown, composing nothing that is not there. None where something is
/// not right; that was said.
pub(super) async fn deliver(tenant: &Tenant, timing: Timing, clock: Clock, shutdown: Shutdown) -> Option<()> {
    let templates = Arc::new(Templates::compile().ok()?);
    let mail = TenantMail::open(tenant, clock.clone()).await?;
    mail.delivery(templates, clock, timing, shutdown)?.run().await;
    Some(())
}

/// How often the tenant's file is compared with what stands while no trigger comes.
const CHECK: Duration = Duration::from_secs(2);

/// Turns one tenant's triggers into rows of its outbox.
pub(super) struct Composer {
    core: Core,
    lane: Lane,
    recognition: Recognition,
    /// The database was filled from another topic: that it was is said.
    standing: bool,
    templates: Arc<Templates>,
    clock: Clock,
    incidents: Incidents,
    progress: Progress,
    shutdown: Shutdown,
    mail: Option<TenantMail>,
}

impl Composer {
    pub(super) fn new(lane: Lane, templates: Arc<Templates>, context: &Context) -> Self {
        let (clock, incidents) = (context.clock.clone(), context.incidents.clone());
        let (shutdown, progress) = (context.shutdown.clone(), context.progress.clone());
        let recognition = Recognition::new(context.log.clone(), lane.tenant_id());
        let (core, standing) = (Core::new(), false);
        Self {
            core,
            lane,
            recognition,
            standing,
            templates,
            clock,
            incidents,
            progress,
            shutdown,
            mail: None,
        }
    }

    /// Until the lane ends.
    pub(super) async fn run(mut self) {
        let mut outputs = vec![Output::Open];
        loop {
            let mut next = None;
            for output in outputs.drain(..) {
                next = self.perform(output).await;
            }
            let Some(input) = next else { break };
            self.tell_progress(&input);
            self.core.step(input, &mut outputs);
        }
        match self.mail.take() {
            Some(mail) if self.shutdown.is_raised() => mail.end_delivery().await,
            Some(mail) => mail.cancel_delivery().await,
            None => {}
        }
        self.progress.left(self.lane.tenant_id(), SINK);
    }

    /// What cannot be done for now is tried again and was said: it is waited for, and nothing stands still unnoticed.
    fn tell_progress(&self, input: &Input) {
        match input {
            Input::NotOpened | Input::NotFilled | Input::OtherTopic => {
                self.progress.parked(self.lane.tenant_id(), SINK)
            }
            Input::Woke => {}
            _ => self.progress.moved(self.lane.tenant_id(), SINK),
        }
    }

    /// None where it brings no input, or where there is nothing left to do.
    async fn perform(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Open => Some(self.open().await),
            Output::Receive => self.receive().await,
            Output::Fill => Some(self.fill().await),
            Output::Locate => Some(self.locate().await),
            Output::Wait(time) => {
                let stop = self.shutdown.sleep(time).await || self.lane.is_closed();
                (!stop).then_some(Input::Woke)
            }
            Output::Commit(next_offset) => {
                self.lane.done(next_offset);
                None
            }
            Output::Restored { stands, seen } => {
                Rewound { sink: SINK, tenant: self.lane.tenant_id(), to: stands, start: seen }.emit();
                None
            }
            Output::Rewind(to) => {
                self.lane.rewind(to);
                None
            }
        }
    }

    /// What is not right was said.
    async fn open(&mut self) -> Input {
        if let Some(mail) = self.mail.take() {
            mail.stop_delivery();
        }
        let tenant = self.lane.tenant();
        let Some(mut mail) = TenantMail::open(&tenant, self.clock.clone()).await else {
            return Input::NotOpened;
        };
        self.recognition.forget();
        if self.recognise(&mail.outbox).await.is_err() {
            return Input::NotOpened;
        }
        match mail.outbox.position().await {
            Ok(cursor) => {
                mail.start_release(self.templates.clone(), self.incidents.clone());
                let (incidents, progress) = (self.incidents.clone(), self.progress.clone());
                mail.start_delivery(self.templates.clone(), self.clock.clone(), incidents, progress);
                self.mail = Some(mail);
                Input::Opened(cursor)
            }
            Err(error) => {
                FillRetried { tenant: &tenant.id, error: &error }.emit();
                Input::NotOpened
            }
        }
    }

    /// What is not right was said.
    ///
    /// # Errors
    /// The topic is not known again: it is another one, or nobody could tell.
    async fn recognise(&mut self, outbox: &Outbox) -> Result<(), Input> {
        let tenant = self.lane.tenant_id();
        let retried = |error: &dyn std::fmt::Display| {
            FillRetried { tenant, error }.emit();
            Input::NotFilled
        };
        let reached = outbox.reached().await.map_err(|error| retried(&error))?;
        let compared = self.recognition.compare(reached).await.map_err(|error| retried(&error))?;
        let Some(other) = compared else {
            self.standing = false;
            self.incidents.end(IncidentKind::OtherTopic, tenant);
            return Ok(());
        };
        self.incidents.begin(IncidentKind::OtherTopic, tenant, &other);
        if !std::mem::replace(&mut self.standing, true) {
            TopicUnknown { sink: SINK, tenant, other: &other }.emit();
        }
        Err(Input::OtherTopic)
    }

    /// None when the lane has ended.
    async fn receive(&mut self) -> Option<Input> {
        loop {
            if self.has_changed() {
                return Some(Input::Changed);
            }
            if let Ok(batch) = timeout(CHECK, self.lane.next()).await {
                batch.iter().for_each(|batch| self.recognition.read(batch));
                return batch.map(Input::Batch);
            }
            self.progress.moved(self.lane.tenant_id(), SINK);
        }
    }

    /// The tenant's file asks for something else than what stands.
    fn has_changed(&self) -> bool {
        self.mail.as_ref().is_none_or(|mail| !mail.is_as_asked_by(&self.lane.tenant()))
    }

    async fn locate(&self) -> Input {
        let Some(mail) = self.mail.as_ref().filter(|_| !self.has_changed()) else { return Input::Changed };
        match mail.outbox.position().await {
            Ok(cursor) => Input::Stands(cursor),
            Err(error) => {
                FillRetried { tenant: self.lane.tenant_id(), error: &error }.emit();
                Input::NotFilled
            }
        }
    }

    async fn fill(&mut self) -> Input {
        if self.has_changed() {
            return Input::Changed;
        }
        let outbox = self.mail.as_ref().map(|mail| mail.outbox.clone());
        if let (Some(outbox), true) = (outbox, self.recognition.is_due())
            && let Err(input) = self.recognise(&outbox).await
        {
            return input;
        }
        let (Some(mail), Some(part)) = (&self.mail, self.core.part()) else { return Input::Changed };
        let tenant = self.lane.tenant_id();
        let users: Vec<UserId> = part
            .groups
            .iter()
            .filter_map(|group| group.triggers.first())
            .map(|first| first.user_id)
            .collect();
        if let Err(error) = mail.directory.prepare(&users).await {
            FillRetried { tenant, error: &error }.emit();
            return Input::NotFilled;
        }
        let (look, caps) = (&*mail.look, mail.caps());
        let decide = |people: &People| {
            let rules = Rules { people, caps, suffix: &look.suffix, held_below: part.held_below };
            let configured = mail.is_configured();
            let situation = Situation { templates: &self.templates, look, rules, configured };
            let mut hours = people.hours.clone();
            part.groups.iter().filter_map(|group| owed(group, situation, &mut hours)).collect()
        };
        let ends = part.last.then_some((part.ends, part.mark));
        let mut composing = Composing::of(tenant, part.groups);
        let filled =
            mail.outbox.fill(part.groups, caps, decide, part.stands, ends, &composing.contexts).await;
        composing.end(matches!(filled, Ok(Fill::Added(_))));
        match filled {
            Ok(Fill::Added(added)) => {
                let partial = part.groups.iter().filter(|group: &&Group| !group.whole).count() as u64;
                MailsComposed { tenant, added, partial }.emit();
                MailFlooded { tenant, held: added.flooding }.emit();
                mail.added.notify_one();
                Input::Filled
            }
            Ok(Fill::Elsewhere(cursor)) => Input::Stands(cursor),
            Err(error) => {
                FillRetried { tenant, error: &error }.emit();
                Input::NotFilled
            }
        }
    }
}

/// Spans of the groups of a part that are traced, and what their mails are about.
struct Composing {
    spans: Vec<Span>,
    contexts: Vec<(String, Trace)>,
}

impl Composing {
    fn of(tenant: &TenantId, groups: &[Group]) -> Self {
        let (mut spans, mut contexts) = (Vec::new(), Vec::new());
        for group in groups.iter().filter(|group| group.trace.is_some()) {
            let Some(first) = group.triggers.first() else { continue };
            let mut span = Span::of(group.trace, Step::ComposeMail, tenant);
            let occurrence = Occurrence::AlertGroup(first.group.id).text(tenant);
            span.set("mail.occurrence", &occurrence);
            contexts.extend(span.context().map(|context| (occurrence, context)));
            spans.push(span);
        }
        Self { spans, contexts }
    }

    fn end(&mut self, is_added: bool) {
        if !is_added {
            self.spans.iter_mut().for_each(|span| span.failed("not in the outbox"));
        }
        self.spans.clear();
    }
}

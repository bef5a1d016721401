//! Occurrences of the mail sink that are both logged and counted. No address, no subject.

use std::time::Duration;

use bellwether_runtime::metric_names::{
    MAIL_AUTH_STOPPED, MAIL_DIGESTS, MAIL_FENCES_LOST, MAIL_FILL_RETRIES, MAIL_ON_TIME, MAIL_PARTIAL_GROUPS,
    MAIL_SEND, MAILS, MAILS_COMPOSED, MAILS_HELD, MAILS_LIMITED, OUTBOX_MAILS, OUTBOX_OLDEST,
    RECIPIENTS_UNKNOWN,
};
use bellwether_schemas::TenantId;
use metrics::{counter, gauge, histogram};

use super::outbox::{Added, Claimed, Measured, Released, Settlement};
use super::recipients::AuthError;

/// A mail was taken by its server.
pub(super) struct MailSent<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) taken: Duration,
}

impl MailSent<'_> {
    pub(super) fn emit(self) {
        histogram!(MAIL_SEND, "tenant" => self.tenant.to_string()).record(self.taken.as_secs_f64());
    }
}

/// A try to send a mail ended.
pub(super) struct MailSettled<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) mail: &'a Claimed,
    pub(super) settlement: &'a Settlement,
}

impl MailSettled<'_> {
    pub(super) fn emit(self) {
        let (outcome, reason) = self.settlement.outcome();
        counter!(MAILS, "tenant" => self.tenant.to_string(), "outcome" => outcome).increment(1);
        let Claimed { occurrence, attempts, .. } = self.mail;
        if reason.is_empty() {
            tracing::debug!(tenant.id = %self.tenant, mail.occurrence = %occurrence, mail.attempts = attempts, mail.outcome = outcome, "a mail was settled");
        } else {
            // The server's words may repeat the address: they stay in the tenant's own table.
            tracing::warn!(tenant.id = %self.tenant, mail.occurrence = %occurrence, mail.attempts = attempts, mail.outcome = outcome, "a mail was not taken; its row says why");
        }
    }
}

/// Mails were added to an outbox.
pub(super) struct MailsComposed<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) added: Added,
    pub(super) partial: u64,
}

impl MailsComposed<'_> {
    pub(super) fn emit(self) {
        counter!(MAILS_COMPOSED, "tenant" => self.tenant.to_string()).increment(self.added.mails);
        counter!(MAILS_HELD, "tenant" => self.tenant.to_string())
            .increment(self.added.held + self.added.flooding);
        if self.partial > 0 {
            counter!(MAIL_PARTIAL_GROUPS, "tenant" => self.tenant.to_string()).increment(self.partial);
            tracing::warn!(tenant.id = %self.tenant, mail.groups = self.partial, "groups lack a trigger that never came");
        }
    }
}

/// The states whose mails are shown, also where there is none.
const UNSETTLED: [&str; 5] = ["pending", "claimed", "data_started", "ambiguous", "held"];

/// Somebody looked how the tenant's outbox stands.
pub(super) struct OutboxMeasured<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) measured: &'a Measured,
}

impl OutboxMeasured<'_> {
    pub(super) fn emit(self) {
        let tenant = self.tenant.to_string();
        for state in UNSETTLED {
            let mails =
                self.measured.states.iter().find(|(known, _)| known == state).map_or(0, |(_, mails)| *mails);
            gauge!(OUTBOX_MAILS, "tenant" => tenant.clone(), "state" => state).set(mails as f64);
        }
        gauge!(OUTBOX_OLDEST, "tenant" => tenant.clone()).set(self.measured.oldest);
        let took = histogram!(MAIL_ON_TIME, "tenant" => tenant);
        self.measured.took.iter().for_each(|seconds| took.record(*seconds));
    }
}

/// The tenant's users had the most alert mails of an hour: what is over it waits for digests.
pub(super) struct MailFlooded<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) held: u64,
}

impl MailFlooded<'_> {
    pub(super) fn emit(self) {
        if self.held > 0 {
            tracing::error!(
                tenant.id = %self.tenant, mail.held = self.held,
                "more alert mails than mail.alerts_an_hour; the rest waits for digests"
            );
        }
    }
}

/// Mails that waited go out, alone or told in digests, or are not sent after all.
pub(super) struct MailsReleased<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) released: Released,
}

impl MailsReleased<'_> {
    pub(super) fn emit(self) {
        let Released { sent, digests, told, suppressed, waiting, .. } = self.released;
        counter!(MAIL_DIGESTS, "tenant" => self.tenant.to_string()).increment(digests);
        if sent + digests + suppressed + waiting > 0 {
            tracing::debug!(
                tenant.id = %self.tenant, mail.sent = sent, mail.digests = digests, mail.told = told,
                mail.suppressed = suppressed, mail.held = waiting, "mails that waited were released"
            );
        }
    }
}

/// What waits cannot be looked at; it is tried again.
pub(super) struct ReleaseRetried<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) error: &'a sqlx::Error,
}

impl ReleaseRetried<'_> {
    pub(super) fn emit(self) {
        tracing::warn!(tenant.id = %self.tenant, error = %self.error, "mails that wait cannot be released; trying again");
    }
}

/// Users' quiet hours name zones that this version's zone data does not have: the tenant's zone holds for them.
pub(super) struct ZonesUnread<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) unread: usize,
}

impl ZonesUnread<'_> {
    pub(super) fn emit(self) {
        if self.unread > 0 {
            tracing::warn!(
                tenant.id = %self.tenant, mail.preferences = self.unread,
                "quiet_zone of some preferences is no zone; the tenant's holds"
            );
        }
    }
}

/// Another worker took the claim over: what we know of the mail is not written.
pub(super) struct FenceLost<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) occurrence: &'a str,
}

impl FenceLost<'_> {
    pub(super) fn emit(self) {
        counter!(MAIL_FENCES_LOST, "tenant" => self.tenant.to_string()).increment(1);
        tracing::warn!(tenant.id = %self.tenant, mail.occurrence = self.occurrence, "a claim is not ours any more");
    }
}

/// The tenant's mail stops until its file or its password changes.
pub(super) struct AuthStopped<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) tries: u32,
}

impl AuthStopped<'_> {
    pub(super) fn emit(self) {
        counter!(MAIL_AUTH_STOPPED, "tenant" => self.tenant.to_string()).increment(1);
        tracing::error!(
            tenant.id = %self.tenant, mail.tries = self.tries,
            "the smtp server refused user or password; this tenant's mail stops: set mail.password_file right"
        );
    }
}

/// The server is sent more than it takes.
pub(super) struct MailLimited<'a> {
    pub(super) tenant: &'a TenantId,
}

impl MailLimited<'_> {
    pub(super) fn emit(self) {
        counter!(MAILS_LIMITED, "tenant" => self.tenant.to_string()).increment(1);
        tracing::warn!(tenant.id = %self.tenant, "the smtp server is sent too many mails; half as fast");
    }
}

/// The outbox cannot be filled for now; the triggers stay in the log.
pub(super) struct FillRetried<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) error: &'a dyn std::fmt::Display,
}

impl FillRetried<'_> {
    pub(super) fn emit(self) {
        counter!(MAIL_FILL_RETRIES, "tenant" => self.tenant.to_string()).increment(1);
        tracing::warn!(tenant.id = %self.tenant, error = %self.error, "the outbox cannot be filled; trying again");
    }
}

/// The tenant's file says something that no mail can carry.
pub(super) struct BrandRefused<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) error: &'a dyn std::fmt::Display,
}

impl BrandRefused<'_> {
    pub(super) fn emit(self) {
        tracing::error!(tenant.id = %self.tenant, error = %self.error, "this tenant's mail waits until its file is right");
    }
}

/// The tenant's delivery ended without having been asked to.
pub(super) struct DeliveryEnded<'a> {
    pub(super) tenant: &'a TenantId,
}

impl DeliveryEnded<'_> {
    pub(super) fn emit(self) {
        tracing::error!(tenant.id = %self.tenant, "the tenant's delivery ended by itself");
    }
}

/// What is due cannot be read; it is looked for again.
pub(super) struct ClaimRetried<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) error: &'a sqlx::Error,
}

impl ClaimRetried<'_> {
    pub(super) fn emit(self) {
        tracing::warn!(tenant.id = %self.tenant, error = %self.error, "the outbox cannot be read; trying again");
    }
}

/// It could not be noted that content is about to leave: none does, and the mail is claimed again.
pub(super) struct NotNoted<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) occurrence: &'a str,
    pub(super) error: &'a sqlx::Error,
}

impl NotNoted<'_> {
    pub(super) fn emit(self) {
        tracing::warn!(
            tenant.id = %self.tenant, mail.occurrence = self.occurrence, error = %self.error,
            "it cannot be noted that content leaves, so none does"
        );
    }
}

/// What became of a mail is not written yet.
pub(super) struct SettleRetried<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) occurrence: &'a str,
    pub(super) error: &'a sqlx::Error,
}

impl SettleRetried<'_> {
    pub(super) fn emit(self) {
        tracing::warn!(
            tenant.id = %self.tenant, mail.occurrence = self.occurrence, error = %self.error,
            "a mail's outcome cannot be written; trying again"
        );
    }
}

/// A complete list of recipients took the place of the one before.
pub(super) struct RecipientsListed<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) recipients: usize,
}

impl RecipientsListed<'_> {
    pub(super) fn emit(self) {
        tracing::debug!(tenant.id = %self.tenant, mail.recipients = self.recipients, "auth told its recipients");
    }
}

/// A tenant's Auth does not tell its recipients; an earlier list is used.
pub(super) struct RecipientsUnknown<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) error: &'a AuthError,
}

impl RecipientsUnknown<'_> {
    pub(super) fn emit(self) {
        counter!(RECIPIENTS_UNKNOWN, "tenant" => self.tenant.to_string()).increment(1);
        tracing::warn!(
            tenant.id = %self.tenant, error = %self.error,
            "auth does not tell the recipients; its last complete list is used, and it is asked again"
        );
    }
}

//! For the simulation, whose outbox is held to these statements: fills with mails that say what they are told to.

use bellwether_database::cursor::Cursor;
use bellwether_runtime::config::Tenant;

use super::{Fill, Outbox, Result};
use crate::mail::compose::Composed;
use crate::mail::composer::core::Part;
use crate::mail::decide::{Owed, People, State};
use crate::mail::group::Group;
use crate::mail::kind::MailKind;
use crate::mail::limits::Caps;
use crate::mail::occurrence::Occurrence;
use crate::mail::render::Gist;

impl Outbox {
    /// As [`Outbox::fill`] does; how many mails are new, or where the cursor stands instead.
    pub(crate) async fn fill_plainly(
        &self,
        part: Part<'_>,
        tenant: &Tenant,
        content: impl Fn(&Group) -> Vec<u8>,
    ) -> Result<std::result::Result<u64, Cursor>> {
        let decide = |people: &People| {
            let owed =
                part.groups.iter().map(|group| self.owed(group, content(group), people, part.held_below));
            owed.filter(|owed| !people.known.contains(&owed.occurrence)).collect()
        };
        let ends = part.last.then_some((part.ends, part.mark));
        Ok(match self.fill(part.groups, Caps::of(tenant), decide, part.stands, ends, &[]).await? {
            Fill::Added(added) => Ok(added.mails),
            Fill::Elsewhere(cursor) => Err(cursor),
        })
    }

    fn owed(&self, group: &Group, content: Vec<u8>, people: &People, held_below: u64) -> Owed {
        let first = &group.triggers[0];
        let occurrence = Occurrence::AlertGroup(first.group.id).text(&self.tenant);
        let (message_id, subject) = (format!("<{occurrence}@example>"), "a group".into());
        let gist = Gist { what: String::new(), at: group.appended_at };
        let mail = Composed { subject, message_id: message_id.clone(), content, gist };
        Owed {
            occurrence,
            kind: MailKind::Alert(first.kind),
            user: first.user_id,
            message_id,
            appended_at: group.appended_at,
            recipient: people.addresses.get(&first.user_id).cloned(),
            state: if group.offset < held_below { State::Suppressed } else { State::Pending },
            reason: None,
            mail: Some(mail),
            wait: None,
        }
    }
}

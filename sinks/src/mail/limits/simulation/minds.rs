//! What the users of a simulated tenant wish.

use bellwether_schemas::ids::match_key;
use chrono::NaiveTime;

use super::{KINDS, SYMBOLS, World, ZONES, pick};
use crate::mail::kind::MailKind;
use crate::mail::limits::{Quiet, QuietAction, Wish, Wishes};

impl World {
    /// The user wishes something else from now on.
    pub(super) fn change_mind(&mut self, user: usize) {
        let mut wishes = Wishes::default();
        for kind in [None, None, Some(MailKind::Alert(KINDS[0])), Some(MailKind::Digest)] {
            let wish = self.wish();
            match kind {
                _ if self.below(2) == 0 => {}
                None => wishes.all = Some(wish),
                Some(kind) => drop(wishes.own.insert(kind, wish)),
            }
        }
        if self.below(4) == 0 {
            wishes.muted = vec![match_key(SYMBOLS[pick(&mut self.random, SYMBOLS.len())])];
        }
        let rows = || wishes.all.iter().chain(wishes.own.values());
        let drops =
            |wish: &Wish| !wish.email || wish.quiet.is_some_and(|quiet| quiet.action == QuietAction::Drop);
        self.choosy[user] |= !wishes.muted.is_empty() || rows().any(drops);
        self.wishes[user] = wishes;
    }

    fn wish(&mut self) -> Wish {
        let mut minute = || u32::try_from(self.random.below(1_440)).unwrap();
        let time = |minute: u32| NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).unwrap();
        let (from, to) = (time(minute()), time(minute()));
        let actions = [QuietAction::Hold, QuietAction::Digest, QuietAction::Hold, QuietAction::Drop];
        let action = actions[pick(&mut self.random, actions.len())];
        let zone = (self.below(2) == 0).then(|| ZONES[pick(&mut self.random, ZONES.len())]);
        let quiet = (self.below(2) == 0).then_some(Quiet { from, to, zone, action });
        Wish { email: self.below(12) != 0, digest: self.below(5) == 0, quiet }
    }
}

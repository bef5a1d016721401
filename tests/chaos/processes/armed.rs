//! Processes that are told to die at a crash point.

use super::{Processes, Role, STOP};

impl Processes<'_> {
    /// Starts everybody who is called so anew, with that crash point. Workers are asked to stop before and all others killed:
    /// a killed worker would be one more death of the tenants it has, beside the one that is wanted.
    pub(crate) fn arm(&mut self, called: &str, crash: &str) {
        self.tend_until_all_run();
        for at in 0..self.members.len() {
            if !self.members[at].arguments.join(" ").starts_with(called) {
                continue;
            }
            if self.members[at].role == Role::Process {
                self.stop(at);
            } else if let Some(running) = self.members[at].running.take() {
                running.signal("KILL");
                self.members[at].kills += 1;
                let said = running.wait(STOP);
                self.learn(at, &said.stderr);
            }
            let armed = self.world.start_to_crash(&self.members[at].arguments, crash);
            (self.members[at].running, self.members[at].armed) = (Some(armed), true);
        }
    }

    /// Whoever is armed is asked to go, which may be what it dies of, and starts again as before.
    pub(crate) fn disarm(&mut self) {
        for at in 0..self.members.len() {
            if !std::mem::take(&mut self.members[at].armed) {
                continue;
            }
            if let Some(running) = self.members[at].running.take() {
                let said = running.stop(STOP);
                self.learn(at, &said.stderr);
                // Without a code it died of a signal, and that is what it was armed for.
                if said.code.is_some_and(|code| code != 0) {
                    let name = self.members[at].name(at);
                    self.findings.push(format!("{name} was asked to stop and ended with {:?}", said.code));
                }
            }
            self.members[at].running = Some(self.world.start(&self.members[at].arguments));
            self.members[at].back_at = None;
        }
    }
}

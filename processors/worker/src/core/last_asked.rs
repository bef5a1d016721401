//! What is to be done before a tenant is somebody else's.

use bellwether_runtime::log::NewRecord;
use bellwether_schemas::{TenantId, TopicKind};

use super::Output;

/// What was asked for while a tenant was given up.
#[derive(Debug, Default, PartialEq)]
pub struct LastAsked {
    /// Everything before this journal offset is done.
    pub commit: Option<u64>,
    /// The tenant's last words, whose acknowledgements the core does not ask for.
    pub words: Vec<(TopicKind, Vec<NewRecord>)>,
    /// The rest, other tenants' appends among it, whose acknowledgements are waited for: that of a note, say, whose turn
    /// it is now.
    pub others: Vec<Output>,
}

impl LastAsked {
    /// Of what the core asked for until that tenant was given up.
    #[must_use]
    pub fn of(tenant: &TenantId, outputs: Vec<Output>) -> Self {
        let mut asked = Self::default();
        for output in outputs {
            match output {
                Output::Commit(of, next) if of == *tenant => asked.commit = Some(next),
                Output::Append(of, _, kind, records) if of == *tenant => asked.words.push((kind, records)),
                other => asked.others.push(other),
            }
        }
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_tenants_append_is_no_last_word() {
        let [given, other]: [TenantId; 2] = ["fxlabs", "hextech"].map(|name| name.parse().unwrap());
        let append = |of: &TenantId, id| Output::Append(of.clone(), id, TopicKind::Snapshots, Vec::new());
        let commit = Output::Commit(given.clone(), 7);
        let asked = LastAsked::of(&given, vec![append(&other, 1), commit, append(&given, 2)]);
        assert_eq!(asked.commit, Some(7));
        assert_eq!(asked.words, [(TopicKind::Snapshots, Vec::new())]);
        assert_eq!(asked.others, [append(&other, 1)]);
    }
}

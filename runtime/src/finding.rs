//! What whoever looks at a running system finds: `doctor`, and whatever else checks without changing anything. One form,
//! so that every finding reads alike and none lacks what to do about it.

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Ok,
    /// It could not be looked at, for want of a right or a piece of configuration that is not required.
    Unseen,
    /// It works, and could fare better; or it is wrong and not ours.
    Warn,
    /// It does not work, or it is open to somebody it must not be open to.
    Fault,
}

impl Level {
    /// In one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unseen => "unseen",
            Self::Warn => "warn",
            Self::Fault => "fault",
        }
    }
}

/// What was found about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which thing: a kind of check such as `spf`, or what it is about, such as a table's name.
    pub about: String,
    /// How it stands.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// What to do about it; none where it is as it should be.
    pub advice: Option<String>,
}

impl Finding {
    /// As it should be.
    #[must_use]
    pub fn ok(about: impl Into<String>, found: impl Into<String>) -> Self {
        Self { about: about.into(), level: Level::Ok, found: found.into(), advice: None }
    }

    /// It could not be looked at, and what would allow it.
    #[must_use]
    pub fn unseen(about: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::with(Level::Unseen, about.into(), found.into(), advice.into())
    }

    /// It could fare better, and how.
    #[must_use]
    pub fn warn(about: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::with(Level::Warn, about.into(), found.into(), advice.into())
    }

    /// It is wrong, and what to do.
    #[must_use]
    pub fn fault(about: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::with(Level::Fault, about.into(), found.into(), advice.into())
    }

    const fn with(level: Level, about: String, found: String, advice: String) -> Self {
        Self { about, level, found, advice: Some(advice) }
    }

    /// Whether anybody has to do something.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        self.level == Level::Fault
    }
}

/// What was found about things that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What they have in common, in a word or two.
    pub name: &'static str,
    /// At least one, so that whoever reads sees that it was looked at.
    pub findings: Vec<Finding>,
}

impl Section {
    /// How the worst of its things stands.
    #[must_use]
    pub fn level(&self) -> Level {
        self.findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok)
    }
}

//! `[brand]`: how a tenant's mails look.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::{Colour, Line, Link};

/// Most characters of a name, so that a subject stays one line.
const MAX_NAME: usize = 64;
/// Most characters of any other text of a brand.
const MAX_TEXT: usize = 1_000;

/// How a tenant's mails look: data, never code. Texts are escaped where they are shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// Shown to people: subject, header, sender.
    pub name: Line<MAX_NAME>,
    /// Where the name is too long.
    pub short_name: Option<Line<MAX_NAME>>,
    /// PNG of at most 30 KB, relative to the tenant's file; without one the name stands alone.
    pub logo: Option<PathBuf>,
    /// Background of the header bar, `#rrggbb`.
    #[serde(default = "default_bar")]
    pub bar: Colour,
    /// Text on light ground, `#rrggbb`.
    #[serde(default = "default_ink")]
    pub ink: Colour,
    /// Links and buttons, `#rrggbb`.
    #[serde(default = "default_accent")]
    pub accent: Colour,
    /// The brand's own page, which mails link to.
    pub site_url: Option<Link>,
    /// The brand's terms of use, for the foot of mails.
    pub terms_url: Option<Link>,
    /// The brand's privacy statement, for the foot of mails.
    pub privacy_url: Option<Link>,
    /// Where a user changes what is mailed.
    pub preferences_url: Option<Link>,
    /// What one-click unsubscribe links begin with.
    pub unsubscribe_url: Option<Link>,
    /// Postal line of the footer.
    pub postal: Option<Line<MAX_TEXT>>,
    /// Disclaimer of the footer.
    pub disclaimer: Option<Line<MAX_TEXT>>,
}

const fn default_bar() -> Colour {
    Colour::new(0x19, 0x23, 0x5d)
}

const fn default_ink() -> Colour {
    Colour::new(0x11, 0x18, 0x27)
}

const fn default_accent() -> Colour {
    Colour::new(0x25, 0x63, 0xeb)
}

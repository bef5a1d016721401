//! A tenant's look and sender, checked once: what stands in a [`Look`] can go into any mail of that tenant.

use std::path::Path;

use bellwether_runtime::config::Tenant;
use bellwether_runtime::secret::Secret;
use bellwether_schemas::TenantId;
use chrono_tz::Tz;
use lettre::Address;
use lettre::message::Mailbox;

use super::colour::{Colour, Night, Palette};

/// Most bytes of a logo.
const MAX_LOGO: usize = 30 * 1024;
/// Most characters of a name, so that a subject stays one.
const MAX_NAME: usize = 64;
/// Most characters of any other text of a brand.
const MAX_TEXT: usize = 1_000;
/// Height at which a logo is shown; its file has at least twice as many pixels for sharp screens.
const LOGO_HEIGHT: u32 = 36;

/// What a brand's file says that no mail can carry. `key` is the one in the tenant's file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tenants/{tenant}.toml: {key}: {reason}")]
pub struct BrandError {
    /// Whose.
    pub tenant: TenantId,
    /// Which key.
    pub key: &'static str,
    /// What is wrong and what to do.
    pub reason: String,
}

/// How a tenant's mails look and who sends them.
#[derive(Debug, Clone)]
pub struct Look {
    pub(crate) tenant: TenantId,
    pub(crate) zone: Tz,
    /// Dropped from symbols as people see them.
    pub(crate) suffix: String,
    pub(crate) from: Mailbox,
    pub(crate) reply_to: Option<Mailbox>,
    pub(crate) brand: BrandTexts,
    pub(crate) colours: Palette,
    pub(crate) dark: Night,
    pub(crate) logo: Option<Logo>,
    pub(crate) preferences_url: Option<String>,
    pub(crate) unsubscribe_url: Option<String>,
    pub(crate) unsubscribe_key: Option<Secret>,
}

/// What a template may say of a brand.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct BrandTexts {
    pub(crate) name: String,
    pub(crate) short_name: String,
    pub(crate) site_url: Option<String>,
    pub(crate) terms_url: Option<String>,
    pub(crate) privacy_url: Option<String>,
    pub(crate) postal: Option<String>,
    pub(crate) disclaimer: Option<String>,
}

/// A picture and the size at which it is shown.
#[derive(Debug, Clone)]
pub(crate) struct Logo {
    pub(crate) png: Vec<u8>,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Look {
    /// Checks everything a mail takes from the tenant's file, and reads the logo.
    ///
    /// # Errors
    /// A text with a control character or too long, an address that is none, a link that is not `https`, a logo that
    /// is not a small PNG.
    pub fn new(tenant: &Tenant) -> Result<Self, BrandError> {
        let check = Checker { tenant: &tenant.id };
        let brand = &tenant.brand;
        let colour = |key, text| check.colour(key, text);
        let (bar, ink) = (colour("brand.bar", &brand.bar)?, colour("brand.ink", &brand.ink)?);
        let accent = colour("brand.accent", &brand.accent)?;
        let url = |key, text: &Option<String>| check.optional(key, text, Checker::url);
        Ok(Self {
            tenant: tenant.id.clone(),
            zone: tenant.zone,
            suffix: tenant.settings.symbol_suffix.clone(),
            from: check.mailbox("mail.from", &tenant.mail.from)?,
            reply_to: check.optional("mail.reply_to", &tenant.mail.reply_to, Checker::mailbox)?,
            brand: check.texts(brand)?,
            colours: Palette::of(bar, ink, accent),
            dark: Night::of(accent),
            logo: brand.logo.as_deref().map(|path| check.logo(path)).transpose()?,
            preferences_url: url("brand.preferences_url", &brand.preferences_url)?,
            unsubscribe_url: url("brand.unsubscribe_url", &brand.unsubscribe_url)?,
            unsubscribe_key: tenant.mail.unsubscribe_key.clone(),
        })
    }

    /// The domain that mails come from: right of every Message-ID.
    pub(crate) fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// Where a person's answer goes.
    pub(crate) fn answers(&self) -> &Address {
        self.reply_to.as_ref().map_or(&self.from.email, |mailbox| &mailbox.email)
    }
}

/// A text that can go into a header: no line break, no control character, nothing that reorders what is read.
pub(crate) fn printable(text: &str) -> bool {
    let reorders = |c: char| matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.chars().any(|c| c.is_control() || reorders(c))
}

struct Checker<'a> {
    tenant: &'a TenantId,
}

impl Checker<'_> {
    fn texts(&self, brand: &bellwether_runtime::config::Brand) -> Result<BrandTexts, BrandError> {
        let name = self.name("brand.name", &brand.name)?;
        let short = self.optional("brand.short_name", &brand.short_name, Self::name)?;
        Ok(BrandTexts {
            short_name: short.unwrap_or_else(|| name.clone()),
            name,
            site_url: self.optional("brand.site_url", &brand.site_url, Self::url)?,
            terms_url: self.optional("brand.terms_url", &brand.terms_url, Self::url)?,
            privacy_url: self.optional("brand.privacy_url", &brand.privacy_url, Self::url)?,
            postal: self.optional("brand.postal", &brand.postal, Self::text)?,
            disclaimer: self.optional("brand.disclaimer", &brand.disclaimer, Self::text)?,
        })
    }

    fn optional<T>(
        &self,
        key: &'static str,
        text: &Option<String>,
        check: impl Fn(&Self, &'static str, &str) -> Result<T, BrandError>,
    ) -> Result<Option<T>, BrandError> {
        text.as_deref().map(|text| check(self, key, text)).transpose()
    }

    fn name(&self, key: &'static str, text: &str) -> Result<String, BrandError> {
        self.limited(key, text, MAX_NAME)
    }

    fn text(&self, key: &'static str, text: &str) -> Result<String, BrandError> {
        self.limited(key, text, MAX_TEXT)
    }

    fn limited(&self, key: &'static str, text: &str, limit: usize) -> Result<String, BrandError> {
        let length = text.chars().count();
        if !printable(text) || text.trim().is_empty() {
            return Err(self.wrong(key, "is empty or has a line break or another control character".into()));
        }
        if length > limit {
            return Err(self.wrong(key, format!("has {length} characters, the limit is {limit}")));
        }
        Ok(text.into())
    }

    /// Links go out as they are, so only what a mail client may open: `https`, or `http` to this machine.
    fn url(&self, key: &'static str, text: &str) -> Result<String, BrandError> {
        let local = ["http://127.0.0.1", "http://localhost"];
        let is_local = local.iter().any(|start| {
            text.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
        });
        let plain = text.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"'`\\{}|^".contains(&b));
        let host =
            text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
        if plain && (host || is_local) && text.len() <= MAX_TEXT {
            return Ok(text.into());
        }
        Err(self.wrong(key, format!("{text:?} is not an https link")))
    }

    fn mailbox(&self, key: &'static str, text: &str) -> Result<Mailbox, BrandError> {
        self.limited(key, text, MAX_TEXT)?;
        let mailbox: Mailbox = text
            .parse()
            .map_err(|error| self.wrong(key, format!("{text:?} is not `Name <address>`: {error}")))?;
        let ascii = mailbox.email.to_string().is_ascii();
        if !ascii || mailbox.name.as_deref().is_some_and(|name| !printable(name)) {
            return Err(self.wrong(key, format!("{text:?} is not a plain address with a printable name")));
        }
        Ok(mailbox)
    }

    fn colour(&self, key: &'static str, text: &str) -> Result<Colour, BrandError> {
        Colour::parse(text)
            .ok_or_else(|| self.wrong(key, format!("{text:?} is not a colour such as #19235d")))
    }

    fn logo(&self, path: &Path) -> Result<Logo, BrandError> {
        let wrong = |reason: String| self.wrong("brand.logo", format!("{}: {reason}", path.display()));
        let png = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        if png.len() > MAX_LOGO {
            return Err(wrong(format!("has {} bytes, the limit is {MAX_LOGO}", png.len())));
        }
        let (width, height) = png_size(&png).ok_or_else(|| wrong("is not a PNG".into()))?;
        let shown = (width * LOGO_HEIGHT).div_ceil(height);
        if !(8..=480).contains(&shown) {
            return Err(wrong(format!(
                "is {width} × {height}: shown {LOGO_HEIGHT} high it must be 8 to 480 wide"
            )));
        }
        Ok(Logo { png, width: shown, height: LOGO_HEIGHT })
    }

    fn wrong(&self, key: &'static str, reason: String) -> BrandError {
        BrandError { tenant: self.tenant.clone(), key, reason }
    }
}

/// Width and height out of the header chunk; sizes up to 16 384 only.
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let header = bytes.get(..24)?;
    let magic = header.starts_with(b"\x89PNG\r\n\x1a\n") && &header[12..16] == b"IHDR";
    let number = |at: usize| header[at..at + 4].iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
    let (width, height) = (number(16), number(20));
    let fits = |side: u32| (1..=16_384).contains(&side);
    (magic && fits(width) && fits(height)).then_some((width, height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::samples::tenant;

    fn refused(change: impl FnOnce(&mut Tenant)) -> String {
        let mut tenant = tenant("fxlabs");
        change(&mut tenant);
        Look::new(&tenant).unwrap_err().to_string()
    }

    #[test]
    fn both_example_tenants_load_with_their_logos() {
        for id in ["fxlabs", "hextech"] {
            let look = Look::new(&tenant(id)).unwrap();
            let logo = look.logo.unwrap();
            assert!(logo.png.len() <= MAX_LOGO && logo.width > 100, "{id}: {} wide", logo.width);
            assert_eq!(look.suffix, "m");
            assert!(look.from.email.domain().ends_with(&format!("{id}.example")));
        }
        assert_eq!(Look::new(&tenant("fxlabs")).unwrap().zone, Tz::Asia__Kolkata);
        assert_eq!(Look::new(&tenant("hextech")).unwrap().zone, Tz::Asia__Dubai);
    }

    #[test]
    fn names_that_would_break_a_header_are_refused() {
        for bad in
            ["A\r\nBcc: x@y.example", "A\nB", "A\0B", "A\u{2028}B", "A\u{202e}B", "", "  ", &"x".repeat(65)]
        {
            let wrong = refused(|tenant| tenant.brand.name = bad.into());
            assert!(wrong.starts_with("tenants/fxlabs.toml: brand.name:"), "{wrong}");
        }
        assert!(refused(|tenant| tenant.brand.postal = Some("A\rB".into())).contains("brand.postal"));
        assert!(refused(|tenant| tenant.mail.from = "A\r\nB <a@b.example>".into()).contains("mail.from"));
        assert!(refused(|tenant| tenant.mail.reply_to = Some("nobody".into())).contains("mail.reply_to"));
    }

    #[test]
    fn links_are_https_and_nothing_else() {
        for bad in [
            "javascript:alert(1)",
            "http://fx.example",
            "https://",
            "https:///x",
            "https://x\" onclick=\"",
            "data:x",
            "http://127.0.0.1.evil.example",
        ] {
            let wrong = refused(|tenant| tenant.brand.site_url = Some(bad.into()));
            assert!(wrong.contains("brand.site_url"), "{wrong}");
        }
        let mut local = tenant("fxlabs");
        local.brand.site_url = Some("http://127.0.0.1:8080/x".into());
        assert!(Look::new(&local).is_ok());
    }

    #[test]
    fn a_logo_is_a_small_png() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("logo.png");
        std::fs::write(&file, b"GIF89a..................").unwrap();
        assert!(refused(|tenant| tenant.brand.logo = Some(file.clone())).contains("is not a PNG"));
        std::fs::write(&file, vec![0; MAX_LOGO + 1]).unwrap();
        assert!(refused(|tenant| tenant.brand.logo = Some(file.clone())).contains("the limit is"));
    }
}

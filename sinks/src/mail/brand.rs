//! A tenant's look and sender: what stands in a [`Look`] can go into any mail of that tenant.

use std::fmt::Display;
use std::path::Path;

use bellwether_runtime::config::{self, Brand, Tenant};
use bellwether_runtime::secret::Secret;
use bellwether_schemas::TenantId;
use chrono_tz::Tz;
use lettre::Address;
use lettre::message::Mailbox;
use minijinja::Value;
use minijinja::value::Serde;

use super::colour::{Night, Palette};

/// Most bytes of a logo.
const MAX_LOGO: usize = 30 * 1024;
/// Height at which a logo is shown; its file has at least twice as many pixels for sharp screens.
const LOGO_HEIGHT: u32 = 36;

/// What a tenant's file says that no mail can carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tenants/{tenant}.toml: {key}: {reason}")]
pub struct BrandError {
    /// The tenant whose file it is.
    pub tenant: TenantId,
    /// Which of its keys.
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
    /// A [`Palette`] as templates see it: every mail of the tenant has the same, so it is made once.
    pub(crate) colours: Value,
    /// A [`Night`], likewise.
    pub(crate) dark: Value,
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
    /// What mails take from the tenant's file, with the logo read.
    ///
    /// # Errors
    /// The logo is not a small PNG.
    pub fn new(tenant: &Tenant) -> Result<Self, BrandError> {
        let (brand, mail) = (&tenant.brand, &tenant.mail);
        let wrong = |key| move |reason| BrandError { tenant: tenant.id.clone(), key, reason };
        let logo = brand.logo.as_deref().map(read_logo).transpose().map_err(wrong("brand.logo"))?;
        let reply_to = mail.reply_to.as_ref().map(mailbox).transpose().map_err(wrong("mail.reply_to"))?;
        Ok(Self {
            tenant: tenant.id.clone(),
            zone: tenant.zone,
            suffix: tenant.settings.symbol_suffix.clone(),
            from: mailbox(&mail.from).map_err(wrong("mail.from"))?,
            reply_to,
            brand: BrandTexts::from(brand),
            colours: Value::from(Serde(Palette::of(brand.bar, brand.ink, brand.accent))),
            dark: Value::from(Serde(Night::of(brand.accent))),
            logo,
            preferences_url: text(&brand.preferences_url),
            unsubscribe_url: text(&brand.unsubscribe_url),
            unsubscribe_key: mail.unsubscribe_key.clone(),
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

impl From<&Brand> for BrandTexts {
    fn from(brand: &Brand) -> Self {
        Self {
            name: brand.name.to_string(),
            short_name: brand.short_name.as_ref().unwrap_or(&brand.name).to_string(),
            site_url: text(&brand.site_url),
            terms_url: text(&brand.terms_url),
            privacy_url: text(&brand.privacy_url),
            postal: text(&brand.postal),
            disclaimer: text(&brand.disclaimer),
        }
    }
}

fn text(value: &Option<impl Display>) -> Option<String> {
    value.as_ref().map(ToString::to_string)
}

/// The mailbox as the library that writes mails has it; both judge an address by the same grammar.
fn mailbox(mailbox: &config::Mailbox) -> Result<Mailbox, String> {
    let address = Address::new(mailbox.address().local(), mailbox.address().domain());
    let address = address.map_err(|error| format!("{}: {error}", mailbox.address()))?;
    Ok(Mailbox::new(mailbox.name().map(Into::into), address))
}

fn read_logo(path: &Path) -> Result<Logo, String> {
    let wrong = |reason: String| format!("{}: {reason}", path.display());
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
    fn every_sender_that_a_file_may_name_is_one_that_mails_can_carry() {
        for sender in [
            "FXLabs Prime <alerts@fx.example>",
            "alerts@fx.example",
            r#""FX, \"Labs\"" <alerts+tag@fx.example>"#,
            "Müller & Co. <\"a b\"@fx.example>",
            "Here <root@localhost>",
        ] {
            let mut tenant = tenant("fxlabs");
            tenant.mail.from = sender.parse().unwrap();
            let from = Look::new(&tenant).unwrap().from;
            assert_eq!(from.email.to_string(), tenant.mail.from.address().to_string());
            assert_eq!(from.name.as_deref(), tenant.mail.from.name());
        }
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

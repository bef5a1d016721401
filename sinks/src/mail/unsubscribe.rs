//! One-click unsubscribe: a link that needs no login, because only we can have written it.

use bellwether_runtime::secret::Secret;
use bellwether_schemas::{TenantId, UserId};
use ring::hmac;

use super::brand::Look;
use super::kind::MailKind;

/// What a link switches off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    /// The tenant whose mail it is.
    pub tenant: TenantId,
    /// The user who gets it.
    pub user: UserId,
    /// The kind that is not to come any more.
    pub kind: MailKind,
}

impl Unsubscribe {
    /// HMAC-SHA-256 over tenant, user and kind, in hexadecimal.
    #[must_use]
    pub fn token(&self, key: &Secret) -> String {
        let tag = hmac::sign(&hmac_key(key), self.signed().as_bytes());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Is this the token of ours? Takes the same time whatever is wrong with it.
    #[must_use]
    pub fn verify(&self, key: &Secret, token: &str) -> bool {
        let Some(tag) = from_hex(token) else { return false };
        hmac::verify(&hmac_key(key), self.signed().as_bytes(), &tag).is_ok()
    }

    /// No field can hold a line break, so no two different ones sign the same text.
    fn signed(&self) -> String {
        format!("unsubscribe\n{}\n{}\n{}", self.tenant, self.user, self.kind)
    }

    /// The address without its token.
    pub(crate) fn query(&self, base: &str) -> String {
        let joint = if base.contains('?') { '&' } else { '?' };
        format!("{base}{joint}tenant={}&user={}&kind={}", self.tenant, self.user, self.kind)
    }
}

/// How one user leaves one kind of mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WayOut {
    pub(crate) mailto: String,
    /// The one-click form, where the tenant has an address and a key for it.
    pub(crate) https: Option<String>,
}

impl WayOut {
    /// None for a kind that nobody can switch off.
    pub(crate) fn of(look: &Look, user: UserId, kind: MailKind) -> Option<Self> {
        if !kind.can_be_switched_off() {
            return None;
        }
        let subject = Unsubscribe { tenant: look.tenant.clone(), user, kind };
        let signed = look.unsubscribe_url.as_ref().zip(look.unsubscribe_key.as_ref());
        let https = signed.map(|(base, key)| format!("{}&token={}", subject.query(base), subject.token(key)));
        let mailto = format!("mailto:{}?subject=unsubscribe%20{kind}", look.answers());
        Some(Self { mailto, https })
    }

    /// The one for a link in the mail's own text.
    pub(crate) fn link(&self) -> &str {
        self.https.as_ref().unwrap_or(&self.mailto)
    }
}

fn hmac_key(key: &Secret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.reveal().as_bytes())
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks_exact(2);
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::alerts::AlertKind;

    use super::*;

    #[test]
    fn a_token_is_good_for_its_own_tenant_user_and_kind_only() {
        let key = Secret::new("k1");
        let mine = Unsubscribe {
            tenant: "fxlabs".parse().unwrap(),
            user: "00000000-0000-4000-8000-000000000001".parse().unwrap(),
            kind: MailKind::Alert(AlertKind::RsiTracker),
        };
        let token = mine.token(&key);
        // Python: hmac.new(b"k1", b"unsubscribe\nfxlabs\n00000000-0000-4000-8000-000000000001\nrsi_tracker", "sha256")
        assert_eq!(token, "96fa873b4948e701716e8d772994761a36f3e834079cbc43d47ca659e3f2c1ff");
        assert!(mine.verify(&key, &token));
        let other = Unsubscribe { tenant: "hextech".parse().unwrap(), ..mine.clone() };
        assert!(!other.verify(&key, &token));
        let user = "00000000-0000-4000-8000-000000000002".parse().unwrap();
        assert!(!Unsubscribe { user, ..mine.clone() }.verify(&key, &token));
        assert!(!mine.verify(&Secret::new("k2"), &token));
        for bad in ["", "00", &token[..62], &token.replace(&token[..1], "é"), &"g".repeat(64)] {
            assert!(!mine.verify(&key, bad), "{bad}");
        }
    }
}

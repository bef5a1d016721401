//! What mails look like and weigh: the brand's contrast, its logo, the largest mail of every kind.

use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::Finding;
use bellwether_schemas::Timestamp;

use crate::mail::brand::Look;
use crate::mail::colour::{CONTRAST, least_contrast};
use crate::mail::kind::MailKind;
use crate::mail::preview::preview;
use crate::mail::render::{MAX_HTML, Templates};

/// Brand and sizes.
#[must_use]
pub fn shape(tenant: &Tenant, templates: &Templates, now: Timestamp) -> Vec<Finding> {
    vec![contrast(tenant), sizes(tenant, templates, now)]
}

fn contrast(tenant: &Tenant) -> Finding {
    const ABOUT: &str = "contrast";
    let brand = &tenant.brand;
    let (what, ratio) = least_contrast(brand.bar, brand.ink, brand.accent);
    let found = format!("{what} has {ratio:.1} of {CONTRAST} at least, by day and by night");
    if ratio < CONTRAST {
        return Finding::fault(ABOUT, found, "choose brand.bar, brand.ink or brand.accent darker or lighter");
    }
    Finding::ok(ABOUT, found)
}

fn sizes(tenant: &Tenant, templates: &Templates, now: Timestamp) -> Finding {
    const ABOUT: &str = "sizes";
    let look = match Look::new(tenant) {
        Ok(look) => look,
        Err(error) => return Finding::fault(ABOUT, error.to_string(), "no mail goes out until it is right"),
    };
    let mut largest = (0, MailKind::Test);
    for kind in MailKind::all() {
        match preview(templates, &look, kind, None, now) {
            Ok(shown) => largest = largest.max((shown.html.len(), kind)),
            Err(error) => {
                return Finding::fault(
                    ABOUT,
                    format!("{kind}: {error}"),
                    "shorten what the brand says at the end of mails",
                );
            }
        }
    }
    let logo = look.logo.as_ref().map_or(0, |logo| logo.png.len());
    let (bytes, kind) = largest;
    let kib = |bytes: usize| bytes.div_ceil(1024);
    Finding::ok(
        ABOUT,
        format!(
            "logo {} KiB of 30; the largest mail, {kind}, {} KiB of {}",
            kib(logo),
            kib(bytes),
            kib(MAX_HTML)
        ),
    )
}

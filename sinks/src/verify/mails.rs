//! A mail of each kind, as it would go out: everything of this brand, nothing of another.

use std::collections::BTreeSet;

use bellwether_runtime::config::{Link, Tenant};
use bellwether_runtime::finding::Finding;
use bellwether_schemas::Timestamp;
use bellwether_schemas::time::DAY;

use crate::mail::brand::Look;
use crate::mail::kind::MailKind;
use crate::mail::local_time::clock;
use crate::mail::preview::{Preview, preview};
use crate::mail::render::Templates;

/// Half a year, after which a zone's clocks are those of its other season.
const SEASON: i64 = 182 * DAY;

/// One finding a kind: its name, colours, label of times and links are the tenant's, and nothing is another's.
#[must_use]
pub fn mails(tenant: &Tenant, others: &[Tenant], templates: &Templates, now: Timestamp) -> Vec<Finding> {
    let look = match Look::new(tenant) {
        Ok(look) => look,
        Err(error) => {
            return vec![Finding::fault("brand", error.to_string(), "no mail goes out until it is right")];
        }
    };
    let look_at = |kind: MailKind| {
        let about = kind.name();
        let shown = match preview(templates, &look, kind, None, now) {
            Ok(shown) => shown,
            Err(error) => {
                return Finding::fault(about, error.to_string(), "no such mail goes out until it is right");
            }
        };
        let wrong = Mail { tenant, shown: &shown, now }.wrong(others);
        if wrong.is_empty() {
            let brand = &tenant.brand;
            let found =
                format!("{}, {}, times in {}, links of its own", brand.name, brand.bar, label(tenant, now));
            return Finding::ok(about, found);
        }
        Finding::fault(
            about,
            wrong.join("; "),
            "see [brand] and [mail] of its file, and `bellwether mail preview`",
        )
    };
    MailKind::all().map(look_at).collect()
}

/// What stands behind times: `IST`.
fn label(tenant: &Tenant, time: Timestamp) -> String {
    let clock = clock(tenant.zone, time);
    clock.rsplit_once(' ').map_or_else(String::new, |(_, label)| label.to_owned())
}

/// The link is that address, or one below it: `https://shop.example.evil` is none of `https://shop.example`.
fn lies_below(link: &str, address: &str) -> bool {
    link.strip_prefix(address)
        .is_some_and(|rest| rest.is_empty() || address.ends_with('/') || rest.starts_with(['/', '?', '#']))
}

struct Mail<'a> {
    tenant: &'a Tenant,
    shown: &'a Preview,
    now: Timestamp,
}

impl Mail<'_> {
    fn wrong(&self, others: &[Tenant]) -> Vec<String> {
        let (brand, html, text) = (&self.tenant.brand, &self.shown.html, &self.shown.text);
        let mut wrong = Vec::new();
        let mut demand = |holds: bool, what: &str| wrong.extend((!holds).then(|| what.to_owned()));
        let name = brand.short_name.as_deref().unwrap_or(&brand.name);
        demand(text.contains(&*brand.name) || text.contains(name), "it does not say whose it is");
        demand(html.contains(&brand.bar.to_string()), "its bar is not the brand's");
        let labels = [label(self.tenant, self.now), label(self.tenant, self.now.plus(SEASON))];
        demand(
            labels.iter().any(|label| text.contains(label.as_str())),
            "its times are not in the brand's zone",
        );
        wrong.extend(self.foreign_links());
        wrong.extend(
            others.iter().filter(|other| other.id != self.tenant.id).filter_map(|other| self.holds(other)),
        );
        wrong
    }

    /// Links that the tenant's file does not name.
    fn foreign_links(&self) -> Vec<String> {
        let brand = &self.tenant.brand;
        let own: Vec<&str> = [
            &brand.site_url,
            &brand.terms_url,
            &brand.privacy_url,
            &brand.preferences_url,
            &brand.unsubscribe_url,
        ]
        .into_iter()
        .flatten()
        .map(Link::as_str)
        .collect();
        let is_own = |link: &&&str| {
            link.starts_with("mailto:") || own.iter().any(|own| lies_below(&link.replace("&amp;", "&"), own))
        };
        let links: BTreeSet<&str> =
            self.shown.html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let foreign = links.iter().filter(|link| !is_own(link));
        foreign.map(|link| format!("{link} is no link of its file")).collect()
    }

    /// What is another tenant's and stands in it.
    fn holds(&self, other: &Tenant) -> Option<String> {
        let (brand, mail) = (&other.brand, &other.mail);
        let mut theirs = vec![brand.name.to_string(), mail.from.address().domain().to_owned()];
        theirs
            .extend([&brand.site_url, &brand.unsubscribe_url].into_iter().flatten().map(ToString::to_string));
        let Tenant { brand, mail, .. } = self.tenant;
        // A name within one's own is no other's.
        let own = format!(
            "{} {:?} {:?} {}",
            brand.name,
            brand.site_url,
            brand.unsubscribe_url,
            mail.from.address()
        );
        let content = String::from_utf8_lossy(&self.shown.mail.content);
        let shown = [&self.shown.html, &self.shown.text, &self.shown.mail.subject, content.as_ref()];
        let stands =
            |words: &&String| !own.contains(&***words) && shown.iter().any(|part| part.contains(&***words));
        theirs.iter().find(stands).map(|words| format!("{words:?} of {} stands in it", other.id))
    }
}

#[cfg(test)]
mod tests {
    use super::lies_below;

    #[test]
    fn a_host_that_begins_like_ones_own_is_another() {
        for own in [
            "https://shop.example",
            "https://shop.example/a?b#c",
            "https://shop.example?b",
            "https://shop.example#c",
        ] {
            assert!(lies_below(own, "https://shop.example"), "{own}");
        }
        for foreign in [
            "https://shop.example.evil",
            "https://shop.example@evil",
            "https://shop.examples/",
            "https://shop",
        ] {
            assert!(!lies_below(foreign, "https://shop.example"), "{foreign}");
        }
        assert!(lies_below("https://shop.example/in", "https://shop.example/"));
    }
}

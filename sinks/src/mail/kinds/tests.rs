//! Every kind's sample in every brand: rendered strictly, so that a name its view does not have is an error.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;

use bellwether_runtime::secret::Secret;
use bellwether_schemas::alerts::AlertKind;
use mail_parser::MessageParser;

use crate::mail::brand::Look;
use crate::mail::error::{ComposeError, ViewError};
use crate::mail::kind::MailKind;
use crate::mail::preview::{Preview, preview};
use crate::mail::render::Templates;
use crate::mail::samples;
use crate::mail::template_files::files;

const NOW: &str = "2026-03-04T13:00:02.5Z";

fn preview_of(tenant: &str, kind: MailKind) -> Result<Preview, ComposeError> {
    let mut tenant = samples::tenant(tenant);
    tenant.mail.unsubscribe_key = Some(Secret::new("a key"));
    let look = Look::new(&tenant).unwrap();
    preview(&Templates::compile().unwrap(), &look, kind, None, NOW.parse().unwrap())
}

fn has_header(preview: &Preview, name: &str) -> bool {
    let parsed = MessageParser::default().parse(&preview.mail.content).unwrap();
    parsed.header_raw(name).is_some()
}

#[test]
fn every_kind_that_has_templates_has_a_sample_that_fills_them_in_every_brand() {
    for kind in MailKind::all() {
        for tenant in ["fxlabs", "hextech"] {
            match preview_of(tenant, kind) {
                Ok(shown) => {
                    assert!(files(kind).is_some(), "{kind}");
                    for body in [&shown.html, &shown.text] {
                        assert!(!body.contains("{{") && !body.contains("{%"), "{kind}");
                    }
                    assert!(shown.html.contains("</html>") && shown.html.len() < 102 * 1024, "{kind}");
                    assert!(shown.text.contains("You get this mail because"), "{kind}: {}", shown.text);
                }
                Err(ComposeError::View(ViewError::Kind(none))) => {
                    assert_eq!((none, files(kind).is_none()), (kind, true));
                }
                Err(error) => panic!("{kind} of {tenant}: {error}"),
            }
        }
    }
}

#[test]
fn a_sample_has_as_many_triggers_as_asked_for() {
    let (tenant, kind) = (samples::tenant("fxlabs"), MailKind::Alert(AlertKind::RsiTracker));
    let look = Look::new(&tenant).unwrap();
    for (asked, subject) in [(None, "3 pairs"), (Some(1), "EUR/USD RSI overbought"), (Some(33), "33 pairs")] {
        let (templates, now) = (Templates::compile().unwrap(), NOW.parse().unwrap());
        let shown = preview(&templates, &look, kind, asked.and_then(NonZeroUsize::new), now).unwrap();
        assert!(shown.mail.subject.contains(subject), "{}", shown.mail.subject);
    }
}

#[test]
fn every_folder_of_templates_is_that_of_a_kind_which_uses_it() {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).join("mail").read_dir().unwrap();
    let folders = folders.map(|entry| entry.unwrap()).filter(|entry| entry.path().is_dir());
    let named: BTreeSet<String> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    let used = MailKind::all().filter(|kind| files(*kind).is_some());
    assert_eq!(named, used.map(|kind| kind.to_string()).collect());
}

#[test]
fn a_test_mail_says_that_delivery_works_when_and_from_where() {
    let shown = preview_of("fxlabs", MailKind::Test).unwrap();
    assert_eq!(shown.mail.subject, "FXLabs Prime: Test mail • 2026-03-04 • 18:30 IST");
    for body in [&shown.html, &shown.text] {
        for said in ["can reach you", "2026-03-04 • 18:30 IST", "mailer-1", "smtp.example:465"] {
            assert!(body.contains(said), "{said} is missing: {body}");
        }
        assert!(body.contains("because somebody asked for a test mail at FXLabs Prime."));
    }
}

#[test]
fn what_a_user_can_switch_off_says_how_and_what_nobody_can_does_not() {
    for tenant in ["fxlabs", "hextech"] {
        for kind in MailKind::all() {
            let Ok(shown) = preview_of(tenant, kind) else { continue };
            let can = kind.can_be_switched_off();
            for name in ["List-Unsubscribe", "List-Unsubscribe-Post", "List-Id"] {
                assert_eq!(has_header(&shown, name), can, "{kind}: {name}");
            }
            assert!(has_header(&shown, "Feedback-ID") && has_header(&shown, "Auto-Submitted"));
            for body in [&shown.html, &shown.text] {
                assert_eq!(body.contains("Unsubscribe from these"), can, "{kind}");
            }
        }
    }
}

//! Alert mails as their readers get them, read by a parser that did not write them.

use bellwether_runtime::secret::Secret;
use bellwether_schemas::triggers::{Condition, TriggerFired};
use mail_parser::{MessageParser, MimeHeaders};

use super::*;
use crate::mail::error::ViewError;
use crate::mail::frame::{Late, Setting};
use crate::mail::kind::MailKind;
use crate::mail::reading::{bodies, numbers, prose, visible};
use crate::mail::render::Templates;
use crate::mail::unsubscribe::WayOut;
use crate::mail::{kinds, samples};

const NOW: &str = "2026-03-04T13:00:02.5Z";

fn look(tenant: &str) -> Look {
    let mut tenant = samples::tenant(tenant);
    tenant.mail.unsubscribe_key = Some(Secret::new("a key"));
    Look::new(&tenant).unwrap()
}

/// A group, and what is to be varied around it.
#[derive(Clone, Copy)]
struct Case<'a> {
    look: &'a Look,
    triggers: &'a [TriggerFired],
    recipient: &'a str,
    late: bool,
    now: Timestamp,
}

impl<'a> Case<'a> {
    fn of(look: &'a Look, triggers: &'a [TriggerFired]) -> Self {
        let now = NOW.parse().unwrap();
        Self { look, triggers, recipient: "user@people.example", late: false, now }
    }

    fn compose(self) -> Result<Composed, ComposeError> {
        let Self { look, triggers, recipient, late, now } = self;
        let first = triggers.first().ok_or(ViewError::Empty)?;
        let kind = MailKind::Alert(first.kind);
        let way_out = WayOut::of(look, first.user_id, kind);
        let way_out = way_out.as_ref();
        let due = "2026-03-04T05:00:00Z".parse().unwrap();
        let templates = &Templates::compile().unwrap();
        let late = late.then_some(Late { due, now });
        let rendered = kinds::alert_group(Setting { templates, look, late, way_out }, triggers)?;
        let occurrence = &Occurrence::AlertGroup(first.group.id);
        compose(look, &Headers { kind, occurrence, recipient, way_out, date: now }, rendered)
    }
}

fn compose_of(look: &Look, triggers: &[TriggerFired], late: bool) -> Composed {
    Case { late, ..Case::of(look, triggers) }.compose().unwrap()
}

fn header(mail: &Composed, name: &str) -> String {
    let parsed = MessageParser::default().parse(&mail.content).unwrap();
    let raw = parsed.header_raw(name).unwrap_or_else(|| panic!("no {name}"));
    raw.trim().replace("\r\n", "")
}

#[test]
fn the_subject_says_brand_what_and_when_in_the_tenants_zone() {
    let three = samples::triggers("fxlabs");
    let one = compose_of(&look("fxlabs"), &three[..1], false);
    assert_eq!(one.subject, "FXLabs Prime: EUR/USD RSI overbought (1H) • 2026-03-04 • 18:30 IST");
    let low = compose_of(&look("fxlabs"), &three[1..2], false);
    assert_eq!(low.subject, "FXLabs Prime: USD/JPY RSI oversold (1H) • 2026-03-04 • 18:30 IST");
    let all = compose_of(&look("hextech"), &samples::triggers("hextech"), false);
    assert_eq!(all.subject, "HexTech: 3 pairs RSI alert (1H) • 2026-03-04 • 17:00 GST");
    let parsed = MessageParser::default().parse(&all.content).unwrap();
    assert_eq!(parsed.subject(), Some(all.subject.as_str()));
}

#[test]
fn headers_are_those_of_an_automatic_mail_that_one_click_switches_off() {
    let mail = compose_of(&look("fxlabs"), &samples::triggers("fxlabs"), false);
    assert_eq!(mail.message_id, "<c0a8d9a2-77f1-5a43-8f58-6a0f5f9d0001@fxlabs.example>");
    assert_eq!(header(&mail, "Message-ID"), mail.message_id);
    assert_eq!(header(&mail, "Date"), "Wed, 04 Mar 2026 13:00:02 +0000");
    assert_eq!(header(&mail, "From"), "\"FXLabs Prime\" <alerts@fxlabs.example>");
    assert_eq!(header(&mail, "To"), "user@people.example");
    assert_eq!(header(&mail, "Reply-To"), "\"FXLabs Support\" <support@fxlabs.example>");
    assert_eq!(header(&mail, "Auto-Submitted"), "auto-generated");
    assert_eq!(header(&mail, "List-Id"), "<rsi-tracker.alerts.fxlabs.example>");
    assert_eq!(header(&mail, "Feedback-ID"), "rsi_tracker:alert:fxlabs:fxlabs.example");
    assert_eq!(header(&mail, "List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    let list = header(&mail, "List-Unsubscribe");
    let user = samples::triggers("fxlabs")[0].user_id;
    let query =
        format!("<https://www.fxlabs.example/unsubscribe?tenant=fxlabs&user={user}&kind=rsi_tracker&token=");
    assert!(list.starts_with(&query), "{list}");
    assert!(list.ends_with(", <mailto:support@fxlabs.example?subject=unsubscribe%20rsi_tracker>"), "{list}");
    let parsed = MessageParser::default().parse(&mail.content).unwrap();
    let mut names: Vec<&str> = parsed.headers().iter().map(|header| header.name()).collect();
    names.sort_unstable();
    let all = [
        "Auto-Submitted",
        "Content-Type",
        "Date",
        "Feedback-ID",
        "From",
        "List-ID",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "MIME-Version",
        "Message-ID",
        "Reply-To",
        "Subject",
        "To",
    ];
    assert_eq!(names, all);
}

#[test]
fn without_a_key_there_is_no_link_that_anybody_could_have_written() {
    let look = Look::new(&samples::tenant("fxlabs")).unwrap();
    let mail = compose_of(&look, &samples::triggers("fxlabs"), false);
    let list = header(&mail, "List-Unsubscribe");
    assert_eq!(list, "<mailto:support@fxlabs.example?subject=unsubscribe%20rsi_tracker>");
    assert!(!String::from_utf8_lossy(&mail.content).contains("List-Unsubscribe-Post"));
}

#[test]
fn a_mail_is_plain_text_and_html_with_the_logo_inside_in_ascii_lines() {
    let mail = compose_of(&look("hextech"), &samples::triggers("hextech"), false);
    let parsed = MessageParser::default().parse(&mail.content).unwrap();
    let logo = parsed.attachment(0).unwrap();
    assert_eq!(logo.content_id(), Some("logo@hextech.example"));
    assert_eq!(logo.contents(), std::fs::read(samples::tenant("hextech").brand.logo.unwrap()).unwrap());
    let (html, _) = bodies(&mail);
    assert!(html.contains("src=\"cid:logo@hextech.example\"") && html.contains("alt=\"HexTech\""));
    assert!(mail.content.is_ascii());
    let lines = mail.content.split(|byte| *byte == b'\n');
    for line in lines {
        assert!(line.len() <= 998 && line.last().is_none_or(|last| *last == b'\r'));
    }
}

#[test]
fn every_number_of_the_html_stands_in_the_plain_text_and_none_besides() {
    for (count, late) in [(1, false), (3, false), (3, true)] {
        let mail = compose_of(&look("fxlabs"), &samples::triggers("fxlabs")[..count], late);
        let (html, text) = bodies(&mail);
        assert_eq!(numbers(&visible(&html)), numbers(&prose(&text)));
        assert!(text.contains("71.23") && text.contains("68.41") && text.contains("1.08755"), "{text}");
    }
}

#[test]
fn the_html_loads_nothing_and_stands_up_without_a_script() {
    let (html, _) = bodies(&compose_of(&look("fxlabs"), &samples::triggers("fxlabs"), false));
    for wanted in [
        "lang=\"en\"",
        "role=\"presentation\"",
        "name=\"color-scheme\"",
        "prefers-color-scheme: dark",
        "RSI 71.23, USD/JPY RSI 28.90, BTC/USD RSI 76.50",
        "EUR/USD",
        "12 Example Road",
    ] {
        assert!(html.contains(wanted), "{wanted} is missing");
    }
    for banned in
        ["<script", "@import", "<link", "<iframe", "url(", "src=\"http", "{{", "{%", "#000000", "rgb(0"]
    {
        assert!(!html.contains(banned), "{banned} is there");
    }
    for table in html.split("<table").skip(1) {
        let tag = &table[..table.find('>').unwrap()];
        assert!(tag.contains("role=\"presentation\"") || tag.contains("role=\"none\""), "<table{tag}>");
    }
    assert_eq!(html.matches("<img").count(), html.matches("alt=\"").count());
}

#[test]
fn the_33_symbols_of_a_tenant_fit_and_five_hundred_are_named_or_counted() {
    let one = samples::triggers("fxlabs").remove(0);
    let many = |count: usize| -> Vec<TriggerFired> {
        (0..count)
            .map(|n| TriggerFired { symbol: Some(format!("SYM{n:03}m").parse().unwrap()), ..one.clone() })
            .collect()
    };
    for count in [33, 500] {
        let mail = compose_of(&look("hextech"), &many(count), false);
        let (html, text) = bodies(&mail);
        assert!(html.len() < 102 * 1024, "{count}: {} bytes", html.len());
        assert!(text.contains("SYM032") && html.contains("SYM032"));
    }
    let (html, text) = bodies(&compose_of(&look("fxlabs"), &many(500), false));
    assert!(html.contains("And 466 more: ") && text.contains("And 466 more: "), "{text}");
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let mail = || compose_of(&look("fxlabs"), &samples::triggers("fxlabs"), false);
    assert_eq!(mail().content, mail().content);
}

#[test]
fn a_late_mail_says_so_in_subject_and_both_bodies() {
    let mail = compose_of(&look("fxlabs"), &samples::triggers("fxlabs")[..1], true);
    assert_eq!(mail.subject, "FXLabs Prime: EUR/USD RSI overbought (1H) (late) • 2026-03-04 • 18:30 IST");
    let (html, text) = bodies(&mail);
    let notice =
        "This mail is late: the alert fired at 2026-03-04 • 10:30 IST and could not be sent for 8 hours.";
    assert!(html.contains(notice) && text.contains(notice), "{text}");
}

#[test]
fn texts_of_a_brand_are_shown_and_never_run() {
    let mut tenant = samples::tenant("fxlabs");
    tenant.brand.name = "<b>\"A\" & 'B'</b>{{ 7 * 7 }}".parse().unwrap();
    tenant.brand.disclaimer = Some("<script>alert(1)</script>{% raw %}".parse().unwrap());
    tenant.brand.logo = None;
    let mail = compose_of(&Look::new(&tenant).unwrap(), &samples::triggers("fxlabs"), false);
    let (html, text) = bodies(&mail);
    assert!(html.contains("&lt;b&gt;&quot;A&quot; &amp; &#39;B&#39;&lt;/b&gt;{{ 7 * 7 }}"));
    assert!(html.contains("&lt;script&gt;alert(1)") && !html.contains("<script"));
    assert!(text.contains("<script>alert(1)</script>{% raw %}"));
}

#[test]
fn no_text_of_a_brand_reaches_the_mail_of_another() {
    let marked = |id: &str, mark: &str| {
        let mut tenant = samples::tenant(id);
        let text = |what: &str| Some(format!("{mark}-{what}").parse().unwrap());
        let url = |what: &str| Some(format!("https://{mark}.example/{what}").parse().unwrap());
        tenant.brand.name = format!("{mark}-name").parse().unwrap();
        tenant.brand.short_name = Some(format!("{mark}-short").parse().unwrap());
        (tenant.brand.postal, tenant.brand.disclaimer) = (text("postal"), text("disclaimer"));
        (tenant.brand.site_url, tenant.brand.terms_url) = (url("site"), url("terms"));
        (tenant.brand.privacy_url, tenant.brand.preferences_url) = (url("privacy"), url("preferences"));
        tenant.brand.unsubscribe_url = url("unsubscribe");
        tenant.mail.from = format!("{mark}-from <alerts@{mark}.example>").parse().unwrap();
        tenant.mail.reply_to = Some(format!("{mark}-reply <reply@{mark}.example>").parse().unwrap());
        tenant.mail.unsubscribe_key = Some(Secret::new(format!("{mark}-key")));
        Look::new(&tenant).unwrap()
    };
    let looks = [("fxlabs", "canarya", "canaryb"), ("hextech", "canaryb", "canarya")];
    for (id, own, other) in looks.iter().chain(&looks) {
        let triggers = samples::triggers(id);
        let mail = compose_of(&marked(id, own), &triggers, false);
        let (html, text) = bodies(&mail);
        let raw = String::from_utf8(mail.content.clone()).unwrap();
        for place in [&html, &text, &raw, &mail.subject, &mail.message_id] {
            assert!(place.contains(own) && !place.contains(other), "{place}");
        }
        for part in ["name", "short", "postal", "disclaimer"] {
            assert!(
                html.contains(&format!("{own}-{part}")) && text.contains(&format!("{own}-{part}")),
                "{part}"
            );
        }
        for part in ["site", "terms", "privacy", "preferences", "unsubscribe"] {
            let link = format!("https://{own}.example/{part}");
            assert!(html.contains(&link) && text.contains(&link), "{part}");
        }
        assert!(!raw.contains("-key"));
    }
}

#[test]
fn what_cannot_be_mailed_is_an_error_and_never_a_panic() {
    let look = look("fxlabs");
    let triggers = samples::triggers("fxlabs");
    let case = Case::of(&look, &triggers);
    for recipient in [
        "",
        "nobody",
        "a@b\r\nBcc: c@d.example",
        "a@b.example, c@d.example",
        "a b@c.example",
        "\"a\0\"@b.example",
        "ü@b.example",
    ] {
        let refused = Case { recipient, ..case }.compose();
        assert!(matches!(refused, Err(ComposeError::Recipient)), "{recipient:?}");
    }
    let changed = |change: fn(&mut TriggerFired)| {
        let mut triggers = triggers.clone();
        change(&mut triggers[1]);
        Case { triggers: &triggers, ..case }.compose()
    };
    assert!(matches!(changed(|t| t.condition = Condition::Buy), Err(ComposeError::View(_))));
    assert!(matches!(changed(|t| t.detail = "[]".into()), Err(ComposeError::View(_))));
    assert!(matches!(changed(|t| t.symbol = None), Err(ComposeError::View(_))));
    assert!(changed(|t| (t.value, t.price) = (None, Some(f64::INFINITY))).is_ok());
    assert!(matches!(Case { triggers: &[], ..case }.compose(), Err(ComposeError::View(ViewError::Empty))));
    let never = Timestamp(i64::MAX);
    assert!(matches!(Case { now: never, ..case }.compose(), Err(ComposeError::Date)));
}

#[test]
fn bodies_are_encoded_as_lettre_encodes_them() {
    let long = "a line that is longer than seventy-six characters has to be broken somewhere = here, or there, at last";
    for text in [
        "",
        "\n",
        "plain\n",
        "ends in a space \nand\ttab\t\n",
        "one\r\ntwo\n",
        "₹ 1,5 · EUR/USD – 70\n",
        long,
    ] {
        let whole = text.to_owned().into_body(Some(ContentTransferEncoding::QuotedPrintable));
        assert_eq!(quoted_printable(text.into()).as_ref(), whole.as_ref(), "{text:?}");
    }
}

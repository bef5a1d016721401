//! Mails that a schedule sends, from their samples and from contents that nobody hopes for.

mod digest;

use std::path::Path;

use bellwether_runtime::secret::Secret;
use bellwether_schemas::{Timestamp, UserId};
use mail_parser::{MessageParser, MimeHeaders};

use crate::mail::brand::Look;
use crate::mail::compose::compose;
use crate::mail::frame::{Late, Setting};
use crate::mail::headers::Headers;
use crate::mail::kind::MailKind;
use crate::mail::kinds::sample_of_schedule;
use crate::mail::occurrence::Occurrence;
use crate::mail::reading::{numbers, prose, visible};
use crate::mail::render::{Rendered, Templates};
use crate::mail::samples;
use crate::mail::scheduled::{self, Brief, Content, Prepared};
use crate::mail::unsubscribe::WayOut;

const KINDS: [MailKind; 4] = [MailKind::Brief, MailKind::Reminder, MailKind::Correction, MailKind::Digest];
const USER: UserId = UserId(uuid::Uuid::nil());

fn content(kind: MailKind) -> Content {
    serde_json::from_str(sample_of_schedule(kind).unwrap()).unwrap()
}

fn sample_brief() -> Brief {
    match content(MailKind::Brief) {
        Content::Brief(brief) => brief,
        other => panic!("{other:?} is no brief"),
    }
}

fn look(tenant: &str) -> Look {
    let mut tenant = samples::tenant(tenant);
    tenant.mail.unsubscribe_key = Some(Secret::new("a key"));
    Look::new(&tenant).unwrap()
}

fn written(tenant: &str, content: &Content) -> Rendered {
    rendered(&look(tenant), content)
}

fn rendered(look: &Look, content: &Content) -> Rendered {
    let templates = &Templates::compile().unwrap();
    let way_out = WayOut::of(look, USER, content.kind());
    let setting = Setting { templates, look, late: None, way_out: way_out.as_ref() };
    scheduled::render(setting, content).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// What pictures say to those who do not see them.
fn alts(html: &str) -> String {
    let alts = html.split(" alt=\"").skip(1).filter_map(|rest| rest.split('"').next());
    alts.collect::<Vec<_>>().join(" ")
}

#[test]
fn every_number_of_the_html_and_its_picture_stands_in_the_plain_text_and_none_besides() {
    for kind in KINDS {
        for tenant in ["fxlabs", "hextech"] {
            let Rendered { html, text, .. } = written(tenant, &content(kind));
            let shown = numbers(&format!("{} {}", visible(&html), alts(&html)));
            assert_eq!(shown, numbers(&prose(&text)), "{kind} of {tenant}: {text}");
            assert!(shown.len() > 3, "{kind} shows numbers");
        }
    }
}

#[test]
fn subjects_say_what_it_is_about_and_when() {
    for (kind, tenant, subject) in [
        (MailKind::Brief, "fxlabs", "FXLabs Prime: Daily morning brief • 2026-03-06 • 09:00 IST"),
        (
            MailKind::Reminder,
            "fxlabs",
            "FXLabs Prime: USD Non-Farm Payrolls in 5 minutes • 2026-03-06 • 19:00 IST",
        ),
        (
            MailKind::Correction,
            "hextech",
            "HexTech: USD Non-Farm Payrolls moved to 19:00 • 2026-03-06 • 19:00 GST",
        ),
        (MailKind::Digest, "hextech", "HexTech: 12 alerts while you were away • 2026-03-04 • 18:05 GST"),
    ] {
        assert_eq!(written(tenant, &content(kind)).subject, subject);
    }
}

#[test]
fn a_brief_says_what_is_known_and_no_data_where_nothing_is() {
    let Rendered { html, text, .. } = written("fxlabs", &content(MailKind::Brief));
    for said in [
        "  EUR/USD    BUY 78.5 %\n",
        "  XAU/USD    SELL 74.9 %\n",
        "  OIL/USD    no data\n",
        "  BTC/USD    BUY 57.1 %, wait\n",
        "             5M     15M    30M    1H     4H     all\n",
        "  BTC/USD    64.3   57.1   51.8   48.2   –      57.1\n",
        "  OIL/USD    –      –      –      –      –      –\n",
        "  Overbought (70): XAG/USD 74.32, EUR/USD 71.23\n",
        "  Oversold (30): none\n",
        "  12:30 IST  GBP Consumer Price Index (YoY)\n             previous 3.4%, forecast –\n",
        "  Strongest: EUR/USD–GBP/USD 0.912, strong\n",
        "  Changed most: XAU/USD–USD/JPY -0.612, was -0.120 in the brief of 2026-03-05\n",
        "  BTC/USD +2.31 %, XAG/USD -1.48 %, USD/JPY +0.61 %\n\nYour alerts, last 30 days\n",
        "  14 triggers; median move after 5 bars +0.12 %, random bars of the same hours +0.01 %: not enough to tell apart.\n",
        "at FXLabs Prime. The next brief comes 2026-03-07 • 09:00 IST.\n",
    ] {
        assert!(text.contains(said), "{said:?} is missing: {text}");
    }
    let preheader = "EUR/USD BUY 78.5 %, XAU/USD SELL 74.9 %, OIL/USD no data, BTC/USD BUY 57.1 %, wait";
    assert!(html.contains(preheader), "{html}");
    assert!(alts(&html).contains("BTC/USD: 5M 64.3, 15M 57.1, 30M 51.8, 1H 48.2, 4H –, all 57.1."));
    assert!(visible(&html).contains("The next brief comes 2026-03-07 • 09:00 IST."));
}

#[test]
fn what_followed_a_readers_own_alerts_stands_in_that_readers_brief_alone() {
    let mut brief = sample_brief();
    let own = brief.own.take().unwrap();
    let other = bellwether_schemas::previews::UserFollowed { triggers: 3, moved: None, ..own.clone() };
    let prepared = Prepared::from(Content::Brief(brief));
    let (templates, look) = (&Templates::compile().unwrap(), &look("fxlabs"));
    let of = |own| {
        let setting = Setting { templates, look, late: None, way_out: None };
        prepared.with(own).render(setting, at("2026-03-06T03:30:00Z")).unwrap()
    };
    let [one, other, nobody] = [of(Some(own)), of(Some(other)), of(None)];
    assert!(
        one.text.contains("14 triggers; median move")
            && visible(&one.html).contains("14 triggers; median move")
    );
    assert!(other.text.contains("3 triggers; no price to measure by."), "{}", other.text);
    assert!(!nobody.text.contains("Your alerts"));
    assert_eq!(one.picture, nobody.picture, "the same for every recipient");
}

#[test]
fn a_brief_says_whose_prices_have_stopped() {
    let mut brief = sample_brief();
    brief.signals[0].delayed = true;
    brief.signals[2].delayed = true;
    let Rendered { html, text, .. } = written("fxlabs", &Content::Brief(brief));
    for said in ["  EUR/USD    BUY 78.5 %, data delayed\n", "  OIL/USD    data delayed\n"] {
        assert!(text.contains(said), "{said:?} is missing: {text}");
    }
    assert!(visible(&html).contains("BUY 78.5 %, data delayed") && !text.contains("no data"), "{html}");
}

#[test]
fn a_brief_of_nothing_says_none_and_shows_no_percent() {
    let mut brief = sample_brief();
    brief.signals.iter_mut().for_each(|signal| (signal.score, signal.open) = (None, false));
    (brief.overbought, brief.news, brief.trending) = (Vec::new(), Vec::new(), Vec::new());
    (brief.largest, brief.changed, brief.next, brief.own) = (None, None, None, None);
    let Rendered { html, text, .. } = written("hextech", &Content::Brief(brief.clone()));
    assert!(!text.contains("Your alerts") && !visible(&html).contains("Your alerts"), "{text}");
    assert!(!text.contains('%') && !visible(&html).contains(" %"), "{text}");
    assert_eq!(text.matches("none").count(), 5, "{text}");
    assert_eq!(visible(&html).matches("none").count(), 5);
    assert_eq!(text.matches("no data (closed)").count(), 4);
    assert!(!text.contains("next brief"));
    brief.signals.clear();
    let Rendered { html, text, picture, .. } = written("hextech", &Content::Brief(brief));
    assert!(
        picture.is_none()
            && !html.contains("cid:picture")
            && text.contains("Core signals (Intraday)\n  none")
    );
    assert!(html.contains("0 items of high-impact news today"));
}

#[test]
fn a_side_that_is_exactly_even_is_neither() {
    let mut brief = sample_brief();
    for signal in &mut brief.signals {
        if let Some(score) = &mut signal.score {
            (score.buy_percent, score.acts) = (50.0, false);
        }
    }
    let text = written("fxlabs", &Content::Brief(brief)).text;
    assert_eq!(text.matches("EVEN 50.0 %, wait").count(), 3, "{text}");
}

#[test]
fn long_lists_of_a_brief_are_cut_and_counted_and_fit() {
    let mut brief = sample_brief();
    let (rsi, item) = (brief.overbought[0].clone(), brief.news[0].clone());
    let signal = brief.signals[0].clone();
    (brief.overbought, brief.oversold) = (vec![rsi.clone(); 60], vec![rsi; 25]);
    brief.news = vec![item; 18];
    brief.signals = vec![signal; 12];
    let Rendered { html, text, picture, .. } = written("hextech", &Content::Brief(brief));
    for counted in ["and 36 more", "and 1 more", "and 2 more"] {
        assert!(text.contains(counted) && visible(&html).contains(counted), "{counted}: {text}");
    }
    assert!(html.len() < 64 * 1024, "{} bytes", html.len());
    assert!(picture.unwrap().png.len() < 30 * 1024);
}

#[test]
fn a_reminder_says_the_minutes_that_are_left_when_it_is_composed() {
    let templates = &Templates::compile().unwrap();
    let look = &look("fxlabs");
    let of = |now: &str, is_late: bool| {
        let late = is_late.then_some(Late { due: at("2026-03-06T13:25:00Z"), now: at(now) });
        let setting = Setting { templates, look, late, way_out: None };
        Prepared::from(content(MailKind::Reminder)).render(setting, at(now)).unwrap()
    };
    let two = of("2026-03-06T13:28:10Z", false);
    assert!(two.subject.contains("USD Non-Farm Payrolls in 2 minutes • "), "{}", two.subject);
    assert!(two.text.starts_with("USD Non-Farm Payrolls in 2 minutes\n"), "{}", two.text);
    let late = of("2026-03-06T13:29:20Z", true);
    assert!(late.subject.contains("USD Non-Farm Payrolls in 1 minute (late) • "), "{}", late.subject);
    let notice = "it was due at 2026-03-06 • 18:55 IST and could not be sent for 4 minutes.";
    assert!(late.text.contains(notice) && late.html.contains(notice), "{}", late.text);
    let over = of("2026-03-06T16:25:00Z", true);
    assert!(over.subject.contains("USD Non-Farm Payrolls came at 19:00 IST (late)"), "{}", over.subject);
    assert!(over.text.contains("could not be sent for 3 hours."), "{}", over.text);
}

#[test]
fn a_correction_says_both_times_and_the_day_where_that_changed() {
    let Content::Correction(mut correction) = content(MailKind::Correction) else { panic!("no correction") };
    let Rendered { html, text, .. } = written("fxlabs", &Content::Correction(correction.clone()));
    for body in [&visible(&html), &text] {
        assert!(body.contains("2026-03-06 • 20:30 IST") && body.contains("2026-03-06 • 19:00 IST"), "{body}");
    }
    correction.item.time = at("2026-03-09T13:30:00Z");
    let subject = written("fxlabs", &Content::Correction(correction)).subject;
    assert!(subject.contains("USD Non-Farm Payrolls moved to 19:00 on 2026-03-09 • "), "{subject}");
}

/// Every text that a scheduled mail has from elsewhere, with `mark` in it.
fn with_text(kind: MailKind, mark: &str) -> Content {
    let mut content = content(kind);
    let items = match &mut content {
        Content::Brief(brief) => brief.news.iter_mut().collect(),
        Content::Reminder(reminder) => vec![&mut reminder.item],
        Content::Correction(correction) => vec![&mut correction.item],
        Content::Digest(digest) => {
            digest.held.iter_mut().for_each(|held| held.what = mark.into());
            Vec::new()
        }
    };
    for item in items {
        (item.title, item.forecast, item.actual) = (mark.into(), Some(mark.into()), Some(mark.into()));
    }
    content
}

#[test]
fn texts_of_a_calendar_are_shown_and_never_run() {
    for kind in KINDS {
        let Rendered { subject, html, text, .. } =
            written("fxlabs", &with_text(kind, "<script>alert(1)</script>{{ 7 * 7 }} & \"more\""));
        assert!(
            html.contains("&lt;script&gt;alert(1)&lt;/script&gt;{{ 7 * 7 }} &amp; &quot;more&quot;"),
            "{kind}"
        );
        assert!(!html.contains("<script") && text.contains("<script>alert(1)</script>{{ 7 * 7 }}"), "{kind}");
        let rendered = written("fxlabs", &with_text(kind, "one\r\nBcc: a@b.example\u{7}\u{202e}two"));
        assert!(rendered.text.contains("one Bcc: a@b.example two"), "{kind}: {}", rendered.text);
        for line in [&subject, &rendered.subject] {
            assert!(!line.chars().any(char::is_control), "{kind}: {line:?}");
        }
    }
}

/// A tenant whose every text, address and picture says `mark`.
fn marked(id: &str, mark: &str, dir: &Path) -> Look {
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
    let logo = dir.join(format!("{mark}.png"));
    let png = std::fs::read(tenant.brand.logo.unwrap()).unwrap();
    std::fs::write(&logo, [&png, mark.as_bytes()].concat()).unwrap();
    tenant.brand.logo = Some(logo);
    Look::new(&tenant).unwrap()
}

#[test]
fn nothing_of_a_brand_reaches_the_mail_of_another_in_bytes_parts_links_or_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let tenants = [("fxlabs", "canarya", "canaryb"), ("hextech", "canaryb", "canarya")];
    for kind in KINDS {
        for (id, own, other) in tenants.iter().chain(&tenants) {
            let look = marked(id, own, dir.path());
            let rendered = rendered(&look, &with_text(kind, &format!("{own}-title")));
            let (way_out, has_picture) = (WayOut::of(&look, USER, kind), rendered.picture.is_some());
            let occurrence = &Occurrence::Test { asked_at: at("2026-03-04T13:00:00Z"), user: USER };
            let date = at("2026-03-04T13:00:02Z");
            let recipient = "user@people.example";
            let headers = Headers { kind, occurrence, recipient, way_out: way_out.as_ref(), date };
            let mail = compose(&look, &headers, rendered).unwrap();
            let contains =
                |bytes: &[u8], mark: &str| bytes.windows(mark.len()).any(|part| part == mark.as_bytes());
            assert!(contains(&mail.content, own) && !contains(&mail.content, other));
            assert!(!contains(&mail.content, "-key"), "{kind}");
            let parsed = MessageParser::default().parse(&mail.content).unwrap();
            for part in &parsed.parts {
                assert!(!contains(part.contents(), other), "{kind} of {own}");
            }
            let html = parsed.body_html(0).unwrap();
            for link in html.split(" href=\"").skip(1).chain(html.split(" src=\"").skip(1)) {
                let link = link.split('"').next().unwrap();
                let is_own = link.starts_with(&format!("https://{own}.example/"))
                    || (link.starts_with("cid:") && link.ends_with(&format!("@{own}.example")));
                assert!(is_own, "{kind} of {own}: {link}");
            }
            let pictures: Vec<&str> = parsed.attachments().filter_map(|part| part.content_id()).collect();
            let (logo, picture) = (format!("logo@{own}.example"), format!("picture@{own}.example"));
            let expected = if has_picture { vec![logo, picture] } else { vec![logo] };
            assert_eq!(pictures, expected, "{kind}");
            assert!(contains(parsed.attachment(0).unwrap().contents(), own), "the logo is its own");
        }
    }
}

#[test]
fn the_picture_of_a_brief_is_in_every_mail_the_same_and_named_by_its_html() {
    let content = content(MailKind::Brief);
    let drawn = scheduled::picture(&content).unwrap();
    for tenant in ["fxlabs", "hextech"] {
        let Rendered { html, picture, .. } = written(tenant, &content);
        assert_eq!(picture.as_ref(), Some(&drawn));
        assert!(html.contains(&format!("src=\"cid:picture@{tenant}.example\"")), "{html}");
        assert!(html.contains(&format!("height:{}px", drawn.height)));
    }
}

#[test]
fn a_scheduled_mail_loads_nothing_and_names_what_tables_are_for() {
    for kind in KINDS {
        let Rendered { html, .. } = written("fxlabs", &content(kind));
        for banned in ["<script", "@import", "<link", "<iframe", "url(", "src=\"http", "{{", "{%", "#000000"]
        {
            assert!(!html.contains(banned), "{kind}: {banned} is there");
        }
        for table in html.split("<table").skip(1) {
            let tag = &table[..table.find('>').unwrap()];
            assert!(
                tag.contains("role=\"presentation\"") || tag.contains("role=\"none\""),
                "{kind}: <table{tag}>"
            );
        }
        assert_eq!(html.matches("<img").count(), html.matches("alt=\"").count());
    }
}

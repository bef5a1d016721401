//! What a digest says of the mails that it stands for.

use bellwether_schemas::alerts::AlertKind;

use super::{at, content, written};
use crate::mail::kind::MailKind;
use crate::mail::limits::Why;
use crate::mail::render::Rendered;
use crate::mail::scheduled::{Content, Digest, Held};

fn held(kind: MailKind, minute: i64, what: &str) -> Held {
    let at = at("2026-03-04T10:00:00Z").plus(minute * 60_000_000);
    Held { kind, what: what.into(), at, why: Why::Limit }
}

fn digest(held: Vec<Held>) -> Content {
    Content::Digest(Digest { at: at("2026-03-04T15:00:00Z"), first: "one".into(), held })
}

#[test]
fn a_digest_says_why_its_mails_were_not_sent_each_reason_once() {
    let kind = MailKind::Reminder;
    let because = |whys: &[Why]| {
        let mail = |why: &Why| Held { why: *why, ..held(kind, 0, "USD CPI in 5 minutes") };
        written("fxlabs", &digest(whys.iter().map(mail).collect())).text
    };
    let (quiet, limit) = ("it was your quiet time", "there were more than you get within an hour");
    for (whys, told) in [
        (vec![Why::Limit, Why::Limit], limit.to_owned()),
        (vec![Why::QuietDigest, Why::Limit, Why::QuietHours], format!("{quiet}, and {limit}")),
        (vec![Why::Wish], "you want them in one mail".into()),
        (vec![Why::Flood], "there were very many for everybody".into()),
    ] {
        let text = because(&whys);
        assert!(text.contains(&format!("Held back since 2026-03-04 • 15:30 IST: {told}\n")), "{text}");
    }
}

#[test]
fn a_digest_lists_what_was_held_back_by_kind_in_the_order_of_time() {
    let Rendered { html, text, .. } = written("fxlabs", &content(MailKind::Digest));
    let rsi = "RSI (3)\n  2026-03-04 • 16:30 IST  EUR/USD RSI overbought (1H)\n  \
        2026-03-04 • 17:15 IST  GBP/USD RSI oversold (15M)\n  2026-03-04 • 18:30 IST  3 pairs RSI alert (4H)\n";
    assert!(text.contains(rsi), "{text}");
    assert!(text.contains("Held back since 2026-03-04 • 16:30 IST"), "{text}");
    assert!(
        html.contains("RSI: 3, Correlation: 1, Heatmap: 2, Indicators: 1, Currency strength: 2, Price: 3")
    );
}

#[test]
fn a_digest_counts_mails_where_not_all_are_alerts_and_says_one_of_one() {
    let subject = |held| written("fxlabs", &digest(held)).subject;
    let alert = held(MailKind::Alert(AlertKind::PriceAlert), 0, "EUR/USD above 1.1");
    assert!(subject(vec![alert.clone()]).contains(": 1 alert while you were away"));
    let news = held(MailKind::Reminder, 1, "USD CPI in 5 minutes");
    assert!(subject(vec![alert, news]).contains(": 2 mails while you were away"));
}

#[test]
fn the_largest_digest_fits_and_leaves_nothing_uncounted() {
    let many = |kind| (0..500).map(move |minute| held(kind, minute, &"W".repeat(150)));
    let all: Vec<Held> = MailKind::all().flat_map(many).collect();
    let count = all.len();
    let Rendered { html, text, subject, .. } = written("hextech", &digest(all));
    assert!(html.len() < 102 * 1024, "{} bytes", html.len());
    assert!(subject.contains(&format!("{count} mails")));
    assert_eq!(
        text.matches("And 491 more, from 2026-03-04 • 14:09 GST to ").count(),
        MailKind::all().count(),
        "{text}"
    );
    assert!(!text.contains(&"W".repeat(101)));
}

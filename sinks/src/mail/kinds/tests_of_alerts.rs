//! The mail of every kind of alert, from its sample and from triggers that nobody hopes for.

use bellwether_runtime::secret::Secret;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{Condition, TriggerFired};

use super::alert_group;
use crate::mail::brand::Look;
use crate::mail::error::{ComposeError, ViewError};
use crate::mail::frame::Setting;
use crate::mail::reading::{numbers, prose, visible};
use crate::mail::render::{RenderError, Rendered, Templates};
use crate::mail::samples;

/// Most bytes of HTML that clients show whole.
const SHOWN: usize = 102 * 1024;

fn written(tenant: &str, triggers: &[TriggerFired]) -> Result<Rendered, ComposeError> {
    let mut tenant = samples::tenant(tenant);
    tenant.mail.unsubscribe_key = Some(Secret::new("a key"));
    let (templates, look) = (Templates::compile().unwrap(), Look::new(&tenant).unwrap());
    alert_group(Setting { templates: &templates, look: &look, late: None, way_out: None }, triggers)
}

fn of(kind: AlertKind) -> Vec<TriggerFired> {
    samples::triggers_of("fxlabs", kind)
}

fn subject(triggers: &[TriggerFired]) -> String {
    written("fxlabs", triggers).unwrap().subject.replace("FXLabs Prime: ", "")
}

#[test]
fn every_number_of_the_html_stands_in_the_plain_text_and_none_besides() {
    for kind in AlertKind::ALL {
        for tenant in ["fxlabs", "hextech"] {
            let all = of(kind);
            for count in 1..=all.len() {
                let Rendered { html, text, .. } = written(tenant, &all[all.len() - count..]).unwrap();
                let (shown, said) = (numbers(&visible(&html)), numbers(&prose(&text)));
                assert_eq!(shown, said, "{kind} of {tenant}, {count}");
                assert!(shown.len() > 3, "{kind} shows numbers");
            }
        }
    }
}

#[test]
fn both_bodies_have_the_sentence_of_every_trigger_of_the_group() {
    for kind in AlertKind::ALL {
        let all = of(kind);
        let Rendered { html, text, .. } = written("fxlabs", &all).unwrap();
        for trigger in &all {
            let sentence = trigger.sentence().unwrap();
            let (initial, rest) = sentence.split_at(1);
            let sentence = initial.to_uppercase() + rest;
            assert!(visible(&html).contains(&sentence) && text.contains(&sentence), "{kind}: {sentence}");
        }
    }
}

#[test]
fn a_subject_says_what_one_trigger_is_about_and_how_many_there_are() {
    use AlertKind::{CurrencyStrengthTracker, HeatmapIndicatorTracker, HeatmapTracker, PriceAlert};
    let at = |hour: &str| format!(" • 2026-03-04 • {hour} IST");
    for (kind, index, what) in [
        (AlertKind::RsiCorrelationTracker, 0, "EUR/USD–GBP/USD correlation (1H)"),
        (AlertKind::RsiCorrelationTracker, 2, "XAU/USD–USD/JPY correlation (1H)"),
        (HeatmapTracker, 0, "BTC/USD BUY 78.5 % (Intraday)"),
        (HeatmapTracker, 1, "EUR/USD SELL 74.9 % (Intraday)"),
        (HeatmapIndicatorTracker, 0, "XAU/USD MACD buy (4H)"),
        (HeatmapIndicatorTracker, 1, "EUR/USD MACD sell (4H)"),
        (CurrencyStrengthTracker, 0, "Strongest now GBP (1H)"),
        (CurrencyStrengthTracker, 1, "Weakest now JPY (1H)"),
        (PriceAlert, 0, "EUR/USD above 1.1"),
    ] {
        assert_eq!(subject(&of(kind)[index..=index]), format!("{what}{}", at("18:30")));
    }
    for (kind, what) in [
        (AlertKind::RsiCorrelationTracker, "3 pairs correlation alert (1H)"),
        (HeatmapTracker, "3 pairs heatmap alert (Intraday)"),
        (HeatmapIndicatorTracker, "3 pairs MACD alert (4H)"),
        (CurrencyStrengthTracker, "Strongest now GBP, weakest now JPY (1H)"),
    ] {
        assert_eq!(subject(&of(kind)), format!("{what}{}", at("18:30")));
    }
}

#[test]
fn each_kind_shows_what_its_reader_needs() {
    for (kind, wanted) in [
        (
            AlertKind::RsiCorrelationTracker,
            &["71.23", "28.39", "70 / 30", "0.312", "moderate", "50 bars"][..],
        ),
        (AlertKind::HeatmapTracker, &["78.5 %", "21.5 %", "56.9", "Intraday", "EMA200", "109987.5"]),
        (
            AlertKind::HeatmapIndicatorTracker,
            &["MACD turned buy", "4.81235", "-0.00031", "3.9017", "2918.45"],
        ),
        (AlertKind::CurrencyStrengthTracker, &["GBP", "EUR", "100", "62.35", "CHF", "-100", "-12.67"]),
        (AlertKind::PriceAlert, &["Your level (above)", "1.1", "1.10003", "1.0994", "18:30 IST"]),
    ] {
        let Rendered { html, text, .. } = written("fxlabs", &of(kind)).unwrap();
        for part in wanted {
            assert!(
                visible(&html).contains(part) && text.contains(part),
                "{kind}: {part} is missing: {text}"
            );
        }
    }
}

#[test]
fn cells_of_a_heatmap_have_their_word_by_timeframe_and_their_reason_once() {
    let Rendered { html, text, .. } = written("fxlabs", &of(AlertKind::HeatmapTracker)[2..]).unwrap();
    assert!(text.contains("            5M    15M   30M   1H    \n"), "{text}");
    assert!(text.contains("  EMA21     Buy   Buy   Buy*  Buy   \n"), "{text}");
    assert!(text.contains("  EMA200    Buy   Buy   Buy         \n"), "a missing cell is empty: {text}");
    let reason = "close above EMA21 (5M, 15M, 1H); close above EMA21, crossed one bar ago (30M)";
    assert!(text.contains(reason) && visible(&html).contains(reason), "{text}");
    assert_eq!(html.matches("class=\"square ").count(), 7 * 4);
}

/// One strength trigger of the two, its detail as given.
fn leader(index: usize, detail: &str) -> Vec<TriggerFired> {
    let mut triggers = of(AlertKind::CurrencyStrengthTracker);
    triggers[index].detail = detail.into();
    vec![triggers.swap_remove(index)]
}

fn lines_of<'a>(text: &'a str, from: &str) -> Vec<&'a str> {
    text.lines().skip_while(|line| !line.contains(from)).skip(1).take(8).map(str::trim).collect()
}

#[test]
fn a_strength_mail_lists_every_currency_once_strongest_first() {
    let Rendered { html, text, .. } = written("fxlabs", &of(AlertKind::CurrencyStrengthTracker)).unwrap();
    let listed = lines_of(&text, "All currencies on 1H, strongest first").join("|").replace(' ', "");
    assert_eq!(listed, "GBP:100|EUR:88.21|AUD:21.44|NZD:4.3|USD:-12.67|CAD:-35.08|CHF:-71.5|JPY:-100");
    for (body, list) in [(&text, "All currencies"), (&visible(&html), "All currencies")] {
        assert_eq!(body.matches(list).count(), 1, "{body}");
    }
    assert_eq!(html.matches("-fill\"").count(), 8, "a bar a currency");
    assert!(!text.contains("as before"), "both roles changed hands");
}

#[test]
fn a_strength_mail_of_one_role_says_who_kept_the_other() {
    let all = of(AlertKind::CurrencyStrengthTracker);
    let Rendered { html, text, .. } = written("fxlabs", &all[..1]).unwrap();
    for body in [&visible(&html), &text] {
        assert!(body.contains("Weakest, as before"), "{body}");
    }
    assert!(text.contains("Weakest, as before:  JPY"), "{text}");
    let level = r#"{"role":"strongest","from":"EUR","to":"GBP","scores":{"CAD":-100,"GBP":100,"JPY":-100}}"#;
    let Rendered { text, .. } = written("fxlabs", &leader(0, level)).unwrap();
    assert!(!text.contains("as before"), "of two that are the weakest neither is named: {text}");
}

#[test]
fn a_currency_without_a_pair_stands_last_and_has_no_score() {
    let some = r#"{"role":"strongest","from":"EUR","to":"GBP","scores":{"AUD":null,"EUR":-100,"GBP":100}}"#;
    let Rendered { html, text, .. } = written("fxlabs", &leader(0, some)).unwrap();
    let listed = lines_of(&text, "All currencies on 1H")[..3].join("|").replace(' ', "");
    assert_eq!(listed, "GBP:100|EUR:-100|AUD:–");
    assert_eq!(html.matches("-fill\" width=\"1%\"").count(), 2, "nor a length");
}

#[test]
fn a_strength_trigger_of_older_rules_shows_the_leader_now_and_before() {
    let old = r#"{"role":"strongest","from":"EUR","to":"GBP"}"#;
    let Rendered { html, text, .. } = written("fxlabs", &leader(0, old)).unwrap();
    assert!(text.contains("GBP now:") && !text.contains("All currencies"), "{text}");
    assert_eq!(html.matches("-fill\"").count(), 2);
}

#[test]
fn a_price_alert_on_ticks_says_the_time_of_the_tick() {
    let mut triggers = of(AlertKind::PriceAlert);
    triggers[0].timeframe = None;
    triggers[0].close_time = "2026-03-04T13:07:41.25Z".parse().unwrap();
    triggers[0].detail = r#"{"side":"above","level":1.1,"on_close":null}"#.into();
    let Rendered { text, .. } = written("hextech", &triggers).unwrap();
    assert!(text.contains("At 2026-03-04 • 17:07 GST") && !text.contains("Bar closed"), "{text}");
}

#[test]
fn the_largest_groups_fit_and_pairs_without_a_card_are_named() {
    for kind in AlertKind::ALL {
        let all = of(kind);
        let many: Vec<TriggerFired> = all.iter().cycle().take(200).cloned().collect();
        let Rendered { html, text, .. } = written("hextech", &many).unwrap();
        assert!(html.len() < SHOWN, "{kind}: {} bytes", html.len());
        assert!(html.contains(" more: ") && text.contains(" more: "), "{kind}");
        let Rendered { html, .. } = written("hextech", &all).unwrap();
        assert!(html.len() < SHOWN / 2, "{kind}: {} bytes", html.len());
        assert!(!html.contains(" more: "), "{kind}");
    }
}

/// Every text that a detail can hold, with `mark` in it.
fn with_text(kind: AlertKind, mark: &str) -> Vec<TriggerFired> {
    let mut triggers = of(kind);
    for trigger in &mut triggers {
        let text = trigger.detail.as_str().replace("close above EMA21", mark);
        let end = text.len() - 1;
        trigger.detail = format!("{},\"text\":\"{mark}\"}}", &text[..end]).into();
    }
    triggers
}

#[test]
fn texts_of_a_trigger_are_shown_and_never_run() {
    for kind in AlertKind::ALL {
        let triggers = with_text(kind, "<script>alert(1)</script>{{ 7 * 7 }} & more");
        let Rendered { html, text, .. } = written("fxlabs", &triggers).unwrap();
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;{{ 7 * 7 }} &amp; more"), "{kind}");
        assert!(!html.contains("<script") && text.contains("<script>alert(1)</script>{{ 7 * 7 }} & more"));
        let hidden = written("fxlabs", &with_text(kind, r"a\u0007b"));
        let refused = matches!(hidden, Err(ComposeError::Render(RenderError::ControlCharacter { .. })));
        assert!(refused, "{kind}: {hidden:?}");
    }
}

#[test]
fn names_that_are_no_currency_or_pair_never_stand_in_a_subject() {
    let refused = |triggers: &[TriggerFired]| {
        matches!(written("fxlabs", triggers), Err(ComposeError::View(ViewError::Field { .. })))
    };
    for bad in [r"G\r\nBcc: a@b.example", "", "gbp", "GBPX", "<b>"] {
        for field in ["from", "to"] {
            let mut triggers = of(AlertKind::CurrencyStrengthTracker);
            let (from, to) = if field == "from" { (bad, "GBP") } else { ("GBP", bad) };
            let detail = format!(r#"{{"role":"strongest","from":"{from}","to":"{to}"}}"#);
            triggers[0].detail = detail.into();
            assert!(refused(&triggers), "{field} {bad:?}");
        }
        let scores = format!(r#"{{"role":"strongest","from":"EUR","to":"GBP","scores":{{"{bad}":1}}}}"#);
        assert!(refused(&leader(0, &scores)), "a score of {bad:?}");
    }
    for bad in [None, Some("EURUSD"), Some("-"), Some("EURUSD-<b>"), Some("EUR\r\nUSD-GBPUSD")] {
        let mut triggers = of(AlertKind::RsiCorrelationTracker);
        triggers[0].pair = bad.map(Into::into);
        assert!(refused(&triggers), "{bad:?}");
    }
}

#[test]
fn a_trigger_that_its_kind_does_not_write_is_an_error_and_no_mail() {
    for kind in AlertKind::ALL {
        let refused = |what: &str, change: &dyn Fn(&mut TriggerFired)| {
            let mut triggers = of(kind);
            let last = triggers.len() - 1;
            change(&mut triggers[last]);
            let mail = written("fxlabs", &triggers);
            assert!(
                matches!(mail, Err(ComposeError::View(ViewError::Field { .. }))),
                "{kind}, {what}: {mail:?}"
            );
        };
        refused("unreadable", &|trigger| trigger.detail = "[]".into());
        refused("of another kind", &|trigger| {
            let other =
                if kind == AlertKind::PriceAlert { AlertKind::RsiTracker } else { AlertKind::PriceAlert };
            trigger.detail = of(other)[0].detail.clone();
        });
        refused("of no condition of its own", &|trigger| {
            let is_rsi = kind == AlertKind::RsiTracker;
            trigger.condition = if is_rsi { Condition::Weakest } else { Condition::Oversold };
        });
        refused("about nothing", &|trigger| {
            (trigger.symbol, trigger.pair) = (None, None);
            if kind == AlertKind::CurrencyStrengthTracker {
                trigger.detail = r#"{"role":"weakest"}"#.into();
            }
        });
        assert!(matches!(written("fxlabs", &[]), Err(ComposeError::View(ViewError::Empty))));
    }
}

#[test]
fn a_mail_never_says_another_side_than_its_trigger() {
    for (kind, other) in [
        (AlertKind::HeatmapIndicatorTracker, Condition::Sell),
        (AlertKind::CurrencyStrengthTracker, Condition::Weakest),
        (AlertKind::PriceAlert, Condition::Below),
        (AlertKind::RsiCorrelationTracker, Condition::RealMismatch),
    ] {
        let mut triggers = of(kind);
        triggers[0].condition = other;
        let mail = written("fxlabs", &triggers);
        assert!(matches!(mail, Err(ComposeError::View(ViewError::Field { .. }))), "{kind}: {mail:?}");
    }
}

#[test]
fn numbers_that_are_missing_or_none_are_a_dash() {
    for kind in AlertKind::ALL {
        let mut triggers = of(kind);
        for trigger in &mut triggers {
            (trigger.value, trigger.previous, trigger.price) = (None, None, Some(f64::INFINITY));
        }
        let Rendered { html, text, .. } = written("fxlabs", &triggers).unwrap();
        assert!(html.contains('–') && text.contains('–'), "{kind}");
        assert!(!text.lines().any(|line| line.ends_with("inf") || line.ends_with("NaN")), "{kind}: {text}");
    }
}

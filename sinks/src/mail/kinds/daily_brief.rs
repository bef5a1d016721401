//! The mail of kind `daily_brief`: a tenant's market in the morning.

use bellwether_schemas::readings::Mover;
use serde::Serialize;

use super::card::{self, Tone};
use super::news::Item;
use super::own::Own;
use super::words::counted;
use crate::mail::brand::Look;
use crate::mail::error::ComposeError;
use crate::mail::frame::{Setting, Summary, picture_cid};
use crate::mail::kind::MailKind;
use crate::mail::render::Rendered;
use crate::mail::scheduled::{
    Brief, COLUMN, CORRELATION, Change, Coefficient, CoreSignal, OVERBOUGHT, OVERSOLD, Picture, ROW,
    RSI_TIMEFRAME, Rsi, STYLE,
};
use crate::mail::{local_time, number};

/// Said where nothing is known, or only what is too old.
const NO_DATA: &str = "no data";
/// Said where prices have stopped although they should not have: in its place, or behind what is known.
const DELAYED: &str = "data delayed";
/// Most symbols of a list of RSI; the others are counted.
const MOST_RSI: usize = 24;
/// Most items of news.
const MOST_NEWS: usize = 16;

/// What the templates of this kind show beside the frame.
#[derive(Debug, Clone, Serialize)]
struct View {
    style: &'static str,
    timeframes: Vec<&'static str>,
    rsi_timeframe: &'static str,
    signals: Vec<Signal>,
    picture: Option<PictureView>,
    rsi: [RsiList; 2],
    news: Vec<Item>,
    more_news: usize,
    correlations: Vec<Correlation>,
    correlation_timeframe: &'static str,
    window: i32,
    trending: Vec<Trend>,
    own: Option<Own>,
    /// The last words of the mail.
    coming: Option<String>,
}

/// A core symbol.
#[derive(Debug, Clone, Serialize)]
struct Signal {
    symbol: String,
    said: String,
    tone: Tone,
    is_closed: bool,
    /// Buy percent by timeframe, then of all.
    percents: Vec<String>,
}

/// Where the inline picture is found, how it is shown, and what it says to those who do not see it.
#[derive(Debug, Clone, Serialize)]
struct PictureView {
    cid: String,
    height: u32,
    row: u32,
    /// Percent of the width that a timeframe has, and what is left for all of them.
    column: u32,
    last_column: u32,
    alt: String,
}

/// Symbols beyond one of the two lines.
#[derive(Debug, Clone, Serialize)]
struct RsiList {
    title: &'static str,
    tone: Tone,
    line: String,
    symbols: Vec<Named>,
    more: usize,
}

/// A symbol and its number.
#[derive(Debug, Clone, Serialize)]
struct Named {
    symbol: String,
    value: String,
}

#[derive(Debug, Clone, Serialize)]
struct Correlation {
    title: &'static str,
    pair: String,
    value: String,
    aside: String,
}

#[derive(Debug, Clone, Serialize)]
struct Trend {
    symbol: String,
    value: String,
    tone: Tone,
}

/// Subject and bodies of a brief, which shows its picture where there is one.
pub(super) fn render(
    setting: Setting<'_>,
    brief: &Brief,
    picture: Option<&Picture>,
) -> Result<Rendered, ComposeError> {
    let look = setting.look;
    let view = view(look, brief, picture);
    let summary = Summary {
        what: "Daily morning brief".into(),
        preheader: preheader(&view),
        heading: "Daily morning brief".into(),
        subline: local_time::stamp(look.zone, brief.due),
        because: "the daily brief is on".into(),
        at: brief.due,
    };
    Ok(setting.render(MailKind::Brief, summary, &view)?)
}

/// The core signals; of a tenant without core symbols what else there is.
fn preheader(view: &View) -> String {
    if view.signals.is_empty() {
        let news = counted(view.news.len() + view.more_news, "item", "items");
        return format!("{news} of high-impact news today");
    }
    card::preheader(&view.signals, |signal| format!("{} {}", signal.symbol, signal.said))
}

fn view(look: &Look, brief: &Brief, picture: Option<&Picture>) -> View {
    let signals: Vec<Signal> = brief.signals.iter().map(|signal| self::signal(look, signal)).collect();
    let (correlation_timeframe, window) = CORRELATION;
    View {
        style: STYLE.title(),
        timeframes: STYLE.timeframes().iter().map(|timeframe| timeframe.code()).collect(),
        rsi_timeframe: RSI_TIMEFRAME.code(),
        picture: picture.map(|picture| picture_view(look, picture, &signals)),
        signals,
        rsi: [
            rsi_list(look, "Overbought", Tone::Overbought, OVERBOUGHT, &brief.overbought),
            rsi_list(look, "Oversold", Tone::Oversold, OVERSOLD, &brief.oversold),
        ],
        news: brief.news.iter().take(MOST_NEWS).map(|item| Item::new(look, item)).collect(),
        more_news: brief.news.len().saturating_sub(MOST_NEWS),
        correlations: correlations(look, brief),
        correlation_timeframe: correlation_timeframe.code(),
        window,
        trending: brief.trending.iter().map(|mover| trend(look, mover)).collect(),
        own: brief.own.as_ref().and_then(|followed| Own::of(look, followed, brief.due)),
        coming: brief
            .next
            .map(|next| format!("The next brief comes {}.", local_time::stamp(look.zone, next))),
    }
}

fn signal(look: &Look, signal: &CoreSignal) -> Signal {
    let score = signal.score.as_ref();
    let nothing = if signal.delayed { DELAYED } else { NO_DATA };
    let (said, tone) = score.map_or((nothing.into(), Tone::Plain), |score| {
        let buy = score.buy_percent;
        let (side, percent, tone) = match buy {
            buy if buy > 50.0 => ("BUY", buy, Tone::Overbought),
            buy if buy < 50.0 => ("SELL", 100.0 - buy, Tone::Oversold),
            even => ("EVEN", even, Tone::Plain),
        };
        let (wait, tone) = if score.acts { ("", tone) } else { (", wait", Tone::Plain) };
        let delayed = if signal.delayed { format!(", {DELAYED}") } else { String::new() };
        (format!("{side} {}{wait}{delayed}", number::percent(Some(percent))), tone)
    });
    let of_timeframe = |timeframe| score.and_then(|score| score.by_timeframe.get(timeframe).copied());
    let by_timeframe = STYLE.timeframes().iter().map(of_timeframe);
    let all = score.map(|score| score.buy_percent);
    Signal {
        symbol: signal.symbol.display(&look.suffix),
        said,
        tone,
        is_closed: !signal.open,
        percents: by_timeframe.chain([all]).map(number::tenths).collect(),
    }
}

fn picture_view(look: &Look, picture: &Picture, signals: &[Signal]) -> PictureView {
    let timeframes = STYLE.timeframes();
    let row = |signal: &Signal| {
        let columns = timeframes.iter().map(|timeframe| timeframe.code()).chain(["all"]);
        let cells: Vec<String> =
            columns.zip(&signal.percents).map(|(column, percent)| format!("{column} {percent}")).collect();
        format!("{}: {}.", signal.symbol, cells.join(", "))
    };
    let rows: Vec<String> = signals.iter().map(row).collect();
    let columns = u32::try_from(timeframes.len()).unwrap_or_default() * COLUMN;
    PictureView {
        cid: picture_cid(look),
        height: picture.height,
        row: ROW,
        column: COLUMN,
        last_column: 100 - columns,
        alt: format!("Heatmap, buy percent. {}", rows.join(" ")),
    }
}

fn rsi_list(look: &Look, title: &'static str, tone: Tone, line: f64, all: &[Rsi]) -> RsiList {
    let named = |rsi: &Rsi| Named {
        symbol: rsi.symbol.display(&look.suffix),
        value: number::reading(Some(rsi.value)),
    };
    RsiList {
        title,
        tone,
        line: number::line(line),
        symbols: all.iter().take(MOST_RSI).map(named).collect(),
        more: all.len().saturating_sub(MOST_RSI),
    }
}

fn correlations(look: &Look, brief: &Brief) -> Vec<Correlation> {
    let pair = |coefficient: &Coefficient| {
        coefficient.legs.each_ref().map(|leg| leg.display(&look.suffix)).join("–")
    };
    let value = |value: f64| number::coefficient(Some(value));
    let largest = brief.largest.as_ref().map(|largest| Correlation {
        title: "Strongest",
        pair: pair(largest),
        value: value(largest.value),
        aside: strength(largest.value).into(),
    });
    let changed = brief.changed.as_ref().map(|Change { now, before, since }| Correlation {
        title: "Changed most",
        pair: pair(now),
        value: value(now.value),
        aside: format!("was {} in the brief of {since}", value(*before)),
    });
    largest.into_iter().chain(changed).collect()
}

/// The word of the correlation alert.
fn strength(coefficient: f64) -> &'static str {
    match coefficient.abs() {
        strong if strong >= 0.70 => "strong",
        moderate if moderate >= 0.30 => "moderate",
        _ => "weak",
    }
}

fn trend(look: &Look, mover: &Mover) -> Trend {
    let tone = if mover.percent < 0.0 { Tone::Oversold } else { Tone::Overbought };
    Trend { symbol: mover.symbol.display(&look.suffix), value: format!("{:+.2} %", mover.percent), tone }
}

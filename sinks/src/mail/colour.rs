//! Colours of a mail: a brand's own, the shared ones, and what makes a brand's text legible on either ground.

use bellwether_runtime::config::Colour;
use serde::Serialize;

/// Least ratio of luminance between text and its ground (WCAG 2, level AA).
pub(crate) const CONTRAST: f64 = 4.5;

/// What all brands share: light ground.
const PAGE: Colour = Colour::new(0xf5, 0xf7, 0xfb);
const CARD: Colour = Colour::WHITE;
const BORDER: Colour = Colour::new(0xe5, 0xe7, 0xeb);
const MUTED: Colour = Colour::new(0x6b, 0x72, 0x80);
/// Small print inside a tinted card, where muted would be too pale.
const LABEL: Colour = Colour::new(0x4b, 0x55, 0x63);
const OVERBOUGHT: Tint = Tint { ground: Colour::new(0xec, 0xfd, 0xf3), tone: Colour::new(0x04, 0x78, 0x57) };
const OVERSOLD: Tint = Tint { ground: Colour::new(0xfe, 0xf2, 0xf2), tone: Colour::new(0xb9, 0x1c, 0x1c) };

/// The two sides of a market where no text stands on them: parts of a bar, by day and by night.
const BUY: Colour = Colour::new(0x0c, 0xcc, 0x7c);
const SELL: Colour = Colour::new(0xe5, 0x49, 0x4d);

/// The same at night.
const NIGHT_PAGE: Colour = Colour::new(0x10, 0x14, 0x1f);
const NIGHT_CARD: Colour = Colour::new(0x1b, 0x22, 0x31);
const NIGHT_BORDER: Colour = Colour::new(0x33, 0x3d, 0x50);
const NIGHT_INK: Colour = Colour::new(0xf1, 0xf4, 0xf9);
const NIGHT_MUTED: Colour = Colour::new(0xa9, 0xb4, 0xc6);
const NIGHT_OVERBOUGHT: Tint =
    Tint { ground: Colour::new(0x0d, 0x33, 0x28), tone: Colour::new(0x6e, 0xe7, 0xb7) };
const NIGHT_OVERSOLD: Tint =
    Tint { ground: Colour::new(0x41, 0x1b, 0x21), tone: Colour::new(0xfc, 0xa5, 0xa5) };

/// A ground and the tone of text that reads on it: what tells one side of a market from the other.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Tint {
    ground: Colour,
    tone: Colour,
}

/// Everything a template may colour with, light.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Palette {
    page: Colour,
    card: Colour,
    border: Colour,
    muted: Colour,
    label: Colour,
    bar: Colour,
    on_bar: Colour,
    ink: Colour,
    link: Colour,
    buy: Colour,
    sell: Colour,
    overbought: Tint,
    oversold: Tint,
    /// Neither side.
    plain: Tint,
}

/// Everything a template may colour with, dark.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Night {
    page: Colour,
    card: Colour,
    border: Colour,
    ink: Colour,
    muted: Colour,
    link: Colour,
    overbought: Tint,
    oversold: Tint,
    plain: Tint,
}

/// The colours of a brand's web page, as those of its mails.
#[derive(Debug, Clone, Serialize)]
pub struct PageColours {
    day: Palette,
    night: Night,
}

impl PageColours {
    /// Those of the brand with these three colours.
    #[must_use]
    pub fn of(bar: Colour, ink: Colour, accent: Colour) -> Self {
        Self { day: Palette::of(bar, ink, accent), night: Night::of(accent) }
    }
}

impl Palette {
    /// The shared colours and a brand's three, moved as far as legibility asks.
    pub(crate) fn of(bar: Colour, ink: Colour, accent: Colour) -> Self {
        let on_bar = if ink.contrast(bar) >= CARD.contrast(bar) { ink } else { CARD };
        let ink = legible(ink, &[CARD, PAGE, OVERBOUGHT.ground, OVERSOLD.ground]);
        Self {
            page: PAGE,
            card: CARD,
            border: BORDER,
            muted: MUTED,
            label: LABEL,
            bar,
            on_bar: legible(on_bar, &[bar]),
            ink,
            link: legible(accent, &[CARD, PAGE]),
            buy: BUY,
            sell: SELL,
            overbought: OVERBOUGHT,
            oversold: OVERSOLD,
            plain: Tint { ground: PAGE, tone: ink },
        }
    }
}

impl Night {
    pub(crate) fn of(accent: Colour) -> Self {
        Self {
            page: NIGHT_PAGE,
            card: NIGHT_CARD,
            border: NIGHT_BORDER,
            ink: NIGHT_INK,
            muted: NIGHT_MUTED,
            link: legible(accent, &[NIGHT_CARD, NIGHT_PAGE]),
            overbought: NIGHT_OVERBOUGHT,
            oversold: NIGHT_OVERSOLD,
            plain: Tint { ground: NIGHT_PAGE, tone: NIGHT_INK },
        }
    }
}

/// The text that is hardest to read on its ground in a brand's mails, and how it contrasts.
pub(crate) fn least_contrast(bar: Colour, ink: Colour, accent: Colour) -> (&'static str, f64) {
    let pairs = pairs(&Palette::of(bar, ink, accent), &Night::of(accent));
    let ratios = pairs.into_iter().map(|(what, text, ground)| (what, text.contrast(ground)));
    ratios.min_by(|one, other| one.1.total_cmp(&other.1)).unwrap_or(("nothing", f64::INFINITY))
}

/// Every text of a mail and what it stands on.
fn pairs(palette: &Palette, night: &Night) -> Vec<(&'static str, Colour, Colour)> {
    let mut pairs = vec![
        ("name on bar", palette.on_bar, palette.bar),
        ("muted on page", palette.muted, palette.page),
        ("muted on card", palette.muted, palette.card),
        ("link on page", palette.link, palette.page),
        ("link on card", palette.link, palette.card),
        ("ink on card", palette.ink, palette.card),
        ("ink on page", palette.ink, palette.page),
        ("night ink on page", night.ink, night.page),
        ("night ink on card", night.ink, night.card),
        ("night ink on notice", night.ink, night.border),
        ("night muted on page", night.muted, night.page),
        ("night muted on card", night.muted, night.card),
        ("night link on page", night.link, night.page),
        ("night link on card", night.link, night.card),
    ];
    for side in [palette.overbought, palette.oversold, palette.plain] {
        pairs.push(("tone on plain", side.tone, palette.plain.ground));
        pairs.push(("tone", side.tone, side.ground));
        pairs.push(("ink in a side", palette.ink, side.ground));
        pairs.push(("label in a side", palette.label, side.ground));
    }
    for side in [night.overbought, night.oversold, night.plain] {
        pairs.push(("night tone on plain", side.tone, night.plain.ground));
        pairs.push(("night tone", side.tone, side.ground));
        pairs.push(("night ink in a side", night.ink, side.ground));
        pairs.push(("night label in a side", night.muted, side.ground));
    }
    pairs
}

/// The colour moved towards dark grey or white, whichever the grounds call for, until it reads on all of them.
fn legible(colour: Colour, grounds: &[Colour]) -> Colour {
    let reads = |colour: &Colour| grounds.iter().all(|ground| colour.contrast(*ground) >= CONTRAST);
    let mut steps = (0..=20u8).flat_map(|step| [mixed(colour, 0x11, step), mixed(colour, 0xff, step)]);
    steps.find(reads).unwrap_or(colour)
}

/// `step` twentieths of the way to a grey of that level.
fn mixed(colour: Colour, level: u8, step: u8) -> Colour {
    let mix = |part: u8| {
        let sum = u16::from(part) * u16::from(20 - step) + u16::from(level) * u16::from(step);
        u8::try_from(sum / 20).unwrap_or(u8::MAX)
    };
    Colour::new(mix(colour.red), mix(colour.green), mix(colour.blue))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_reads_on_its_ground_by_day_and_by_night_whatever_the_brand() {
        for [bar, ink, accent] in [
            ["#07c05c", "#19235d", "#0b7a3e"],
            ["#2e1065", "#2e1065", "#b45309"],
            ["#ffffff", "#ffffff", "#ffff00"],
            ["#000000", "#777777", "#111111"],
            ["#808080", "#808080", "#808080"],
        ] {
            let [bar, ink, accent] = [bar, ink, accent].map(|text| text.parse().unwrap());
            for (what, text, ground) in pairs(&Palette::of(bar, ink, accent), &Night::of(accent)) {
                let contrast = text.contrast(ground);
                assert!(contrast >= CONTRAST, "{what}: {text} on {ground} has {contrast:.2}");
            }
        }
    }
}

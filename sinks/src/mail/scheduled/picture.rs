//! The picture of the daily brief: a row for each core symbol, a column for each of the style's timeframes, and a bar
//! for them all. Only filled rectangles on whole pixels, without anti-aliasing and without instructions of one machine:
//! the same numbers give the same bytes everywhere. It has no words: those stand beside it.

use std::sync::Arc;

use tiny_skia::{Color, Paint, Pixmap, Rect, Transform};

use super::brief::{CoreSignal, Score};
use super::gather::STYLE;

/// Height of a symbol's row as it is shown, in the pixels of HTML.
pub(crate) const ROW: u32 = 44;
/// Pixels drawn for each of those, for sharp screens.
const SCALE: u32 = 2;
/// Width in pixels. A mail stretches it to the room that it has: rectangles do not mind.
const WIDTH: u32 = 800;
/// What a timeframe's column takes of the width, percent; the bar takes the rest.
pub(crate) const COLUMN: u32 = 15;
/// Between rectangles.
const GAP: u32 = 4;
/// Width of the frame that stands for a value that is missing.
const LINE: u32 = 2;
/// Height of the bar.
const BAR: u32 = 28;

/// Dark by day and by night: reads on a light page and does not glare on a dark one.
const GROUND: Shade = Shade(0x1b, 0x22, 0x31);
const SELL: Shade = Shade(0xe5, 0x49, 0x4d);
const MIDDLE: Shade = Shade(0x64, 0x70, 0x84);
const BUY: Shade = Shade(0x0c, 0xcc, 0x7c);
const FRAME: Shade = Shade(0x47, 0x52, 0x66);
const MARK: Shade = Shade(0xf1, 0xf4, 0xf9);

/// A picture inside a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The bytes of a PNG file.
    pub png: Arc<[u8]>,
    /// Height at which it is shown; it is as wide as there is room.
    pub height: u32,
}

/// Red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shade(u8, u8, u8);

/// None where there are no symbols.
pub(super) fn heatmap(signals: &[CoreSignal]) -> Option<Picture> {
    let height = ROW * u32::try_from(signals.len()).ok()?;
    let mut canvas = Canvas(Pixmap::new(WIDTH, height * SCALE)?);
    canvas.0.fill(GROUND.colour());
    for (signal, top) in signals.iter().zip((0..).step_by((ROW * SCALE) as usize)) {
        canvas.row(signal.score.as_ref(), top);
    }
    let png = canvas.0.encode_png().ok()?;
    Some(Picture { png: png.into(), height })
}

struct Canvas(Pixmap);

impl Canvas {
    fn row(&mut self, score: Option<&Score>, top: u32) {
        let column = WIDTH * COLUMN / 100;
        let mut left = 0;
        for timeframe in STYLE.timeframes() {
            let percent = score.and_then(|score| score.by_timeframe.get(timeframe));
            let cell = [left + GAP, top + GAP, column - 2 * GAP, ROW * SCALE - 2 * GAP];
            match percent {
                Some(percent) => self.fill(cell, Shade::of(*percent)),
                None => self.frame(cell),
            }
            left += column;
        }
        let bar = [left + 2 * GAP, top + (ROW * SCALE - BAR) / 2, WIDTH - left - 4 * GAP, BAR];
        self.bar(bar, score);
    }

    /// Buyers from the left, sellers from the right, and a mark where they would be equal.
    fn bar(&mut self, bar: [u32; 4], score: Option<&Score>) {
        let Some(score) = score else { return self.frame(bar) };
        let [left, top, width, height] = bar;
        let buyers = width * thousandths(score.buy_percent) / 1_000;
        self.fill([left, top, width, height], SELL);
        self.fill([left, top, buyers, height], BUY);
        self.fill([left + width / 2 - LINE / 2, top - LINE * 2, LINE, height + LINE * 4], MARK);
    }

    /// What a missing value is: not the colour of any.
    fn frame(&mut self, [left, top, width, height]: [u32; 4]) {
        self.fill([left, top, width, height], FRAME);
        self.fill([left + LINE, top + LINE, width - 2 * LINE, height - 2 * LINE], GROUND);
    }

    #[expect(clippy::cast_precision_loss, reason = "pixels of a picture that is a few thousand wide")]
    fn fill(&mut self, [left, top, width, height]: [u32; 4], shade: Shade) {
        if width == 0 {
            // Which would be drawn as a line.
            return;
        }
        let mut paint = Paint { anti_alias: false, ..Paint::default() };
        paint.set_color(shade.colour());
        if let Some(area) = Rect::from_xywh(left as f32, top as f32, width as f32, height as f32) {
            self.0.fill_rect(area, &paint, Transform::identity(), None);
        }
    }
}

impl Shade {
    /// Of a buy percent: all sell, neither, all buy, and what is between.
    fn of(percent: f64) -> Self {
        let at = thousandths(percent);
        if at < 500 { SELL.towards(MIDDLE, at * 2) } else { MIDDLE.towards(BUY, at * 2 - 1_000) }
    }

    /// `part` thousandths of the way to `to`.
    fn towards(self, to: Self, part: u32) -> Self {
        let mix = |from: u8, to: u8| {
            let sum = u32::from(from) * (1_000 - part) + u32::from(to) * part;
            u8::try_from((sum + 500) / 1_000).unwrap_or(u8::MAX)
        };
        Self(mix(self.0, to.0), mix(self.1, to.1), mix(self.2, to.2))
    }

    fn colour(self) -> Color {
        Color::from_rgba8(self.0, self.1, self.2, u8::MAX)
    }
}

/// Whole thousandths, 0 to 1000.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn thousandths(percent: f64) -> u32 {
    (percent * 10.0).round().clamp(0.0, 1_000.0) as u32
}

#[cfg(test)]
mod tests;

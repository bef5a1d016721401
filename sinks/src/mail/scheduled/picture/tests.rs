use std::collections::BTreeMap;

use bellwether_schemas::Timeframe;
use ring::digest::{SHA256, digest};

use super::*;

/// Every timeframe of the style at that percent, and all of them together.
fn signal(percent: Option<f64>) -> CoreSignal {
    let by_timeframe = |percent| {
        STYLE.timeframes().iter().map(|timeframe| (*timeframe, percent)).collect::<BTreeMap<_, _>>()
    };
    CoreSignal {
        symbol: "EURUSDm".parse().unwrap(),
        open: true,
        delayed: false,
        score: percent.map(|buy_percent| Score {
            buy_percent,
            acts: true,
            by_timeframe: by_timeframe(buy_percent),
        }),
    }
}

fn drawn(signals: &[CoreSignal]) -> Pixmap {
    Pixmap::decode_png(&heatmap(signals).unwrap().png).unwrap()
}

fn pixel(picture: &Pixmap, x: u32, y: u32) -> Shade {
    let pixel = picture.pixel(x, y).unwrap();
    assert_eq!(pixel.alpha(), u8::MAX);
    Shade(pixel.red(), pixel.green(), pixel.blue())
}

#[test]
fn a_cell_has_the_colour_of_its_percent_and_one_without_data_that_of_none() {
    let row = ROW * SCALE;
    let percents = [Some(0.0), Some(50.0), Some(100.0), None, Some(75.0)];
    let picture = drawn(&percents.map(signal));
    let between = MIDDLE.towards(BUY, 500);
    for (line, shade) in (0..).zip([SELL, MIDDLE, BUY, GROUND, between]) {
        for column in 0..5 {
            let (x, y) = (column * WIDTH * COLUMN / 100 + 30, line * row + row / 2);
            assert_eq!(pixel(&picture, x, y), shade, "row {line}, column {column}");
        }
    }
    assert_eq!(pixel(&picture, GAP, 3 * row + GAP), FRAME, "a frame where there is no data");
    assert_eq!(pixel(&picture, 0, 0), GROUND);
}

#[test]
fn the_bar_is_as_long_as_there_are_buyers() {
    let (middle, columns) = (ROW * SCALE / 2, 5 * WIDTH * COLUMN / 100);
    let green = |percent: f64| {
        let picture = drawn(&[signal(Some(percent))]);
        (columns..WIDTH).filter(|x| pixel(&picture, *x, middle) == BUY).count()
    };
    let width = (WIDTH - columns - 4 * GAP) as usize;
    assert_eq!((green(0.0), green(25.0), green(100.0)), (0, width / 4, width - LINE as usize));
}

#[test]
fn a_missing_timeframe_is_a_frame_and_a_missing_symbol_a_row_of_them() {
    let mut some = signal(Some(80.0));
    if let Some(score) = &mut some.score {
        score.by_timeframe.remove(&Timeframe::H4);
    }
    let picture = drawn(&[some]);
    let last = 4 * WIDTH * COLUMN / 100;
    assert_eq!(pixel(&picture, last + 30, ROW), GROUND);
    assert_eq!(pixel(&picture, last + GAP, ROW), FRAME);
    assert_ne!(pixel(&picture, last - 30, ROW), GROUND);
}

/// Written down once. Other bytes on some machine are other bytes for some reader: find out why before changing it.
#[test]
fn the_same_numbers_are_the_same_bytes_everywhere() {
    let signals = [Some(78.46), Some(25.13), None, Some(57.14)].map(signal);
    let picture = heatmap(&signals).unwrap();
    let hash: String =
        digest(&SHA256, &picture.png).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hash, "4fafc4fa85b025f3c36ee5d3f01c8c55dacba58a2e462f104b46ffe8e6645c27");
    assert_eq!(picture.height, 4 * ROW);
}

#[test]
fn the_largest_picture_is_small_and_none_is_drawn_of_nothing() {
    let all: Vec<CoreSignal> = (0..12).map(|n| signal(Some(f64::from(n) * 8.3))).collect();
    let bytes = heatmap(&all).unwrap().png.len();
    assert!(bytes <= 30 * 1024, "{bytes} bytes");
    assert_eq!(heatmap(&[]), None);
    assert!(heatmap(&[signal(Some(f64::NAN)), signal(Some(1e300)), signal(Some(-5.0))]).is_some());
}

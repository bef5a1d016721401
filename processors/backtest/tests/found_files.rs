//! Files as strangers have them: headers of other programs, files put together or cut off, rows that are no prices.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use bellwether_backtest::BacktestError;
use bellwether_producers::InputError;

use support::{Ask, Place, Ran};

const RSI: &str = r#"[{"kind": "rsi_tracker", "timeframe": "1H", "name": "mine"}]"#;
/// Twenty minutes, each as time, open, high, low, close.
fn rows() -> Vec<[String; 5]> {
    let row = |minute: u32| {
        let price = |points: u32| format!("1.3{:04}", 500 + points);
        let up = minute * 3 % 7;
        [format!("2012-02-01 00:{minute:02}"), price(up), price(up + 4), price(up - up.min(2)), price(up + 1)]
    };
    (0..20).map(row).collect()
}

/// Those rows under a header, their cells in this order.
fn table(header: &str, order: [usize; 5], rows: &[[String; 5]]) -> String {
    let row = |row: &[String; 5]| order.map(|cell| row[cell].as_str()).join(",");
    let lines = std::iter::once(header.to_owned()).chain(rows.iter().map(row));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

const USUAL: &str = "time,open,high,low,close";
const IN_ORDER: [usize; 5] = [0, 1, 2, 3, 4];

fn run(place: &Place, input: &str) -> Ran {
    place.run(&Ask { inputs: &[input], alerts: RSI, ..Ask::default() })
}

fn fails(place: &Place, input: &str) -> InputError {
    let ran = place.attempt(&Ask { inputs: &[input], alerts: RSI, ..Ask::default() }).map(drop);
    match ran.unwrap_err() {
        BacktestError::Input(error) => error,
        other => unreachable!("{other}"),
    }
}

fn notices(ran: &Ran) -> String {
    ran.finished.summary.notices.join("\n")
}

#[test]
fn a_header_with_strange_names_beside_the_usual_is_read_by_name() {
    let place = Place::new();
    place.write("usual", table(USUAL, IN_ORDER, &rows()));
    let expected = run(&place, "EURUSD=usual").readings;
    let with = |text: String| text.replace('\n', ",1.3,1.3\n");
    let plots = with(table("time,close,high,low,open", [0, 4, 2, 3, 1], &rows())).replacen(
        "1.3,1.3",
        "50 EMA,200 EMA",
        1,
    );
    place.write("plots", plots);
    place.write("index", table(",open,high,low,close", IN_ORDER, &rows()));
    place.write("german", table("Datum,Schluss,Hoch,Tief,Er\u{f6}ffnung", [0, 4, 2, 3, 1], &rows()));
    place.write("sierra", table("Date, Last, High, Low, Open", [0, 4, 2, 3, 1], &rows()));
    for name in ["plots", "index", "german", "sierra"] {
        let ran = run(&place, &format!("EURUSD={name}"));
        assert_eq!((&ran.readings, notices(&ran).as_str()), (&expected, ""), "{name}");
    }
}

#[test]
fn a_header_that_nobody_knows_is_not_read_by_position() {
    let place = Place::new();
    place.write("polish", table("Data,Zamkniecie,Najwyzszy,Najnizszy,Otwarcie", [0, 4, 2, 3, 1], &rows()));
    let said = fails(&place, "EURUSD=polish").to_string();
    let first: Vec<&str> = said.lines().take(3).collect();
    assert!(first[0].ends_with("form not recognised: give it the columns of one of those below"), "{said}");
    assert!(first[1].contains("a header \"Data,Zamkniecie,"), "{said}");
    assert!(first[2].contains("call the columns time, open, high, low, close"), "{said}");
}

#[test]
fn rows_without_a_header_are_bars_only_if_nearly_all_look_so() {
    let place = Place::new();
    // Open, low, high, close, as some write it: rows that stand still look like bars in every order.
    let mut mixed = rows();
    for row in &mut mixed[..8] {
        let open = row[1].clone();
        row[2..].fill(open);
    }
    let text = table("", [0, 1, 3, 2, 4], &mixed);
    place.write("olhc", text.trim_start());
    assert!(matches!(fails(&place, "EURUSD=olhc"), InputError::Form { .. }));
    place.write("ohlc", table("", IN_ORDER, &mixed).trim_start());
    assert_eq!(run(&place, "EURUSD=ohlc").finished.summary.ticks, 80);
}

#[test]
fn rows_before_a_header_in_the_middle_are_not_lost() {
    let place = Place::new();
    let (first, second) = (rows()[..10].to_vec(), rows()[10..].to_vec());
    place.write(
        "joined",
        table("", IN_ORDER, &first).trim_start().to_owned() + &table(USUAL, IN_ORDER, &second),
    );
    let ran = run(&place, "EURUSD=joined");
    assert_eq!((ran.finished.summary.ticks, ran.finished.summary.unreadable), (80, 1));
    assert!(notices(&ran).contains("joined:11: 1 of 21 lines"), "{}", notices(&ran));
}

#[test]
fn a_last_line_that_is_cut_off_is_left_out_and_said() {
    let place = Place::new();
    let whole = table("time,open,high,low,close,volume", IN_ORDER, &rows());
    let whole = whole.lines().map(|line| line.to_owned() + ",12").collect::<Vec<_>>().join("\n");
    let whole = whole.replacen(",12", "", 1);
    // Within the close: a price all the same, and the wrong one.
    place.write("cut", &whole[..whole.len() - 6]);
    let ran = run(&place, "EURUSD=cut");
    assert_eq!((ran.finished.summary.ticks, ran.finished.summary.unreadable), (76, 1));
    assert!(notices(&ran).contains("the file is cut off: fetch it again"), "{}", notices(&ran));
    place.write("open", whole);
    let ran = run(&place, "EURUSD=open");
    assert_eq!((ran.finished.summary.ticks, notices(&ran).as_str()), (80, ""), "no end is needed");
}

#[test]
fn a_row_that_is_no_price_or_of_another_symbol_is_no_measure() {
    let place = Place::new();
    let mut zero = rows();
    zero.remove(9);
    // Behind a gap, where nothing is compared.
    zero[9][1..].fill("0".into());
    place.write("zero", table(USUAL, IN_ORDER, &zero));
    let ran = run(&place, "EURUSD=zero");
    let refused: Vec<_> = ran.finished.summary.refused.into_iter().collect();
    assert_eq!((refused, ran.finished.summary.unreadable), (vec![("malformed", 4)], 0));
    let both: Vec<String> = rows()
        .iter()
        .flat_map(|[time, prices @ ..]| {
            let ours = format!("{time},EUR_USD,{}", prices.join(","));
            [ours, format!("{time},FX:USDJPY,76.1,76.2,76.0,76.1")]
        })
        .collect();
    place.write("both", format!("time,symbol,open,high,low,close\n{}\n", both.join("\n")));
    let ran = run(&place, "EURUSD=both");
    let refused: Vec<_> = ran.finished.summary.refused.into_iter().collect();
    assert_eq!((refused, ran.finished.summary.unreadable), (vec![("unknown_symbol", 80)], 0));
}

#[test]
fn days_that_follow_each_other_tell_whether_the_month_comes_first() {
    let place = Place::new();
    let days = |days: &[u32]| {
        let mut all = Vec::new();
        for day in days {
            all.extend(rows().into_iter().map(|[time, prices @ ..]| {
                let time = format!("2/{day}/2012 0:{}", &time[14..]);
                format!("{time},{}\n", prices.join(","))
            }));
        }
        format!("{USUAL}\n{}", all.concat())
    };
    place.write("three", days(&[1, 2, 3]));
    let ran = run(&place, "EURUSD=three");
    assert_eq!(ran.finished.summary.first.unwrap().to_string(), "2012-02-01T00:00:00.000000Z");
    assert!(notices(&ran).contains("read with the month first"), "{}", notices(&ran));
    place.write("one", days(&[1]));
    assert!(matches!(fails(&place, "EURUSD=one"), InputError::DayOrMonth { .. }));
}

#[test]
fn columns_that_are_mixed_up_and_names_that_are_none_are_said() {
    let place = Place::new();
    place.write("mixed", table("time,open,low,high,close", IN_ORDER, &rows()));
    let said = notices(&run(&place, "EURUSD=mixed"));
    assert!(
        said.contains("mixed:2: 20 rows have their high below their low: are columns mixed up?"),
        "{said}"
    );
    assert_eq!(fails(&place, "EURUSD=EURUSD+.csv").exit_code(), 66);
    assert!(
        fails(&place, "EURUSD=EURUSD+.csv").to_string().contains("a + stands between"),
        "a suffix of brokers"
    );
    std::fs::create_dir(place.path("folder")).unwrap();
    assert!(fails(&place, "EURUSD=folder").to_string().ends_with("is a directory: name a file in it"));
}

#[test]
fn histdatas_archive_is_known_by_its_name_whatever_lies_in_it_is_called() {
    let place = Place::new();
    let lines: String = rows()
        .iter()
        .map(|[time, prices @ ..]| format!("2012.02.01,{},{},0\n", &time[11..], prices.join(",")))
        .collect();
    for name in ["DAT_MT_EURUSD_M1_201202.csv", "dat_mt_eurusd.csv", "HISTDATA_COM_MT_EURUSD_M1201202.csv"] {
        place.write(name, &lines);
        let ran = run(&place, &format!("EURUSD={name}"));
        assert_eq!(ran.finished.summary.first.unwrap().to_string(), "2012-02-01T05:00:00.000000Z", "{name}");
    }
    place.write("EURUSD1.csv", &lines);
    assert!(matches!(fails(&place, "EURUSD=EURUSD1.csv"), InputError::ZoneNeeded { .. }));
}

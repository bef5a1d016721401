//! The same alerts in every form: what is written one way and another reads back equal.

use bellwether_schemas::alerts::{
    CurrencyStrengthTracker, HeatmapIndicatorTracker, HeatmapTracker, PriceAlert, RsiCorrelationTracker,
    RsiTracker,
};
use bellwether_schemas::{Timeframe, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use super::*;

fn timeframe() -> impl Strategy<Value = Timeframe> {
    select(Timeframe::ALL.to_vec())
}

fn pairs() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(select(vec!["EURUSDm", "BTC/USD", "gbpusd", "a\"b\\c, {d}"]), 1..=3)
        .prop_map(|names| names.into_iter().map(String::from).collect())
}

fn words(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(words.to_vec()).prop_map(String::from)
}

fn parameters() -> impl Strategy<Value = AlertParameters> {
    let rsi = || (timeframe(), 5..=50, 60..=90, 10..=40);
    prop_oneof![
        rsi().prop_map(|(timeframe, rsi_period, rsi_overbought, rsi_oversold)| {
            AlertParameters::RsiTracker(RsiTracker { timeframe, rsi_period, rsi_overbought, rsi_oversold })
        }),
        (rsi(), words(&["rsi_threshold", "real_correlation"]), select(vec![20, 50, 90, 120])).prop_map(
            |((timeframe, rsi_period, rsi_overbought, rsi_oversold), mode, correlation_window)| {
                let own = RsiCorrelationTracker {
                    timeframe,
                    mode,
                    rsi_period,
                    rsi_overbought,
                    rsi_oversold,
                    correlation_window,
                };
                AlertParameters::RsiCorrelationTracker(own)
            }
        ),
        (pairs(), words(&["scalper", "swingTrader"]), 0..=100, 0..=100).prop_map(
            |(pairs, trading_style, buy_threshold, sell_threshold)| {
                let own = HeatmapTracker { pairs, trading_style, buy_threshold, sell_threshold };
                AlertParameters::HeatmapTracker(own)
            }
        ),
        (pairs(), timeframe(), words(&["EMA21", "utbot", "IchimokuClone"])).prop_map(
            |(pairs, timeframe, indicator)| {
                AlertParameters::HeatmapIndicatorTracker(HeatmapIndicatorTracker {
                    pairs,
                    timeframe,
                    indicator,
                })
            }
        ),
        timeframe().prop_map(|timeframe| {
            AlertParameters::CurrencyStrengthTracker(CurrencyStrengthTracker { timeframe })
        }),
        (
            (words(&["EURUSDm", "BTC/USD"]), 0.001..100_000.0, prop::option::of(0.001..100_000.0)),
            (
                prop::option::of(timeframe()),
                words(&["once", "every"]),
                prop::option::of(0_i64..4_000_000_000_000_000)
            ),
        )
            .prop_map(|((symbol, above, below), (on_close, fires, expires_at))| {
                let expires_at = expires_at.map(Timestamp);
                AlertParameters::PriceAlert(PriceAlert {
                    symbol,
                    above: Some(above),
                    below,
                    on_close,
                    fires,
                    expires_at,
                })
            }),
    ]
}

/// Names that every form has to quote or to escape somewhere.
fn name() -> impl Strategy<Value = String> {
    let piece = select(vec!["a", "Ü", "'", "\"", ",", ";", "\t", "\n", "\\", "\\N", " ", "$$", "--", ")"]);
    prop::collection::vec(piece, 1..6).prop_map(|pieces| format!("x{}x", pieces.concat()))
}

fn alerts() -> impl Strategy<Value = Vec<Alert>> {
    let one = (parameters(), any::<u128>(), any::<u128>(), name(), any::<bool>());
    prop::collection::vec(one, 1..8).prop_map(|drawn| {
        let alert = |(place, (parameters, id, user, name, active))| Alert {
            place,
            name,
            settings: Vec::new(),
            id: AlertId(Uuid::from_u128(id)),
            user_id: UserId(Uuid::from_u128(user)),
            active,
            parameters,
        };
        (1..).zip(drawn).map(alert).collect()
    })
}

/// What the file has for one alert: columns and values, the kind among them; what is none is left out.
fn object(alert: &Alert) -> Vec<(String, Value)> {
    let common = [
        ("kind", alert.parameters.kind().name().into()),
        ("id", alert.id.to_string().into()),
        ("user_id", alert.user_id.to_string().into()),
        ("name", alert.name.clone().into()),
        ("is_active", alert.active.into()),
    ];
    let Value::Object(own) = alert.parameters.columns().unwrap() else { unreachable!() };
    let common = common.map(|(column, value): (&str, Value)| (column.to_owned(), value));
    common.into_iter().chain(own).filter(|(_, value)| !value.is_null()).collect()
}

fn as_json(alerts: &[Alert]) -> String {
    let objects = alerts.iter().map(|alert| Value::Object(object(alert).into_iter().collect()));
    Value::Array(objects.collect()).to_string()
}

/// How a form writes a value that is not there, and one that is.
struct Cells {
    none: &'static str,
    some: fn(&str) -> String,
}

/// A value as Postgres writes it: `t` and `f`, arrays in braces, times with a blank.
fn as_postgres(value: &Value) -> String {
    match value {
        Value::Bool(flag) => if *flag { "t" } else { "f" }.into(),
        Value::Array(names) => {
            let quoted = |name: &Value| {
                let name = name.as_str().unwrap().replace('\\', "\\\\").replace('"', "\\\"");
                format!("\"{name}\"")
            };
            format!("{{{}}}", names.iter().map(quoted).collect::<Vec<_>>().join(","))
        }
        Value::String(text)
            if text.ends_with('Z') && text.contains('T') && text.parse::<Timestamp>().is_ok() =>
        {
            text.replace('T', " ").replace('Z', "+00")
        }
        other => as_dashboard(other),
    }
}

/// A value as Supabase's dashboard writes it: JSON where it is no text.
fn as_dashboard(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), String::from)
}

type Write = fn(&Value) -> String;

fn rows(alerts: &[Alert], columns: &[String], write: Write, cells: &Cells) -> Vec<Vec<String>> {
    let row = |alert: &Alert| {
        let object = object(alert);
        let value =
            |column: &String| object.iter().find(|(name, _)| name == column).map(|(_, value)| write(value));
        columns
            .iter()
            .map(|column| value(column).map_or_else(|| cells.none.into(), |text| (cells.some)(&text)))
            .collect()
    };
    alerts.iter().map(row).collect()
}

/// Every column of these alerts and a few that tables have besides, in an order that `turn` chooses.
fn columns(alerts: &[Alert], turn: usize) -> Vec<String> {
    let own = alerts.iter().flat_map(object).map(|(column, _)| column);
    let all: BTreeSet<String> = own.chain(["created_at".into(), "user_email".into()]).collect();
    let mut all: Vec<String> = all.into_iter().collect();
    let turn = turn % all.len();
    all.rotate_left(turn);
    all
}

fn as_table(alerts: &[Alert], turn: usize, between: &str, end: &str, write: Write) -> String {
    let columns = columns(alerts, turn);
    let cells = Cells { none: "", some: |text| format!("\"{}\"", text.replace('"', "\"\"")) };
    let rows = rows(alerts, &columns, write, &cells);
    [columns].into_iter().chain(rows).map(|row| row.join(between) + end).collect()
}

/// Alerts of one kind after the other: what a dump's tables make of the order.
fn by_table(alerts: &[Alert]) -> Vec<Vec<Alert>> {
    let of = |kind| alerts.iter().filter(move |alert| alert.parameters.kind() == kind).cloned().collect();
    AlertKind::ALL.into_iter().map(of).filter(|alerts: &Vec<Alert>| !alerts.is_empty()).collect()
}

type WriteTable<'a> = &'a dyn Fn(&[Alert], &str, &[String]) -> String;

fn tables(alerts: &[Alert], turn: usize, write: WriteTable<'_>) -> String {
    let one = |alerts: Vec<Alert>| {
        let mut columns = columns(&alerts, turn);
        columns.retain(|column| column != "kind");
        write(&alerts, alerts[0].parameters.kind().table(), &columns)
    };
    by_table(alerts).into_iter().map(one).collect()
}

fn as_copy(alerts: &[Alert], turn: usize) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n");
    let cells = Cells { none: "\\N", some: escaped };
    let copy = |alerts: &[Alert], table: &str, columns: &[String]| {
        let rows = rows(alerts, columns, as_postgres, &cells);
        let lines: String = rows.into_iter().map(|row| row.join("\t") + "\n").collect();
        format!(
            "\n--\n-- Data for Name: {table}\n--\n\nCOPY public.{table} ({}) FROM stdin;\n{lines}\\.\n\n",
            columns.join(", ")
        )
    };
    let other = "COPY public.watchlist (id, symbol) FROM stdin;\n1\tEURUSD\n\\.\n";
    format!("SET client_encoding = 'UTF8';\n{other}{}", tables(alerts, turn, &copy))
}

fn as_inserts(alerts: &[Alert], turn: usize, with_columns: bool) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let cells = Cells { none: "NULL", some: quoted };
    let insert = |alerts: &[Alert], table: &str, columns: &[String]| {
        let create: Vec<String> =
            columns.iter().map(|column| format!("    {column} text DEFAULT 'a, b'::text")).collect();
        let create = format!(
            "CREATE TABLE public.{table} (\n{},\n    CONSTRAINT c CHECK ((id > 1))\n);\n",
            create.join(",\n")
        );
        let names = if with_columns { format!(" (\"{}\")", columns.join("\", \"")) } else { String::new() };
        let rows = rows(alerts, columns, as_dashboard, &cells);
        let rows: Vec<String> = rows.into_iter().map(|row| format!("({})", row.join(", "))).collect();
        format!("{create}INSERT INTO \"public\".\"{table}\"{names} VALUES {};\n", rows.join(", "))
    };
    tables(alerts, turn, &insert)
}

fn placed(alerts: Vec<Alert>) -> Vec<Alert> {
    let placed = |(place, alert)| Alert { place, ..alert };
    (1..).zip(alerts).map(placed).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn alerts_written_in_any_form_read_back_equal(alerts in alerts(), turn in 0_usize..20) {
        prop_assert_eq!(&parsed(&as_json(&alerts)), &alerts);
        for (between, end) in [(",", "\n"), (";", "\r\n"), ("\t", "\n")] {
            for write in [as_postgres as Write, as_dashboard] {
                prop_assert_eq!(&parsed(&as_table(&alerts, turn, between, end, write)), &alerts);
            }
        }
        let sorted = placed(by_table(&alerts).concat());
        for dump in [as_copy(&alerts, turn), as_inserts(&alerts, turn, true), as_inserts(&alerts, turn, false)] {
            prop_assert_eq!(&parsed(&dump), &sorted, "{}", dump);
        }
    }
}

#[test]
fn values_of_an_insert_are_literals_whatever_they_are_cast_to() {
    let insert = |values: &str| {
        format!(
            "/* ours */ insert into price_alerts as p (symbol, above, below, is_active) values {values} on conflict do nothing;"
        )
    };
    let alerts =
        parsed(&insert("('A', 1.5::numeric, default, true), (E'\\x42', '2'::text::numeric(5,2), NULL, 'f')"));
    let facts = alerts.iter().map(|alert| match &alert.parameters {
        AlertParameters::PriceAlert(own) => (own.symbol.clone(), own.above, alert.active),
        other => panic!("{other:?}"),
    });
    assert_eq!(facts.collect::<Vec<_>>(), [("A".into(), Some(1.5), true), ("B".into(), Some(2.0), false)]);
    assert_eq!(
        refused(&insert("('A', 'x', null, true)")),
        "line 1: above is \"x\", it must be a number such as 1.25"
    );
    let computed = refused(&insert("(lower('A'), 1, null, true)"));
    assert_eq!(computed, "line 1: symbol is lower('A'), it must be a value: nothing is computed here");
    let array =
        "insert into heatmap_tracker_alerts (pairs, created_at) values (array['A'::text, 'B'], now());";
    assert!(
        matches!(&parsed(array)[0].parameters, AlertParameters::HeatmapTracker(own) if own.pairs == ["A", "B"])
    );
}

#[test]
fn a_dump_that_has_no_alerts_to_give_says_why() {
    let other =
        "COPY public.watchlist (id) FROM stdin;\n1\n\\.\nINSERT INTO audit.price_alerts VALUES (1);\n";
    let told = refused(other);
    assert!(told.starts_with("is a dump without rows of an alert table (rsi_tracker_alerts, "), "{told}");
    assert!(told.ends_with("it has rows of price_alerts, watchlist"), "{told}");
    let unnamed = refused("SET a = 1;\nINSERT INTO public.price_alerts VALUES (1);\n");
    assert!(
        unnamed.starts_with("line 2: rows of price_alerts without the names of their columns"),
        "{unnamed}"
    );
    let query = refused("insert into price_alerts (symbol) select 'A';");
    assert_eq!(query, "line 1: only rows of VALUES can be read, not what a query gives");
    let short = refused("COPY price_alerts (symbol, above) FROM stdin;\nA\t1\nB\n\\.\n");
    assert_eq!(short, "line 3: has 1 values for 2 columns");
    assert_eq!(
        refused("insert into price_alerts (symbol) values ('A'"),
        "line 1: the file ends within a statement"
    );
}

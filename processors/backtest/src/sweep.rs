//! Settings to be compared: `rsi_overbought=65,70,75`, or every line of a range, `rsi_overbought=60..90`; several of
//! them as every combination.
//!
//! Each setting is an alert of its own in one run. The engine finds the lines that a bar reaches by a range query, whatever
//! their number, so a range costs what its triggers cost.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

/// Most combinations for one alert.
pub const MAX_COMBINATIONS: usize = 256;
/// Most digits of the numbers of a range.
const MAX_DIGITS: usize = 18;

/// One column and the values it is to take.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The alert's column that is varied.
    pub column: String,
    /// What it is set to, one after the other.
    pub values: Vec<Value>,
    /// The values are all lines of a range: those that no alert can have are left out of it.
    pub is_range: bool,
}

impl FromStr for Axis {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?}: use COLUMN=VALUE,VALUE such as rsi_overbought=65,70,75, or COLUMN=FROM..TO:STEP such as \
                 rsi_overbought=60..90 or above=1.25..1.30:0.005"
            )
        };
        let (column, values) = text.split_once('=').ok_or_else(wrong)?;
        if let Some((from, to)) = values.split_once("..").filter(|_| !column.trim().is_empty()) {
            let values = steps(from, to).map_err(|fault| format!("{text:?}: {fault}"))?;
            return Ok(Self { column: column.trim().into(), values, is_range: true });
        }
        let values: Vec<&str> = values.split(',').map(str::trim).collect();
        if column.trim().is_empty() || values.iter().any(|value| value.is_empty()) {
            return Err(wrong());
        }
        let read = |value: &&str| serde_json::from_str(value).unwrap_or_else(|_| Value::from(*value));
        Ok(Self { column: column.trim().into(), values: values.iter().map(read).collect(), is_range: false })
    }
}

/// Every value from one to the other, both with it where a step ends there. `to` may end with `:STEP`; without one it is 1.
fn steps(from: &str, to: &str) -> Result<Vec<Value>, String> {
    let (to, step) = to.split_once(':').unwrap_or((to, "1"));
    let [from, to, step] = [from, to, step].map(decimal);
    let (from, to, step) = (from?, to?, step?);
    let scale = from.1.max(to.1).max(step.1);
    let [from, to, step] = [from, to, step].map(|(value, own)| value * 10i128.pow(scale - own));
    if step <= 0 {
        return Err("the step must be above zero".into());
    }
    if to < from {
        return Err("the range ends before it begins".into());
    }
    let count = (to - from) / step + 1;
    if count > MAX_COMBINATIONS as i128 {
        return Err(format!(
            "{count} values, at most {MAX_COMBINATIONS} are run at once: take a larger step"
        ));
    }
    (0..count).map(|place| number(from + place * step, scale)).collect()
}

/// A decimal number as a whole one and its number of decimals.
fn decimal(text: &str) -> Result<(i128, u32), String> {
    let text = text.trim();
    let wrong = || format!("{text:?} is no number: a range is of numbers such as 60..90 or 1.25..1.30:0.005");
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.trim_start_matches('-').len() + decimals.len();
    if digits > MAX_DIGITS || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let value = format!("{whole}{decimals}").parse().map_err(|_| wrong())?;
    Ok((value, decimals.len() as u32))
}

/// A whole number where it is one: columns of whole numbers take no other.
fn number(value: i128, scale: u32) -> Result<Value, String> {
    let power = 10i128.pow(scale);
    if value % power == 0 {
        return i64::try_from(value / power).map(Value::from).map_err(|_| format!("{value} is too large"));
    }
    let sign = if value < 0 { "-" } else { "" };
    let (whole, decimals) = (value.abs() / power, value.abs() % power);
    let text = format!("{sign}{whole}.{decimals:0width$}", width = scale as usize);
    text.parse::<f64>().map(Value::from).map_err(|_| format!("{text} is no number"))
}

/// One column with one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The alert's column that was varied.
    pub column: String,
    /// The value that the column had in this run.
    pub value: Value,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::String(text) => write!(f, "{}={text}", self.column),
            other => write!(f, "{}={other}", self.column),
        }
    }
}

/// Every combination of the axes that concern an alert with these columns; one empty combination where none does.
///
/// # Errors
/// More than [`MAX_COMBINATIONS`].
pub fn combinations(axes: &[Axis], columns: &[String]) -> Result<Vec<Vec<Setting>>, String> {
    let mut all = vec![Vec::new()];
    for axis in axes.iter().filter(|axis| columns.contains(&axis.column)) {
        if all.len().saturating_mul(axis.values.len()) > MAX_COMBINATIONS {
            return Err(format!("the sweep gives an alert more than {MAX_COMBINATIONS} combinations"));
        }
        all = all.iter().flat_map(|before| extended(before, axis)).collect();
    }
    Ok(all)
}

fn extended(before: &[Setting], axis: &Axis) -> Vec<Vec<Setting>> {
    let with = |value: &Value| {
        let setting = Setting { column: axis.column.clone(), value: value.clone() };
        before.iter().cloned().chain([setting]).collect()
    };
    axis.values.iter().map(with).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(axes: &[&str], columns: &[&str]) -> Vec<String> {
        let axes: Vec<Axis> = axes.iter().map(|axis| axis.parse().unwrap()).collect();
        let columns: Vec<String> = columns.iter().map(|column| (*column).into()).collect();
        let all = combinations(&axes, &columns).unwrap();
        all.iter().map(|one| one.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn several_axes_are_every_combination_of_those_an_alert_has() {
        let axes = ["rsi_overbought=65,70", "timeframe=5M,1H", "above=1.5"];
        assert_eq!(
            said(&axes, &["rsi_overbought", "timeframe"]),
            [
                "rsi_overbought=65 timeframe=5M",
                "rsi_overbought=65 timeframe=1H",
                "rsi_overbought=70 timeframe=5M",
                "rsi_overbought=70 timeframe=1H",
            ]
        );
        assert_eq!(said(&axes, &["pairs"]), [""]);
    }

    #[test]
    fn values_are_numbers_where_they_read_as_such() {
        let axis: Axis = "timeframe=5M, 15".parse().unwrap();
        assert_eq!(axis.values, [Value::from("5M"), Value::from(15)]);
        for bad in ["rsi", "=1", "a=", "a=1,,2"] {
            assert!(bad.parse::<Axis>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_range_is_every_value_from_one_end_to_the_other() {
        let values = |text: &str| {
            let axis: Axis = text.parse().unwrap();
            assert!(axis.is_range);
            axis.values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(values("rsi_overbought=88..91"), "88 89 90 91");
        assert_eq!(values("buy_threshold = 50..60:4"), "50 54 58", "no step ends at 60");
        assert_eq!(values("above=1.08..1.1:0.005"), "1.08 1.085 1.09 1.095 1.1");
        assert_eq!(values("above=-0.1..0.1:0.1"), "-0.1 0 0.1");
        let all: Axis = "buy_threshold=0..100:0.5".parse().unwrap();
        assert_eq!((all.values.len(), &all.values[141]), (201, &Value::from(70.5)));
        for (bad, said) in [
            ("a=1..", "is no number"),
            ("a=5M..1H", "\"5M\" is no number"),
            ("a=1..2:0", "above zero"),
            ("a=1..2:-1", "above zero"),
            ("a=2..1", "ends before"),
            ("a=0..256", "257 values, at most 256"),
            ("a=1e3..2e3", "is no number"),
            ("=1..2", "use COLUMN="),
        ] {
            let error = bad.parse::<Axis>().unwrap_err();
            assert!(error.contains(said), "{bad}: {error}");
        }
    }

    #[test]
    fn the_number_of_combinations_is_bounded() {
        let many: Vec<String> = (0..17).map(|value| value.to_string()).collect();
        let axis: Axis = format!("a={}", many.join(",")).parse().unwrap();
        let two = [axis.clone(), Axis { column: "b".into(), ..axis }];
        assert!(combinations(&two, &["a".into(), "b".into()]).unwrap_err().contains("256"));
    }
}

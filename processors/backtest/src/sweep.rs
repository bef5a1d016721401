//! Settings to be compared: `rsi_overbought=65,70,75`, several of them as every combination.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

/// Most combinations for one alert.
pub const MAX_COMBINATIONS: usize = 256;

/// One column and the values it is to take.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The alert's column that is varied.
    pub column: String,
    /// What it is set to, one after the other.
    pub values: Vec<Value>,
}

impl FromStr for Axis {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?}: use COLUMN=VALUE,VALUE such as rsi_overbought=65,70,75");
        let (column, values) = text.split_once('=').ok_or_else(wrong)?;
        let values: Vec<&str> = values.split(',').map(str::trim).collect();
        if column.trim().is_empty() || values.iter().any(|value| value.is_empty()) {
            return Err(wrong());
        }
        let read = |value: &&str| serde_json::from_str(value).unwrap_or_else(|_| Value::from(*value));
        Ok(Self { column: column.trim().into(), values: values.iter().map(read).collect() })
    }
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
    fn the_number_of_combinations_is_bounded() {
        let many: Vec<String> = (0..17).map(|value| value.to_string()).collect();
        let axis: Axis = format!("a={}", many.join(",")).parse().unwrap();
        let two = [axis.clone(), Axis { column: "b".into(), ..axis }];
        assert!(combinations(&two, &["a".into(), "b".into()]).unwrap_err().contains("256"));
    }
}

//! Options of every command that reads files of market data.

use bellwether_producers::sources::{FileOptions, FormRef, Zone};
use clap::Args;

/// How files are read.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct FileArgs {
    /// The files' form, where it is not recognised: a name of `backtest --help-formats`.
    #[arg(long, value_name = "FORM", requires = "input")]
    format: Option<FormRef>,
    /// Zone of times that name none: UTC, ±HH:MM or Area/City. Required for MetaTrader's files [default: UTC]
    #[arg(long, value_name = "ZONE", requires = "input", allow_hyphen_values = true)]
    zone: Option<Zone>,
    /// Name, or number from 1, of the column that names the symbol: each input takes its own rows.
    #[arg(long, value_name = "COLUMN", requires = "input")]
    symbol_column: Option<String>,
    /// A bar whose close lies further from the one before, as a part of it, is absurd: 0.2, or off [default: the
    /// tenant's]
    #[arg(long, value_name = "X|off", requires = "input", value_parser = parse_band)]
    absurd_band: Option<f64>,
}

impl From<FileArgs> for FileOptions {
    fn from(args: FileArgs) -> Self {
        let FileArgs { format: form, zone, symbol_column, absurd_band } = args;
        Self { form, zone, symbol_column, absurd_band, ..Self::default() }
    }
}

/// `off` is 0: every bar is let through.
fn parse_band(text: &str) -> Result<f64, String> {
    if text == "off" {
        return Ok(0.0);
    }
    let band = text.parse().ok().filter(|band: &f64| band.is_finite() && *band > 0.0);
    band.ok_or_else(|| format!("{text:?} is no band: use a number above 0 such as 0.2, or off"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_is_a_number_above_0_or_off() {
        assert_eq!(parse_band("0.35"), Ok(0.35));
        assert_eq!(parse_band("off"), Ok(0.0));
        for bad in ["0", "-1", "NaN", "inf", "20%"] {
            assert!(parse_band(bad).unwrap_err().contains("or off"), "{bad}");
        }
    }
}

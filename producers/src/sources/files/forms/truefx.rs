//! `TrueFX`'s ticks: `EUR/USD,YYYYMMDD HH:MM:SS.mmm,bid,ask`, in UTC.

use super::{Form, Kind, Local, Order};
use crate::sources::files::columns::Column::{Ask, Bid, Symbol, Time};

/// The row names its pair.
pub(super) const TRUEFX: Form = Form {
    name: "truefx",
    title: "TrueFX, ticks",
    sample: "EUR/USD,20120201 00:00:00.123,1.30660,1.30677",
    rows: Kind::Ticks,
    local: Local::Utc,
    sparse: false,
    header: None,
    order: Some(Order {
        columns: &[Some(Symbol), Some(Time), Some(Bid), Some(Ask)],
        looks: |row| row.is_like(1, "00000000 00:00:00.000") && row.are_numbers(2..4),
        percent: 5,
    }),
};

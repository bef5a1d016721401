//! What every form of the file is read into: rows of named cells, each with the place where it stands.

use std::fmt;

use bellwether_schemas::alerts::AlertKind;
use serde_json::Value;

/// Where in the file something stands, as a person finds it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    /// Of a JSON array, from 1.
    Element(usize),
    /// Of a table or a dump, from 1.
    Line(u64),
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Element(number) => write!(f, "element {number}"),
            Self::Line(number) => write!(f, "line {number}"),
        }
    }
}

/// One value as its form has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// Nothing, which is the column's default.
    Null,
    /// A value that knows its type.
    Json(Value),
    /// A value as text, whose type is its column's.
    Text(String),
    /// SQL that would have to be computed.
    Expression(String),
}

/// One alert as the file has it, nothing checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) spot: Spot,
    /// The kind that the row's table belongs to, where it stands in one.
    pub(super) table: Option<AlertKind>,
    /// Column and value, in the file's order.
    pub(super) cells: Vec<(String, Cell)>,
}

impl Row {
    /// The first cell of that column.
    pub(super) fn get(&self, column: &str) -> &Cell {
        let found = self.cells.iter().find(|(name, _)| name == column);
        found.map_or(&Cell::Null, |(_, cell)| cell)
    }

    /// Whether it has that column, be it empty.
    pub(super) fn has(&self, column: &str) -> bool {
        self.cells.iter().any(|(name, _)| name == column)
    }
}

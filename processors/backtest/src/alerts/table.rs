//! A table with a header of columns: comma, semicolon or tab between its cells, as spreadsheets, psql and Supabase's
//! dashboard export it.

use csv::{ReaderBuilder, StringRecord};

use super::faults::Faults;
use super::row::{Cell, Row, Spot};

/// The rows under the header.
pub(super) fn rows(text: &str, faults: &mut Faults) -> Result<Vec<Row>, String> {
    // Lines are counted by their feeds, and right only where nothing stands before those.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut reader = ReaderBuilder::new()
        .delimiter(separator(&text))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    let header = match records.next() {
        Some(header) => header.map_err(|error| error.to_string())?,
        None => return Err("is empty".into()),
    };
    let columns: Vec<String> = header.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    let mut rows = Vec::new();
    for record in records {
        let record = record.map_err(|error| error.to_string())?;
        let spot = Spot::Line(record.position().map_or(0, csv::Position::line));
        if record.iter().skip(columns.len()).any(|cell| !cell.is_empty()) || record.len() < columns.len() {
            faults.add(spot, format!("has {} cells, the header has {}", record.len(), columns.len()));
            continue;
        }
        let cells = cells(&columns, &record);
        if cells.iter().any(|(_, cell)| *cell != Cell::Null) {
            rows.push(Row { spot, table: None, cells });
        }
    }
    if rows.is_empty() {
        return faults.clone().or(()).and(Err("has a header and no rows".into()));
    }
    Ok(rows)
}

/// A column without a name holds nothing of an alert; with something in it, it is one that nobody knows.
fn cells(columns: &[String], record: &StringRecord) -> Vec<(String, Cell)> {
    let cells = columns.iter().cloned().zip(record.iter().map(cell));
    cells.filter(|(name, cell)| !(name.is_empty() && *cell == Cell::Null)).collect()
}

fn cell(text: &str) -> Cell {
    match text.trim() {
        "" | "\\N" | "NULL" | "null" => Cell::Null,
        _ => Cell::Text(text.into()),
    }
}

/// The one of the three that the header has most of.
fn separator(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let times = |separator: &u8| header.bytes().filter(|byte| byte == separator).count();
    [b';', b'\t', b','].into_iter().max_by_key(times).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Row> {
        let mut faults = Faults::default();
        let rows = rows(text, &mut faults).unwrap();
        faults.or(rows).unwrap()
    }

    #[test]
    fn rows_know_their_lines_whatever_stands_between_the_cells_and_at_the_lines_end() {
        let comma = "kind,pairs,name\nrsi_tracker,,\"a\nb\"\n\n,,\nheatmap_tracker,\"[\"\"EURUSD\"\"]\",c\n";
        let rows = read(comma);
        assert_eq!(rows.iter().map(|row| row.spot).collect::<Vec<_>>(), [Spot::Line(2), Spot::Line(6)]);
        assert_eq!(rows[0].get("name"), &Cell::Text("a\nb".into()));
        assert_eq!(rows[1].get("pairs"), &Cell::Text(r#"["EURUSD"]"#.into()));
        for (between, end) in [(";", "\n"), ("\t", "\r\n"), (",", "\r")] {
            let lines =
                [["Kind", " name "], ["rsi_tracker", "a"], ["\\N", "b"]].map(|cells| cells.join(between));
            let rows = read(&(lines.join(end) + end));
            assert_eq!(rows[1].cells, [("kind".into(), Cell::Null), ("name".into(), Cell::Text("b".into()))]);
            assert_eq!(rows[1].spot, Spot::Line(3), "{between:?} {end:?}");
        }
    }

    #[test]
    fn a_row_of_another_length_and_a_table_without_rows_are_faults() {
        let fails = |text: &str| {
            let mut faults = Faults::default();
            rows(text, &mut faults).and_then(|_| faults.or(())).unwrap_err()
        };
        assert_eq!(fails("kind,name\nrsi_tracker\n"), "line 2: has 1 cells, the header has 2");
        assert_eq!(fails("kind,name\nrsi_tracker,a,b\n"), "line 2: has 3 cells, the header has 2");
        assert_eq!(fails("kind,name\n"), "has a header and no rows");
    }
}

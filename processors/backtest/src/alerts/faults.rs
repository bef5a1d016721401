//! What is wrong with a file of alerts, all of it at once: each fault with its place.

use super::row::Spot;

/// Faults that are shown; the rest is counted.
const SHOWN: usize = 10;
/// Longest text of somebody else's that an error repeats.
const LONGEST: usize = 60;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    spot: Spot,
    what: String,
}

/// Faults in the order in which they were found.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, spot: Spot, what: impl Into<String>) {
        self.0.push(Fault { spot, what: what.into() });
    }

    /// The value, if nothing was wrong.
    pub(super) fn or<T>(self, value: T) -> Result<T, String> {
        if self.0.is_empty() { Ok(value) } else { Err(self.told()) }
    }

    /// One fault on one line; of several their number, then a line each. What a whole table has is told once.
    fn told(&self) -> String {
        let mut groups: Vec<(&Fault, usize)> = Vec::new();
        for fault in &self.0 {
            match groups.iter().position(|(first, _)| first.what == fault.what) {
                Some(place) => groups[place].1 += 1,
                None if groups.len() <= SHOWN => groups.push((fault, 1)),
                None => {}
            }
        }
        if let [(fault, 1)] = groups[..] {
            return format!("{}: {}", fault.spot, fault.what);
        }
        let shown: usize = groups.iter().take(SHOWN).map(|(_, times)| times).sum();
        let mut lines = vec![format!("{} faults", self.0.len())];
        lines.extend(groups.iter().take(SHOWN).map(|(fault, times)| line(fault, *times)));
        if shown < self.0.len() {
            lines.push(format!("and {} more", self.0.len() - shown));
        }
        lines.join("\n  ")
    }
}

fn line(fault: &Fault, times: usize) -> String {
    let again = if times > 1 { format!(" (and {} times more)", times - 1) } else { String::new() };
    format!("{}: {}{again}", fault.spot, fault.what)
}

/// Text of the file, short enough for an error.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

/// ` (did you mean …?)` where one of the known words is near enough to be meant.
pub(super) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let nearest = known.into_iter().map(|known| (distance(&word.to_lowercase(), known), known)).min();
    match nearest {
        Some((steps, known)) if steps <= (known.chars().count() / 3).max(1) => {
            format!(" (did you mean {known}?)")
        }
        _ => String::new(),
    }
}

/// Letters to insert, delete or change until one is the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (place, a) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = place + 1;
        for (column, b) in b.iter().enumerate() {
            let changed = corner + usize::from(a != *b);
            corner = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_proposed_where_it_is_near() {
        let known = ["rsi_period", "rsi_overbought", "timeframe"];
        assert_eq!(did_you_mean("rsi_perid", known), " (did you mean rsi_period?)");
        assert_eq!(did_you_mean("Timeframe", known), " (did you mean timeframe?)");
        assert_eq!(did_you_mean("moon", known), "");
        assert_eq!([distance("abc", "abc"), distance("", "abc"), distance("kitten", "sitting")], [0, 3, 3]);
    }

    #[test]
    fn one_fault_is_one_line_and_a_tables_is_told_once() {
        let mut faults = Faults::default();
        faults.add(Spot::Line(2), "no kind");
        assert_eq!(faults.clone().or(()).unwrap_err(), "line 2: no kind");
        faults.add(Spot::Line(3), "no kind");
        (4..24).for_each(|line| faults.add(Spot::Line(line), format!("value {line}")));
        let told = faults.or(()).unwrap_err();
        assert!(
            told.starts_with("22 faults\n  line 2: no kind (and 1 times more)\n  line 4: value 4\n"),
            "{told}"
        );
        assert!(told.ends_with("line 12: value 12\n  and 11 more"), "{told}");
        assert_eq!(Faults::default().or(1), Ok(1));
    }
}

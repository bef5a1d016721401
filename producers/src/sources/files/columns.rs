//! What the columns of a file mean: by the names in its header, whatever their order, case and decoration.

/// What a column holds. `BidOpen` and the like are the columns without a side: bars of the bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// Date and time in one.
    Time,
    /// A date, or date and time where there is no other column for the time.
    Date,
    /// The time of the day beside a date.
    Clock,
    /// First price of a bar, of the bid.
    Open,
    /// Highest price of a bar.
    High,
    /// Lowest price of a bar.
    Low,
    /// Last price of a bar.
    Close,
    /// First price of a bar's ask.
    AskOpen,
    /// Highest ask.
    AskHigh,
    /// Lowest ask.
    AskLow,
    /// Last ask.
    AskClose,
    /// What a seller gets.
    Bid,
    /// What a buyer pays.
    Ask,
    /// The one price of a trade, or of a file that has one side only.
    Price,
    /// Whose prices these are.
    Symbol,
}

impl Column {
    /// What people call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Date => "date",
            Self::Clock => "time of the day",
            Self::Open => "open",
            Self::High => "high",
            Self::Low => "low",
            Self::Close => "close",
            Self::AskOpen => "ask open",
            Self::AskHigh => "ask high",
            Self::AskLow => "ask low",
            Self::AskClose => "ask close",
            Self::Bid => "bid",
            Self::Ask => "ask",
            Self::Price => "price",
            Self::Symbol => "symbol",
        }
    }
}

/// The four prices of a bar.
pub(super) const BAR: [Column; 4] = [Column::Open, Column::High, Column::Low, Column::Close];
/// The four prices of its ask.
pub(super) const ASK_BAR: [Column; 4] = [Column::AskOpen, Column::AskHigh, Column::AskLow, Column::AskClose];

/// Names as they stand in headers, English and German, in small letters and without anything but letters and digits.
/// Where two names of one meaning stand in a header, the one further up here is taken.
const NAMES: [(&str, Column); 82] = [
    ("unix", Column::Time),
    ("unixtime", Column::Time),
    ("unixtimestamp", Column::Time),
    ("epoch", Column::Time),
    ("timestamp", Column::Time),
    ("ts", Column::Time),
    ("datetime", Column::Time),
    ("gmttime", Column::Time),
    ("localtime", Column::Time),
    ("opentime", Column::Time),
    ("transacttime", Column::Time),
    ("timeutc", Column::Time),
    ("datetimeutc", Column::Time),
    ("timestamputc", Column::Time),
    ("t", Column::Time),
    ("datumzeit", Column::Time),
    ("zeitstempel", Column::Time),
    ("date", Column::Date),
    ("dtyyyymmdd", Column::Date),
    ("day", Column::Date),
    ("gmtdate", Column::Date),
    ("datum", Column::Date),
    ("time", Column::Clock),
    ("zeit", Column::Clock),
    ("uhrzeit", Column::Clock),
    ("open", Column::Open),
    ("o", Column::Open),
    ("bidopen", Column::Open),
    ("openbid", Column::Open),
    ("bido", Column::Open),
    ("mido", Column::Open),
    ("eröffnung", Column::Open),
    ("erster", Column::Open),
    ("high", Column::High),
    ("h", Column::High),
    ("bidhigh", Column::High),
    ("highbid", Column::High),
    ("bidh", Column::High),
    ("midh", Column::High),
    ("hoch", Column::High),
    ("low", Column::Low),
    ("l", Column::Low),
    ("bidlow", Column::Low),
    ("lowbid", Column::Low),
    ("bidl", Column::Low),
    ("midl", Column::Low),
    ("tief", Column::Low),
    ("close", Column::Close),
    ("c", Column::Close),
    ("bidclose", Column::Close),
    ("closebid", Column::Close),
    ("closelast", Column::Close),
    ("bidc", Column::Close),
    ("midc", Column::Close),
    ("schluss", Column::Close),
    ("schluß", Column::Close),
    ("schlusskurs", Column::Close),
    ("last", Column::Close),
    ("askopen", Column::AskOpen),
    ("openask", Column::AskOpen),
    ("asko", Column::AskOpen),
    ("askhigh", Column::AskHigh),
    ("highask", Column::AskHigh),
    ("askh", Column::AskHigh),
    ("asklow", Column::AskLow),
    ("lowask", Column::AskLow),
    ("askl", Column::AskLow),
    ("askclose", Column::AskClose),
    ("closeask", Column::AskClose),
    ("askc", Column::AskClose),
    ("bid", Column::Bid),
    ("bidprice", Column::Bid),
    ("ask", Column::Ask),
    ("askprice", Column::Ask),
    ("offer", Column::Ask),
    ("price", Column::Price),
    ("symbol", Column::Symbol),
    ("pair", Column::Symbol),
    ("instrument", Column::Symbol),
    ("ticker", Column::Symbol),
    ("currencypair", Column::Symbol),
    ("symbolname", Column::Symbol),
];

/// A name without case, brackets, spaces, quotes and underscores.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The zone that a name such as `Time (EET)` says, as it is written there.
pub(super) fn zone_of(name: &str) -> Option<&str> {
    let plain = plain(name);
    if plain.starts_with("gmt") {
        return Some("UTC");
    }
    let (_, zone) = name.split_once('(')?;
    let zone = zone.split(')').next()?.trim();
    (plain.starts_with("time") || plain.starts_with("date")).then_some(zone)
}

/// The columns of a header: for each cell what it holds, if it is anything that is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Columns(Vec<Option<Column>>);

impl Columns {
    /// Of a header's cells. Where none holds date and time in one, a lone `time` or `date` does.
    pub(super) fn of_header(cells: &[String]) -> Self {
        let mut found: Vec<Option<(usize, Column)>> = cells.iter().map(|cell| known(cell)).collect();
        for (rank, (_, column)) in NAMES.iter().enumerate() {
            if found.iter().flatten().any(|(at, _)| *at == rank) {
                let keep = found.iter().position(|cell| cell.is_some_and(|(at, _)| at == rank));
                drop_others(&mut found, *column, keep);
            }
        }
        let mut columns = Self(found.into_iter().map(|cell| cell.map(|(_, column)| column)).collect());
        columns.settle_time();
        if !columns.has_time() && cells.first().is_some_and(String::is_empty) && columns.known() > 0 {
            // How pandas writes an index of times that has no name.
            columns.0[0] = Some(Column::Time);
        }
        if columns.has(&BAR[..3]) && columns.place(Column::Close).is_none() {
            columns.rename(Column::Price, Column::Close);
        }
        columns
    }

    /// In this order, without a header. What is none is not read.
    pub(super) fn in_order(columns: &[Option<Column>]) -> Self {
        Self(columns.to_vec())
    }

    /// One column for date and time where there is one, else a date with a clock beside it.
    fn settle_time(&mut self) {
        let has = |columns: &Self, column| columns.place(column).is_some();
        if has(self, Column::Time) {
            self.forget(Column::Date);
            self.forget(Column::Clock);
        } else if has(self, Column::Clock) && !has(self, Column::Date) {
            self.rename(Column::Clock, Column::Time);
        } else if has(self, Column::Date) && !has(self, Column::Clock) {
            self.rename(Column::Date, Column::Time);
        }
    }

    fn forget(&mut self, column: Column) {
        self.0.iter_mut().filter(|cell| **cell == Some(column)).for_each(|cell| *cell = None);
    }

    fn rename(&mut self, from: Column, to: Column) {
        self.0.iter_mut().filter(|cell| **cell == Some(from)).for_each(|cell| *cell = Some(to));
    }

    /// The cell at this place holds what is named.
    pub(super) fn set(&mut self, place: usize, column: Column) {
        self.forget(column);
        if self.0.len() <= place {
            self.0.resize(place + 1, None);
        }
        self.0[place] = Some(column);
    }

    /// Where it stands, from 0.
    pub(super) fn place(&self, column: Column) -> Option<usize> {
        self.0.iter().position(|cell| *cell == Some(column))
    }

    /// Are they all there?
    pub(super) fn has(&self, columns: &[Column]) -> bool {
        columns.iter().all(|column| self.place(*column).is_some())
    }

    /// Is there a time, in one column or two?
    pub(super) fn has_time(&self) -> bool {
        self.has(&[Column::Time]) || self.has(&[Column::Date, Column::Clock])
    }

    /// How many cells hold something that is read.
    pub(super) fn known(&self) -> usize {
        self.0.iter().flatten().count()
    }
}

/// Everything of that meaning but the one to keep is not read.
fn drop_others(found: &mut [Option<(usize, Column)>], column: Column, keep: Option<usize>) {
    for (place, cell) in found.iter_mut().enumerate() {
        if cell.is_some_and(|(_, other)| other == column) && Some(place) != keep {
            *cell = None;
        }
    }
}

fn known(name: &str) -> Option<(usize, Column)> {
    let whole = plain(name);
    let found =
        |plain: &str| NAMES.iter().position(|(known, _)| *known == plain).map(|rank| (rank, NAMES[rank].1));
    // `Time (EET)` says its zone; the column is the time all the same.
    found(&whole).or_else(|| zone_of(name).and_then(|_| found(&plain(name.split('(').next()?))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(header: &str) -> Columns {
        Columns::of_header(&header.split(',').map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn columns_are_known_in_any_order_case_and_decoration() {
        for header in ["timestamp,open,high,low,close", "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>", "Date,O,H,L,C"]
        {
            assert!(of(header).has(&BAR) && of(header).has_time(), "{header}");
        }
        let reordered = of("timestamp,close,high,low,open");
        assert_eq!((reordered.place(Column::Open), reordered.place(Column::Close)), (Some(4), Some(1)));
        assert!(of("timestamp,askPrice,bidPrice").has(&[Column::Bid, Column::Ask]));
    }

    #[test]
    fn date_and_time_are_one_column_or_two() {
        assert_eq!(of("Date,Time,Open").place(Column::Clock), Some(1));
        assert_eq!(of("time,open").place(Column::Time), Some(0));
        assert_eq!(of("Date,open").place(Column::Time), Some(0));
        let both = of("unix,date,symbol,open");
        assert_eq!((both.place(Column::Time), both.place(Column::Date)), (Some(0), None));
    }

    #[test]
    fn an_index_of_times_needs_no_name() {
        assert_eq!(of(",open,high,low,close").place(Column::Time), Some(0));
        assert_eq!(of(",timestamp,open,high,low,close").place(Column::Time), Some(1));
        assert!(!of(",,").has_time(), "blank cells are no header");
    }

    #[test]
    fn of_two_columns_of_one_meaning_one_is_taken() {
        assert_eq!(of("timestamp,close,Close,high").place(Column::Close), Some(1));
        assert_eq!(of("date,unix,close").place(Column::Time), Some(1));
        assert_eq!(of("open_time,open,close_time,close").place(Column::Close), Some(3));
    }

    #[test]
    fn a_header_may_name_its_zone() {
        assert_eq!(zone_of("Time (EET)"), Some("EET"));
        assert_eq!(zone_of("Gmt time"), Some("UTC"));
        assert_eq!(zone_of("Local time"), None);
        assert_eq!(of("Time (EET),Open,High,Low,Close").place(Column::Time), Some(0));
    }
}

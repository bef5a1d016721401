//! Several inputs as one stream.

use super::{FileQuote, FileQuotes};
use crate::error::InputError;
use crate::sources::{LineRef, NumberedQuote};

/// Streams merged by the times of their heads, ties in the order given. Nothing is sorted: a stream that goes
/// back in time does so here too. `seq` is the place in the merged stream.
pub struct Merged {
    streams: Vec<Stream>,
    next_seq: u64,
}

struct Stream {
    head: Option<FileQuote>,
    rest: FileQuotes,
}

impl Merged {
    /// Merges these streams.
    ///
    /// # Errors
    /// A head cannot be read.
    pub fn new(streams: Vec<FileQuotes>) -> Result<Self, InputError> {
        let stream = |mut rest: FileQuotes| Ok(Stream { head: rest.next().transpose()?, rest });
        Ok(Self { streams: streams.into_iter().map(stream).collect::<Result<_, InputError>>()?, next_seq: 0 })
    }

    fn take(&mut self) -> Result<Option<NumberedQuote>, InputError> {
        let heads = (0u16..).zip(&self.streams);
        let Some((_, input)) = heads.filter_map(|(input, stream)| Some((stream.head?.quote.ts, input))).min()
        else {
            return Ok(None);
        };
        let Stream { head, rest } = &mut self.streams[usize::from(input)];
        let Some(taken) = std::mem::replace(head, rest.next().transpose()?) else { return Ok(None) };
        let seq = self.next_seq;
        self.next_seq += 1;
        let line = Some(LineRef { input, line: taken.line });
        Ok(Some(NumberedQuote { seq, quote: taken.quote, line }))
    }
}

impl Iterator for Merged {
    type Item = Result<NumberedQuote, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take().transpose()
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::Timestamp;

    use super::*;
    use crate::sources::Quote;

    fn stream(symbol: u16, times: &[i64]) -> FileQuotes {
        let quote = move |ts: &i64| {
            let quote =
                Quote { ts: Timestamp(*ts), symbol, bid: 1, ask: 1, scale: 0, judged: false, spacing: None };
            Ok(FileQuote { quote, line: 7 })
        };
        Box::new(times.iter().map(quote).collect::<Vec<_>>().into_iter())
    }

    #[test]
    fn heads_are_merged_by_time_ties_in_the_order_given_and_nothing_is_sorted() {
        let merged =
            Merged::new(vec![stream(0, &[1, 5, 2, 6]), stream(1, &[1, 2, 5]), stream(2, &[])]).unwrap();
        let got: Vec<_> = merged.map(|q| q.unwrap()).map(|q| (q.seq, q.quote.ts.0, q.quote.symbol)).collect();
        // By hand: after 1 1 2 the heads are 5 and 5; then 2, behind the 5 of its own stream.
        let expected = [(0, 1, 0), (1, 1, 1), (2, 2, 1), (3, 5, 0), (4, 2, 0), (5, 5, 1), (6, 6, 0)];
        assert_eq!(got, expected);
    }
}

//! UTF-16, as Windows' programs export it, turned into UTF-8 while it is read.

use std::io::{self, BufRead, ErrorKind, Read};

/// Bytes of a file that tell whether it is UTF-16 without a mark.
const LOOKED_AT: usize = 512;
/// Bytes decoded at a time.
const CHUNK: u64 = 16 * 1024;

/// Which byte of a unit comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    /// The low one.
    Little,
    /// The high one.
    Big,
}

impl ByteOrder {
    fn unit(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }
}

/// The order of a file's bytes if it is UTF-16: by its mark, or because every other byte is zero as in plain text.
pub(crate) fn byte_order(begin: &[u8]) -> Option<ByteOrder> {
    match begin {
        [0xff, 0xfe, ..] => return Some(ByteOrder::Little),
        [0xfe, 0xff, ..] => return Some(ByteOrder::Big),
        _ => {}
    }
    let units = begin.len().min(LOOKED_AT) / 2;
    let zeros = |at: usize| begin.chunks_exact(2).take(units).filter(|unit| unit[at] == 0).count();
    let (first, second) = (zeros(0), zeros(1));
    match () {
        () if units >= 2 && first == 0 && second * 10 >= units * 9 => Some(ByteOrder::Little),
        () if units >= 2 && second == 0 && first * 10 >= units * 9 => Some(ByteOrder::Big),
        () => None,
    }
}

/// A reader of UTF-16 that gives UTF-8. What is no character becomes U+FFFD.
pub(super) struct Utf16<R> {
    reader: R,
    order: ByteOrder,
    /// Bytes read and not decoded: part of a unit or of a pair of units.
    raw: Vec<u8>,
    decoded: String,
    /// How much of `decoded` was given away.
    given: usize,
}

impl<R: BufRead> Utf16<R> {
    pub(super) const fn new(reader: R, order: ByteOrder) -> Self {
        Self { reader, order, raw: Vec::new(), decoded: String::new(), given: 0 }
    }

    /// Decodes the next piece; leaves `decoded` empty at the end.
    fn refill(&mut self) -> io::Result<()> {
        self.decoded.clear();
        self.given = 0;
        while self.decoded.is_empty() {
            match (&mut self.reader).take(CHUNK).read_to_end(&mut self.raw) {
                Ok(0) if self.raw.is_empty() => return Ok(()),
                Ok(0) => self.decode(true),
                Ok(_) => self.decode(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Decodes what is whole; at the file's end, the rest as well.
    fn decode(&mut self, last: bool) {
        let order = self.order;
        let mut units: Vec<u16> =
            self.raw.chunks_exact(2).map(|unit| order.unit([unit[0], unit[1]])).collect();
        if !last && units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) {
            units.pop();
        }
        let characters = char::decode_utf16(units.iter().copied());
        self.decoded.extend(characters.map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)));
        self.raw.drain(..units.len() * 2);
        if last && !self.raw.is_empty() {
            self.raw.clear();
            self.decoded.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

impl<R: BufRead> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.decoded.len() {
            self.refill()?;
        }
        let read = (&self.decoded.as_bytes()[self.given..]).read(buffer)?;
        self.given += read;
        Ok(read)
    }
}

//! The fields of a block, read from its bytes.

use super::{MAX_TEXT, Result, TickCodecError, at_most};
use crate::ids::TenantId;
use crate::journal::Origin;
use crate::ticks::{BlockSymbol, MAX_TICKS, Spacing, Tick};
use crate::time::Timestamp;

/// The last bids of so many are kept without allocating.
const FEW_SYMBOLS: usize = 64;

/// How far a block is read.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }
}

impl Cursor<'_> {
    pub(super) fn origin(&mut self) -> Result<Origin> {
        let tenant = self.text("tenant")?;
        Ok(Origin {
            tenant: tenant.parse::<TenantId>().map_err(|_| TickCodecError::Invalid("tenant"))?,
            source: self.text("source")?,
            session: self.text("session")?,
            played: self.boolean("played")?,
            appended_at: Timestamp(self.long("appended_at")?),
        })
    }

    pub(super) fn symbol(&mut self) -> Result<BlockSymbol> {
        let named = self.symbol_v1()?;
        let judged = self.boolean("judged")?;
        let spacing = |micros| Spacing::new(micros).ok_or(TickCodecError::Invalid("spacing"));
        let spacing = self.optional("spacing")?.map(spacing).transpose()?;
        Ok(BlockSymbol { judged, spacing, ..named })
    }

    pub(super) fn symbol_v1(&mut self) -> Result<BlockSymbol> {
        let name = self.text("symbols")?;
        let scale = u8::try_from(self.long("scale")?).map_err(|_| TickCodecError::Invalid("scale"))?;
        Ok(BlockSymbol::of_quotes(name, scale))
    }

    pub(super) fn ticks(&mut self, symbols: usize) -> Result<Vec<Tick>> {
        // Each tick has a byte in each of four columns: room for as many as can follow, and no more.
        let room = MAX_TICKS.min(self.bytes.len().saturating_sub(self.at) / 4);
        let mut ticks: Vec<Tick> = Vec::with_capacity(room);
        let mut ts = 0i64;
        self.array("ts", MAX_TICKS, |cursor| {
            ts = ts.wrapping_add(cursor.long("ts")?);
            ticks.push(Tick { ts: Timestamp(ts), symbol: 0, bid: 0, ask: 0 });
            Ok(())
        })?;
        self.column("symbol", &mut ticks, |cursor, tick| {
            let place = u16::try_from(cursor.long("symbol")?).ok().filter(|s| usize::from(*s) < symbols);
            tick.symbol = place.ok_or(TickCodecError::Invalid("symbol"))?;
            Ok(())
        })?;
        let (mut few, mut many);
        let bids: &mut [i64] = if symbols <= FEW_SYMBOLS {
            few = [0; FEW_SYMBOLS];
            &mut few
        } else {
            many = vec![0; symbols];
            &mut many
        };
        self.column("bid", &mut ticks, |cursor, tick| {
            let last = bids.get_mut(usize::from(tick.symbol)).ok_or(TickCodecError::Invalid("symbol"))?;
            *last = last.wrapping_add(cursor.long("bid")?);
            tick.bid = *last;
            Ok(())
        })?;
        self.column("spread", &mut ticks, |cursor, tick| {
            tick.ask = tick.bid.wrapping_add(cursor.long("spread")?);
            Ok(())
        })?;
        Ok(ticks)
    }

    /// A column that must have one entry a tick.
    fn column(
        &mut self,
        what: &'static str,
        ticks: &mut [Tick],
        mut each: impl FnMut(&mut Self, &mut Tick) -> Result<()>,
    ) -> Result<()> {
        let expected = ticks.len();
        let mut rest = ticks.iter_mut();
        let mut seen = 0;
        self.array(what, MAX_TICKS, |cursor| {
            seen += 1;
            let tick = rest.next().ok_or(TickCodecError::Ragged(what, seen, expected))?;
            each(cursor, tick)
        })?;
        if seen == expected { Ok(()) } else { Err(TickCodecError::Ragged(what, seen, expected)) }
    }

    /// Avro writes an array as blocks: a count (negative: its size in bytes follows), the items, and a last 0.
    pub(super) fn array(
        &mut self,
        what: &'static str,
        limit: usize,
        mut item: impl FnMut(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let mut total = 0usize;
        loop {
            let count = self.long(what)?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                self.long(what)?;
            }
            let count = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
            total = total.saturating_add(count);
            at_most(what, total, limit)?;
            for _ in 0..count {
                item(self)?;
            }
        }
    }

    fn text(&mut self, what: &'static str) -> Result<String> {
        let length = usize::try_from(self.long(what)?).map_err(|_| TickCodecError::Invalid(what))?;
        at_most(what, length, MAX_TEXT)?;
        let bytes = self.take(length, what)?;
        std::str::from_utf8(bytes).map(Into::into).map_err(|_| TickCodecError::Invalid(what))
    }

    fn boolean(&mut self, what: &'static str) -> Result<bool> {
        match self.byte(what)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(TickCodecError::Invalid(what)),
        }
    }

    /// A union of null and long.
    pub(super) fn optional(&mut self, what: &'static str) -> Result<Option<i64>> {
        match self.long(what)? {
            0 => Ok(None),
            1 => self.long(what).map(Some),
            _ => Err(TickCodecError::Invalid(what)),
        }
    }

    pub(super) fn double(&mut self, what: &'static str) -> Result<f64> {
        let bytes = self.take(8, what)?;
        bytes.try_into().map(f64::from_le_bytes).map_err(|_| TickCodecError::Short(what))
    }

    fn take(&mut self, length: usize, what: &'static str) -> Result<&[u8]> {
        let end = self.at.checked_add(length).ok_or(TickCodecError::Short(what))?;
        let taken = self.bytes.get(self.at..end).ok_or(TickCodecError::Short(what))?;
        self.at = end;
        Ok(taken)
    }

    #[inline]
    fn byte(&mut self, what: &'static str) -> Result<u8> {
        let byte = *self.bytes.get(self.at).ok_or(TickCodecError::Short(what))?;
        self.at += 1;
        Ok(byte)
    }

    /// Most numbers of a block have one byte or two.
    #[inline]
    pub(super) fn long(&mut self, what: &'static str) -> Result<i64> {
        if let Some([first, second]) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()) {
            let (low, high) = (u64::from(*first), u64::from(*second));
            if low < 0x80 {
                self.at += 1;
                return Ok(unzigzag(low));
            }
            if high < 0x80 {
                self.at += 2;
                return Ok(unzigzag((low & 0x7f) | high << 7));
            }
        }
        self.long_of_any_length(what)
    }

    #[inline(never)]
    fn long_of_any_length(&mut self, what: &'static str) -> Result<i64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte(what)?;
            // The tenth byte carries the last bit alone.
            if shift == 63 && byte > 1 {
                return Err(TickCodecError::LongNumber(what));
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(unzigzag(value));
            }
        }
        Err(TickCodecError::LongNumber(what))
    }
}

#[inline]
const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

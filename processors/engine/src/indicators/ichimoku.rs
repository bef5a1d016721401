//! Ichimoku Kinko Hyo after Goichi Hosoda.

use super::RollingMax;
use crate::snapshot::{Misfit, stored};

const TENKAN: usize = 9;
const KIJUN: usize = 26;
const BASE: usize = 52;
const SHIFT: usize = 26;

/// Ichimoku(9, 26, 52), shifted by 26 bars.
///
/// Unit: price. The middle of n bars = (highest high + lowest low)/2. Tenkan: of 9, from bar 9 on; Kijun: of 26, from
/// bar 26 on. `Senkou A = (Tenkan + Kijun)/2` and `Senkou B = middle of 52`, both as computed 26 bars ago: from bars
/// 52 and 78 on.
#[derive(Debug, Clone, PartialEq)]
pub struct Ichimoku {
    bars: usize,
    tenkan: Middle<TENKAN>,
    kijun: Middle<KIJUN>,
    base: Middle<BASE>,
    /// Computed at each of the last 26 bars.
    ahead: [Cloud; SHIFT],
    at: usize,
    cloud: Cloud,
}

/// Two edges, either of which may be the upper one.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cloud {
    /// The edge called Senkou A, a price.
    pub a: f64,
    /// The edge called Senkou B, a price.
    pub b: f64,
}

impl Default for Ichimoku {
    fn default() -> Self {
        Self {
            bars: 0,
            tenkan: Middle::default(),
            kijun: Middle::default(),
            base: Middle::default(),
            ahead: [Cloud::default(); SHIFT],
            at: 0,
            cloud: Cloud::default(),
        }
    }
}

impl Ichimoku {
    /// Takes the next closed bar in.
    #[inline]
    pub fn update(&mut self, high: f64, low: f64) {
        self.bars = (self.bars + 1).min(BASE + SHIFT);
        self.tenkan.update(high, low);
        self.kijun.update(high, low);
        self.base.update(high, low);
        let projected = Cloud { a: (self.tenkan.value + self.kijun.value) / 2.0, b: self.base.value };
        self.cloud = std::mem::replace(&mut self.ahead[self.at], projected);
        self.at = if self.at + 1 == SHIFT { 0 } else { self.at + 1 };
    }

    /// The middle of 9 bars.
    #[must_use]
    pub fn tenkan(&self) -> Option<f64> {
        (self.bars >= TENKAN).then_some(self.tenkan.value)
    }

    /// The middle of 26 bars.
    #[must_use]
    pub fn kijun(&self) -> Option<f64> {
        (self.bars >= KIJUN).then_some(self.kijun.value)
    }

    /// The cloud's edge A at this bar.
    #[must_use]
    pub fn senkou_a(&self) -> Option<f64> {
        (self.bars >= KIJUN + SHIFT).then_some(self.cloud.a)
    }

    /// Senkou B of the cloud at this bar.
    #[must_use]
    pub fn senkou_b(&self) -> Option<f64> {
        (self.bars >= BASE + SHIFT).then_some(self.cloud.b)
    }

    /// The cloud at this bar, once it has both edges.
    #[must_use]
    pub fn cloud(&self) -> Option<Cloud> {
        (self.bars >= BASE + SHIFT).then_some(self.cloud)
    }

    /// The cloud that this bar throws 26 bars ahead, once it has both edges.
    #[must_use]
    pub fn projected(&self) -> Option<Cloud> {
        let last = if self.at == 0 { SHIFT - 1 } else { self.at - 1 };
        (self.bars >= BASE).then(|| self.ahead[last])
    }
}

/// (highest high + lowest low)/2 of the last N bars, or of all while they are fewer.
#[derive(Debug, Clone, Default, PartialEq)]
struct Middle<const N: usize> {
    highs: RollingMax<N>,
    negated_lows: RollingMax<N>,
    value: f64,
}

impl<const N: usize> Middle<N> {
    #[inline]
    fn update(&mut self, high: f64, low: f64) {
        self.value = (self.highs.update(high) - self.negated_lows.update(-low)) / 2.0;
    }
}

impl Ichimoku {
    pub(crate) fn store(&self) -> stored::Ichimoku {
        let Self { bars, tenkan, kijun, base, ahead, at, cloud } = self;
        let thrown = (*bars).min(SHIFT);
        let oldest = *at + SHIFT - thrown;
        let edges = |Cloud { a, b }: Cloud| stored::Cloud { a, b };
        stored::Ichimoku {
            bars: *bars as u32,
            tenkan: tenkan.store(*bars),
            kijun: kijun.store(*bars),
            base: base.store(*bars),
            ahead: (oldest..oldest + thrown).map(|place| edges(ahead[place % SHIFT])).collect(),
            cloud: edges(*cloud),
        }
    }

    pub(crate) fn restore(stored: &stored::Ichimoku) -> Result<Self, Misfit> {
        let stored::Ichimoku { bars, tenkan, kijun, base, ahead, cloud } = stored;
        let bars = *bars as usize;
        let fits = bars <= BASE + SHIFT && ahead.len() == bars.min(SHIFT);
        Misfit::unless(fits, "Ichimoku's bars and its cloud do not agree")?;
        let edges = |stored::Cloud { a, b }: &stored::Cloud| Cloud { a: *a, b: *b };
        let mut restored = Self {
            bars,
            tenkan: Middle::restore(tenkan, bars)?,
            kijun: Middle::restore(kijun, bars)?,
            base: Middle::restore(base, bars)?,
            at: ahead.len() % SHIFT,
            cloud: edges(cloud),
            ..Self::default()
        };
        for (place, thrown) in restored.ahead.iter_mut().zip(ahead) {
            *place = edges(thrown);
        }
        Ok(restored)
    }
}

impl<const N: usize> Middle<N> {
    fn store(&self, bars: usize) -> stored::Middle {
        let Self { highs, negated_lows, value } = self;
        stored::Middle { highs: highs.recent(bars), negated_lows: negated_lows.recent(bars), value: *value }
    }

    fn restore(stored: &stored::Middle, bars: usize) -> Result<Self, Misfit> {
        let stored::Middle { highs, negated_lows, value } = stored;
        let known = bars.min(N - 1);
        let fits = highs.len() == known && negated_lows.len() == known;
        Misfit::unless(fits, "a window of Ichimoku is not as long as its bars")?;
        Ok(Self {
            highs: RollingMax::restore(highs)?,
            negated_lows: RollingMax::restore(negated_lows)?,
            value: *value,
        })
    }
}

//! Log return.

/// `ln(close / previous)`, without unit. The logarithm is software (a port of FreeBSD's), so that every platform gives
/// the same bits.
#[inline]
#[must_use]
pub fn log_return(previous: f64, close: f64) -> f64 {
    libm::log(close / previous)
}

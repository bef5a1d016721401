//! What goes along with a record: W3C Trace Context, `traceparent` alone. <https://www.w3.org/TR/trace-context/>

use std::fmt;
use std::str::FromStr;

use bellwether_schemas::dead_letter::Header;

/// The header's name.
pub const HEADER: &str = "traceparent";
/// The flag that says that the trace is recorded.
const SAMPLED: u8 = 1;

/// A span that is recorded, as whoever goes on with its trace needs to know it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Context {
    trace: u128,
    span: u64,
}

impl Context {
    /// Of a trace and a span in it; neither is 0.
    pub(super) const fn new(trace: u128, span: u64) -> Self {
        Self { trace, span }
    }

    pub(super) const fn trace(self) -> u128 {
        self.trace
    }

    pub(super) const fn span(self) -> u64 {
        self.span
    }

    /// The id by which logs and collectors know the trace: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace)
    }

    /// What a record's headers say, where they name a trace that is recorded.
    #[must_use]
    pub fn of(headers: &[Header]) -> Option<Self> {
        let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(HEADER))?;
        std::str::from_utf8(&header.value).ok()?.parse().ok()
    }

    /// As a record's header.
    #[must_use]
    pub fn header(self) -> Header {
        Header { name: HEADER.into(), value: self.to_string().into_bytes() }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{SAMPLED:02x}", self.trace, self.span)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// It names no trace that is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no traceparent of a recorded trace")]
pub struct NotTraced;

impl FromStr for Context {
    type Err = NotTraced;

    /// A later version may say more behind what is known of version 0.
    fn from_str(text: &str) -> Result<Self, NotTraced> {
        let mut parts = text.split('-');
        let mut next = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            let is_lower_hex = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
            part.bytes().all(is_lower_hex).then(|| u128::from_str_radix(part, 16).ok()).flatten()
        };
        let read = (next(2), next(32), next(16), next(2));
        let (Some(version), Some(trace), Some(span), Some(flags)) = read else { return Err(NotTraced) };
        let is_known = version != 0xff && (version != 0 || parts.next().is_none());
        let span = u64::try_from(span).unwrap_or(0);
        let is_recorded = flags & u128::from(SAMPLED) != 0 && trace != 0 && span != 0;
        if is_known && is_recorded { Ok(Self { trace, span }) } else { Err(NotTraced) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_header_comes_back_as_it_was_written() {
        let context: Context = EXAMPLE.parse().unwrap();
        assert_eq!(context.to_string(), EXAMPLE);
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let other = Header { name: "other".into(), value: b"x".to_vec() };
        assert_eq!(Context::of(&[other.clone(), context.header()]), Some(context));
        let mut header = context.header();
        header.name = "TraceParent".into();
        assert_eq!(Context::of(&[header]), Some(context));
        assert_eq!(Context::of(&[other]), None);
    }

    #[test]
    fn a_later_version_may_say_more() {
        let later = EXAMPLE.replacen("00", "01", 1) + "-more";
        assert_eq!(later.parse(), EXAMPLE.parse::<Context>());
    }

    #[test]
    fn what_names_no_recorded_trace_is_none() {
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(bad.parse::<Context>(), Err(NotTraced), "{bad}");
        }
    }
}

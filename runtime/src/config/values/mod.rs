//! The types that keys of configuration files are read into. Each has one checked way in: reading its text. What is
//! wrong with a text is said by its error, to which the reader of the file adds file and key.

mod address;
mod colour;
mod domain;
mod duration;
mod endpoint;
mod feed_address;
mod header_name;
mod http_address;
mod line;
mod link;
mod of_text;
mod origin;
mod ping_address;
mod share;
mod smtp;
mod time;

pub use address::{EmailAddress, Mailbox};
pub use colour::Colour;
pub use domain::DnsName;
pub use duration::parse_duration;
pub use feed_address::FeedAddress;
pub use header_name::{HeaderName, HeaderNameError};
pub use http_address::HttpAddress;
pub use line::Line;
pub use link::Link;
pub use origin::Origin;
pub use ping_address::PingAddress;
pub use share::Share;
pub use smtp::{SmtpError, SmtpServer, Tls};

pub(super) use duration::{
    at_least_a_day, at_least_a_second, micros, optional as optional_duration, time_to_keep,
};
pub(super) use of_text::of_text;
pub(super) use time::{optional_time_of_day, zone};

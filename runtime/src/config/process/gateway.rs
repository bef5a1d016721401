//! `[gateway]`: where the role `gateway` answers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Deserialize;

/// Where the role `gateway` answers, and who stands before it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gateway {
    /// Address it listens on. It speaks plain HTTP: what ends TLS stands before it.
    pub listen: SocketAddr,
    /// Address of what stands before it, whose `X-Forwarded-For` is believed; none: nobody's is.
    pub proxy: Option<IpAddr>,
}

impl Default for Gateway {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)), proxy: None }
    }
}

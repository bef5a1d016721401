//! The DNS as far as mail asks it.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::RData;

/// Nobody could say: neither that there is such a record nor that there is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the DNS cannot be asked about {name}: {reason}")]
pub struct DnsError {
    /// What was asked about.
    pub name: String,
    /// What the resolver said.
    pub reason: String,
}

/// A DNS that takes longer for an answer is away.
const PATIENCE: Duration = Duration::from_secs(4);

type Answer<T> = Result<Vec<T>, DnsError>;

/// Who answers. No records is an answer.
pub trait Dns: Sync {
    /// The texts of a name, each put together.
    fn txt(&self, name: &str) -> impl Future<Output = Answer<String>> + Send;
    /// The hosts that take mail for a name, best first, without their last dot. A single empty one says that none does.
    fn mx(&self, name: &str) -> impl Future<Output = Answer<String>> + Send;
    /// The addresses of a host.
    fn addresses(&self, host: &str) -> impl Future<Output = Answer<IpAddr>> + Send;
    /// The names of an address, without their last dot.
    fn names(&self, address: IpAddr) -> impl Future<Output = Answer<String>> + Send;
}

/// The resolver that this machine is set up with.
pub struct System(TokioResolver);

impl System {
    /// As `/etc/resolv.conf` says.
    ///
    /// # Errors
    /// There is none, or it cannot be used.
    pub fn new() -> Result<Self, DnsError> {
        let failed = |error: NetError| DnsError { name: "anything".into(), reason: error.to_string() };
        let mut builder = TokioResolver::builder_tokio().map_err(failed)?;
        (builder.options_mut().timeout, builder.options_mut().attempts) = (PATIENCE, 1);
        builder.build().map(Self).map_err(failed)
    }
}

impl Dns for System {
    async fn txt(&self, name: &str) -> Answer<String> {
        let found = answer(name, self.0.txt_lookup(absolute(name)).await)?;
        let text = |data: RData| match data {
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
            _ => None,
        };
        Ok(found.into_iter().filter_map(text).collect())
    }

    async fn mx(&self, name: &str) -> Answer<String> {
        let found = answer(name, self.0.mx_lookup(absolute(name)).await)?;
        let host = |data: RData| match data {
            RData::MX(mx) => Some((mx.preference, relative(&mx.exchange.to_string()))),
            _ => None,
        };
        let mut hosts: Vec<(u16, String)> = found.into_iter().filter_map(host).collect();
        hosts.sort();
        Ok(hosts.into_iter().map(|(_, host)| host).collect())
    }

    async fn addresses(&self, host: &str) -> Answer<IpAddr> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        match self.0.lookup_ip(absolute(host)).await {
            Ok(found) => Ok(found.iter().collect()),
            Err(error) if error.is_no_records_found() => Ok(Vec::new()),
            Err(error) => Err(DnsError { name: host.into(), reason: error.to_string() }),
        }
    }

    async fn names(&self, address: IpAddr) -> Answer<String> {
        let found = answer(&address.to_string(), self.0.reverse_lookup(address).await)?;
        let name = |data: RData| match data {
            RData::PTR(name) => Some(relative(&name.0.to_string())),
            _ => None,
        };
        Ok(found.into_iter().filter_map(name).collect())
    }
}

fn answer(
    name: &str,
    answer: Result<hickory_resolver::lookup::Lookup, NetError>,
) -> Result<Vec<RData>, DnsError> {
    match answer {
        Ok(found) => Ok(found.answers().iter().map(|record| record.data.clone()).collect()),
        Err(error) if error.is_no_records_found() => Ok(Vec::new()),
        Err(error) => Err(DnsError { name: name.into(), reason: error.to_string() }),
    }
}

/// With its last dot, so that it is not looked for among the machine's own domains.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn relative(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// A DNS that knows what it was given and nothing else: `(type, name)` to records.
#[derive(Debug, Clone, Default)]
pub struct Table(pub BTreeMap<(&'static str, String), Vec<String>>);

impl Table {
    /// Adds a record.
    #[must_use]
    pub fn with(mut self, kind: &'static str, name: &str, record: &str) -> Self {
        self.0.entry((kind, name.into())).or_default().push(record.into());
        self
    }

    fn of(&self, kind: &'static str, name: &str) -> Vec<String> {
        self.0.get(&(kind, name.to_ascii_lowercase())).cloned().unwrap_or_default()
    }
}

impl Dns for Table {
    async fn txt(&self, name: &str) -> Answer<String> {
        Ok(self.of("TXT", name))
    }

    async fn mx(&self, name: &str) -> Answer<String> {
        Ok(self.of("MX", name))
    }

    async fn addresses(&self, host: &str) -> Answer<IpAddr> {
        Ok(self.of("A", host).iter().filter_map(|text| text.parse().ok()).collect())
    }

    async fn names(&self, address: IpAddr) -> Answer<String> {
        Ok(self.of("PTR", &address.to_string()))
    }
}

//! Hosts: who takes mail for the sender's domain, and what the relay's address is called.

use std::net::IpAddr;

use bellwether_runtime::finding::Finding;

use super::dns::{Dns, DnsError};

const LATER: &str = "ask again when the DNS answers";

/// Whether answers and bounces to the sender's domain arrive anywhere.
pub(super) async fn mx(dns: &impl Dns, domain: &str) -> Finding {
    const ABOUT: &str = "mx";
    let publish = "publish an MX record for it: receivers look for one, and bounces come back through it";
    match asked(dns, domain).await {
        Err(error) => Finding::warn(ABOUT, error.to_string(), LATER),
        Ok(hosts) => match hosts.as_slice() {
            [] => Finding::fault(ABOUT, format!("{domain} has no MX record"), publish),
            [(host, _)] if host.is_empty() => {
                Finding::fault(ABOUT, format!("{domain} says that it takes no mail"), publish)
            }
            hosts => match hosts.iter().find(|(_, there)| !there) {
                Some((host, _)) => {
                    Finding::fault(ABOUT, format!("{host}, an MX of {domain}, has no address"), publish)
                }
                None => Finding::ok(ABOUT, format!("{} takes mail for {domain}", hosts[0].0)),
            },
        },
    }
}

/// The hosts that take mail for a domain, and whether each has an address.
async fn asked(dns: &impl Dns, domain: &str) -> Result<Vec<(String, bool)>, DnsError> {
    let mut hosts = Vec::new();
    for host in dns.mx(domain).await? {
        let there = !host.is_empty() && !dns.addresses(&host).await?.is_empty();
        hosts.push((host, there));
    }
    Ok(hosts)
}

/// Whether the relay's addresses have names that lead back to them.
pub(super) async fn ptr(dns: &impl Dns, relay: Option<&str>) -> Finding {
    const ABOUT: &str = "ptr";
    let Some(relay) = relay else {
        return Finding::warn(ABOUT, "there is no relay to look at", "set mail.smtp");
    };
    let ask = "ask whoever runs the address for a PTR record, and publish an address record of that name";
    match nameless(dns, relay).await {
        Err(error) => Finding::warn(ABOUT, error.to_string(), LATER),
        Ok(Named::Well) => {
            Finding::ok(ABOUT, format!("the addresses of {relay} have names that lead back to them"))
        }
        Ok(Named::Inside) => {
            Finding::ok(ABOUT, format!("{relay} is of this network: no receiver sees its address"))
        }
        Ok(Named::Nowhere) => Finding::fault(ABOUT, format!("{relay} has no address"), "set mail.smtp right"),
        Ok(Named::Not(address)) => {
            Finding::fault(ABOUT, format!("{address}, of {relay}, has no PTR record"), ask)
        }
        Ok(Named::Otherwise(address, name)) => Finding::fault(
            ABOUT,
            format!("{address}, of {relay}, is called {name}, which does not lead back to it"),
            ask,
        ),
    }
}

/// How a relay's addresses are called.
enum Named {
    Well,
    Inside,
    Nowhere,
    Not(IpAddr),
    Otherwise(IpAddr, String),
}

async fn nameless(dns: &impl Dns, relay: &str) -> Result<Named, DnsError> {
    let addresses = match relay.parse() {
        Ok(address) => vec![address],
        Err(_) if relay == "localhost" => return Ok(Named::Inside),
        Err(_) => dns.addresses(relay).await?,
    };
    if addresses.is_empty() {
        return Ok(Named::Nowhere);
    }
    if addresses.iter().all(|address| is_inside(*address)) {
        return Ok(Named::Inside);
    }
    for address in addresses {
        let names = dns.names(address).await?;
        let Some(first) = names.first().cloned() else { return Ok(Named::Not(address)) };
        let mut leads_back = false;
        for name in names {
            leads_back |= dns.addresses(&name).await?.contains(&address);
        }
        if !leads_back {
            return Ok(Named::Otherwise(address, first));
        }
    }
    Ok(Named::Well)
}

fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

//! Which peers are proxies.

use std::net::IpAddr;

use ipnet::IpNet;

/// The proxies in front of this service, and whether they speak the PROXY protocol. By default there are none.
///
/// ```
/// use http_front::Proxies;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let proxies = Proxies::new(["192.0.2.0/28".parse()?]).proxy_protocol(true);
/// # let _ = proxies;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    networks: Vec<IpNet>,
    has_proxy_protocol: bool,
}

impl Proxies {
    /// Returns proxies with addresses in these networks. A proxy stands for many clients, so it may open any number of
    /// connections.
    #[must_use]
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self {
            networks: networks.into_iter().collect(),
            has_proxy_protocol: false,
        }
    }

    /// Sets whether every connection must come from one of these proxies and begin with a PROXY header.
    #[must_use]
    pub fn proxy_protocol(mut self, is_required: bool) -> Self {
        self.has_proxy_protocol = is_required;
        self
    }

    pub(crate) fn has_proxy_protocol(&self) -> bool {
        self.has_proxy_protocol
    }

    pub(crate) fn include(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }
}

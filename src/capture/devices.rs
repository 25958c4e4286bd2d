//! The interfaces of this host (in this network namespace): their names, addresses and numbers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use pcap::Device;

use super::Error;
use super::filter::reason;
use crate::time::Stamp;

/// An interface as `-D` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, as `-i` takes it.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// It is up.
    pub up: bool,
    /// Something is at the other end, as far as can be told.
    pub running: bool,
    /// What libpcap says about it.
    pub description: Option<String>,
}

/// All interfaces that packets of a network can be captured on.
pub fn interfaces() -> Result<Vec<Interface>, Error> {
    let devices = Device::list().map_err(|error| Error::List(reason(&error)))?;
    Ok(devices
        .into_iter()
        .filter(|device| is_network(&device.name))
        .map(|device| Interface {
            up: device.flags.is_up(),
            running: device.flags.is_running(),
            addresses: device.addresses.iter().map(|one| one.addr).collect(),
            description: device.desc.filter(|_| device.name == "any"),
            name: device.name,
        })
        .collect())
}

/// libpcap lists sources too that no TCP comes from, or comes a second time.
fn is_network(name: &str) -> bool {
    !["bluetooth", "nflog", "nfqueue", "usbmon", "dbus", "rdma"]
        .iter()
        .any(|other| name.starts_with(other))
}

/// The name of each interface by the number that a cooked capture gives it in [`Stamp::iface`].
///
/// Asked of the kernel, not read in `/sys`: that shows another namespace after `nsenter -n`.
pub(crate) fn names_by_index() -> BTreeMap<u16, Box<str>> {
    let Ok(all) = nix::net::if_::if_nameindex() else {
        return BTreeMap::new();
    };
    // Indices that do not fit share one number, which no name is right for.
    let fits = |index: &u16| *index < Stamp::COOKED - 1;
    all.iter()
        .filter_map(|one| {
            let index = u16::try_from(one.index()).ok().filter(fits)?;
            Some((Stamp::COOKED | index, one.name().to_string_lossy().into()))
        })
        .collect()
}

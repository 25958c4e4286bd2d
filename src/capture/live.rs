//! Live interfaces: non-blocking handles, one `poll(2)` over all of them, ticks from the clock when nothing comes.
//!
//! Packets of several interfaces are put into the order of time, since which leg came first is read from it.
//!
//! libpcap's own read timeout does not return on a quiet Linux interface, so it is not waited in. An interface that goes
//! down is kept, since it may come up again; one that is gone is told and let go of.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd as _};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout};
use pcap::{Active, Capture, Linktype, Precision};

use super::block::Block;
use super::clock::{Clock, WasSet};
use super::confine::Held;
use super::filter::{explain, reason};
use super::queue::Queue;
use super::stats::Drops;
use super::{Error, Item, Notice, devices};
use crate::record::{LinkType, Record};
use crate::time::{Stamp, Timestamp};

/// How long to wait for packets; the kernel hands on a block that is not full after the same time. With
/// [`LATENESS`] it is how long after its being decided an attempt is told where nothing else comes: less than 100 ms.
const WAIT_MS: u8 = 25;
/// A packet may be this late, as long as a block waits and the kernel's timer takes; a tick must not overtake it.
const LATENESS: Duration = Duration::from_millis(50);
/// With several interfaces a packet waits this long for older ones of the others.
const HOLD: Duration = Duration::from_millis(45);
/// Packets taken from one interface before the others have their turn.
const TURN: usize = 512;

/// How to capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveOptions {
    /// Bytes of each packet that are kept.
    pub snaplen: u32,
    /// Size of the kernel's buffer for each interface, in MiB.
    pub buffer_mib: u32,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            snaplen: 262_144,
            buffer_mib: 16,
        }
    }
}

/// All interfaces of the command line.
pub(crate) struct Live {
    devices: Vec<Device>,
    notices: Vec<Notice>,
    /// Names of interfaces in a cooked capture, as far as told.
    names: BTreeMap<u16, Box<str>>,
    told: Vec<(u16, u16, Box<str>)>,
    clock: Watched,
    block: Block,
    now: Timestamp,
    counted: Timestamp,
}

struct Device {
    name: String,
    source: u16,
    handle: Option<Capture<Active>>,
    /// Of an interface that is gone. Kept, since nothing may be sent through a descriptor of that number.
    gone: Option<Capture<Active>>,
    link: LinkType,
    frames: u64,
    drops: Drops,
    held: Queue,
}

impl Live {
    /// Opens all interfaces; needs the privileges that are given up afterwards.
    pub(crate) fn open(
        names: &[String],
        filter: Option<&str>,
        options: &LiveOptions,
    ) -> Result<Self, Error> {
        let mut live = Self {
            devices: Vec::new(),
            notices: Vec::new(),
            names: BTreeMap::new(),
            told: Vec::new(),
            clock: Watched {
                clock: Clock::new(),
                set: Vec::new(),
            },
            block: Block::default(),
            now: Timestamp::MIN,
            counted: Timestamp::MIN,
        };
        for (name, source) in names.iter().zip(0..) {
            let device = Device::open(name, source, filter, options)?;
            if !device.is_cooked() {
                live.told.push((source, 0, name.as_str().into()));
            }
            live.devices.push(device);
        }
        live.learn_names();
        Ok(live)
    }

    /// What it cannot do without while it captures.
    pub(crate) fn held(&self) -> Held {
        let handles = self.devices.iter().filter_map(|one| one.handle.as_ref());
        Held {
            sockets: handles.map(|one| one.as_fd().as_raw_fd()).collect(),
            interfaces: self.devices.iter().map(|one| one.name.clone()).collect(),
            asks_names: self.devices.iter().any(Device::is_cooked),
        }
    }

    /// Waits a little for packets and hands them on. False once no interface is left.
    pub(crate) fn read(&mut self, each: &mut impl FnMut(Item<'_>)) -> bool {
        for (source, iface, name) in self.told.drain(..) {
            each(Item::Interface {
                source,
                iface,
                name,
            });
        }
        self.wait();
        self.clock.look();
        let several = self.devices.len() > 1;
        let mut came = false;
        for device in &mut self.devices {
            let result = if several {
                device.hold(&mut self.clock)
            } else {
                let result = device.read(&mut self.clock, |record| {
                    self.now = self.now.max(record.at.ts);
                    self.block.push(&record, each);
                });
                self.block.hand_on(each);
                result
            };
            match result {
                Ok(count) => came |= count > 0,
                Err(reason) => {
                    device.close();
                    self.notices.push(Notice::Vanished {
                        name: device.name.clone(),
                        reason,
                    });
                }
            }
        }
        if several {
            came = self.release(self.clock.clock.now().before(HOLD), each);
        }
        if !came {
            self.now = self.now.max(self.clock.clock.now().before(LATENESS));
            each(Item::Tick(self.now));
        }
        self.each_second();
        let set = self.clock.set.drain(..);
        let set = set.map(|WasSet { by, back }| Notice::HostClockSet { by, back });
        for notice in set.chain(self.notices.drain(..)) {
            each(Item::Notice(notice));
        }
        let left = |device: &Device| device.handle.is_some() || device.held.due().is_some();
        self.devices.iter().any(left)
    }

    /// Packets dropped so far, by kernel and by interface.
    pub(crate) fn drops(&self) -> (u64, u64) {
        self.devices.iter().fold((0, 0), |(kernel, iface), device| {
            let (more_kernel, more_iface) = device.drops.totals();
            (kernel + more_kernel, iface + more_iface)
        })
    }

    /// Hands on what is still held back.
    pub(crate) fn finish(&mut self, each: &mut impl FnMut(Item<'_>)) {
        self.release(Timestamp::from_nanos(i64::MAX), each);
        self.count_drops();
    }

    /// Hands on what was held back and is older than `until`, in the order of time. False if it was nothing.
    fn release(&mut self, until: Timestamp, each: &mut impl FnMut(Item<'_>)) -> bool {
        let mut came = false;
        loop {
            let due = self.devices.iter_mut().filter_map(|device| {
                let due = device.held.due().filter(|due| *due <= until)?;
                Some((due, &mut device.held))
            });
            let next = due.min_by_key(|(due, _)| *due);
            let Some(record) = next.and_then(|(_, held)| held.pop()) else {
                self.block.hand_on(each);
                return came;
            };
            came = true;
            self.now = self.now.max(record.at.ts);
            self.block.push(&record, each);
        }
    }

    /// Reads the kernel's counters now.
    fn count_drops(&mut self) {
        for device in &mut self.devices {
            device.count_drops();
        }
    }

    fn wait(&self) {
        let mut fds: Vec<PollFd<'_>> = self
            .devices
            .iter()
            .filter_map(|device| device.handle.as_ref())
            .map(|handle| PollFd::new(handle.as_fd(), PollFlags::POLLIN))
            .collect();
        // An error is a signal, or will show when the handle is read.
        let _ = nix::poll::poll(&mut fds, PollTimeout::from(WAIT_MS));
    }

    fn each_second(&mut self) {
        if self.now.since(self.counted) < Duration::from_secs(1) {
            return;
        }
        self.counted = self.now;
        self.count_drops();
        self.learn_names();
    }

    /// Interfaces come and go while `any` is captured on (containers do), so their names are asked for again.
    fn learn_names(&mut self) {
        let cooked: Vec<u16> = self
            .devices
            .iter()
            .filter(|device| device.is_cooked())
            .map(|device| device.source)
            .collect();
        if cooked.is_empty() {
            return;
        }
        for (iface, name) in devices::names_by_index() {
            if self.names.get(&iface) == Some(&name) {
                continue;
            }
            for &source in &cooked {
                self.told.push((source, iface, name.clone()));
            }
            self.names.insert(iface, name);
        }
    }
}

/// The clock, and how it was set since that was last told.
struct Watched {
    clock: Clock,
    set: Vec<WasSet>,
}

impl Watched {
    fn look(&mut self) {
        self.set.extend(self.clock.look());
    }

    /// The time to tell of a packet.
    fn time(&mut self, raw: Timestamp) -> Timestamp {
        if self.clock.is_ahead(raw) {
            self.look();
        }
        self.clock.time(raw)
    }
}

impl Device {
    fn open(
        name: &str,
        source: u16,
        filter: Option<&str>,
        options: &LiveOptions,
    ) -> Result<Self, Error> {
        let any = name == "any";
        let bytes = options.buffer_mib.saturating_mul(1024 * 1024);
        let mut handle = Capture::from_device(name)
            .map(|handle| {
                handle
                    // On `any` it would be a warning, which the wrapper takes for an error.
                    .promisc(!any)
                    .immediate_mode(false)
                    .timeout(i32::from(WAIT_MS))
                    .buffer_size(i32::try_from(bytes).unwrap_or(i32::MAX))
                    .snaplen(i32::try_from(options.snaplen).unwrap_or(i32::MAX))
                    .precision(Precision::Nano)
            })
            .and_then(Capture::open)
            .map_err(|error| why_not(name, &error))?;
        if any {
            // Version 1 does not say which interface a packet was on. An old libpcap has no other: then so be it.
            let _ = handle.set_datalink(Linktype::LINUX_SLL2);
        }
        if let Some(filter) = filter {
            handle
                .filter(filter, true)
                .map_err(|error| explain(filter, reason(&error)))?;
        }
        let link = handle.get_datalink().0;
        let handle = handle
            .setnonblock()
            .map_err(|error| why_not(name, &error))?;
        Ok(Self {
            name: name.to_owned(),
            source,
            handle: Some(handle),
            gone: None,
            link: LinkType(u16::try_from(link).unwrap_or(u16::MAX)),
            frames: 0,
            drops: Drops::default(),
            held: Queue::default(),
        })
    }

    /// Each packet says which interface it was on.
    fn is_cooked(&self) -> bool {
        self.link == LinkType::LINUX_SLL2
    }

    /// Keeps what the kernel has until it is its turn.
    fn hold(&mut self, clock: &mut Watched) -> Result<usize, String> {
        let mut held = std::mem::take(&mut self.held);
        let result = self.read(clock, |record| held.push(&record));
        self.held = held;
        result
    }

    /// Hands on what the kernel has, at most a turn's worth.
    fn read(
        &mut self,
        clock: &mut Watched,
        mut each: impl FnMut(Record<'_>),
    ) -> Result<usize, String> {
        let Some(handle) = &mut self.handle else {
            return Ok(0);
        };
        let (source, link, frames) = (self.source, self.link, &mut self.frames);
        handle
            .dispatch(Some(TURN), |packet| {
                *frames += 1;
                let stamp = packet.header.ts;
                let stamp = Timestamp::from_secs(stamp.tv_sec, stamp.tv_usec);
                each(Record {
                    at: Stamp {
                        ts: clock.time(stamp),
                        frame: *frames,
                        source,
                        iface: 0,
                    },
                    link,
                    wire_len: packet.header.len,
                    data: packet.data,
                });
            })
            .map_err(|error| reason(&error))
    }

    fn count_drops(&mut self) {
        if let Some(handle) = &mut self.handle
            && let Ok(stat) = handle.stats()
        {
            self.drops.update(stat);
        }
    }

    fn close(&mut self) {
        self.count_drops();
        self.gone = self.handle.take();
    }
}

/// Of all the reasons why an interface cannot be opened, the two that are usual have answers.
fn why_not(name: &str, error: &pcap::Error) -> Error {
    let there_are: Vec<String> = devices::interfaces()
        .unwrap_or_default()
        .into_iter()
        .map(|interface| interface.name)
        .collect();
    let name = name.to_owned();
    if !there_are.is_empty() && !there_are.contains(&name) {
        return Error::NoSuchInterface {
            name,
            there_are: there_are.join(", "),
        };
    }
    let reason = reason(error);
    let lower = reason.to_lowercase();
    if lower.contains("permission") || lower.contains("not permitted") {
        return Error::Permission(name);
    }
    Error::Interface { name, reason }
}

//! What the capture thread hands to the analyzing one: batches of events, which a file waits with and a live capture sheds.

use crossbeam_channel::{Sender, TrySendError};

use crate::event::Event;

/// Events in one message, at most: as many as make waking a thread up for them cheap.
pub(super) const BATCH: usize = 256;
/// Room in one: what a block of records adds to a message that is nearly full.
const ROOM: usize = BATCH + BATCH / 4;
/// Events that are quickly copied.
const FEW: usize = 32;
/// So many wait that no more small ones are to be added.
const PLENTY: usize = 8;

pub(super) type Batch = Vec<Event>;

/// What happens to a batch when the analyzer is behind.
pub(super) enum Outbox {
    /// A file waits.
    Block(Sender<Batch>),
    /// A live capture does not: the batch is lost, and counted.
    Shed {
        sender: Sender<Batch>,
        shed: u64,
        /// The analyzer is still to be told.
        owed: bool,
    },
}

impl Outbox {
    /// Of a live capture.
    pub(super) const fn shedding(sender: Sender<Batch>) -> Self {
        Self::Shed {
            sender,
            shed: 0,
            owed: false,
        }
    }

    /// Sends what there is. False if nobody listens any more.
    pub(super) fn send(&mut self, events: &mut Vec<Event>) -> bool {
        if events.is_empty() {
            return true;
        }
        match self {
            Self::Block(sender) => sender.send(taken(events)).is_ok(),
            // Who is behind gets whole batches, so that there is room for more events.
            Self::Shed { sender, .. } if events.len() < BATCH && sender.len() >= PLENTY => true,
            Self::Shed { sender, shed, owed } => {
                if *owed {
                    events.insert(0, Event::Shed);
                }
                match sender.try_send(taken(events)) {
                    Ok(()) => {
                        *owed = false;
                        true
                    }
                    Err(TrySendError::Disconnected(_)) => false,
                    Err(TrySendError::Full(batch)) => {
                        // Names are said once only, so they wait for better times.
                        for event in batch {
                            match event {
                                Event::Interface { .. } => events.push(event),
                                Event::Shed => {}
                                _ => *shed += 1,
                            }
                        }
                        *owed = true;
                        true
                    }
                }
            }
        }
    }

    /// For what is told last, behind these events. It may wait: there is nothing left to capture.
    pub(super) fn waiting(self, events: &mut Vec<Event>) -> Self {
        if let Self::Shed { owed: true, .. } = self {
            events.insert(0, Event::Shed);
        }
        let (Self::Block(sender) | Self::Shed { sender, .. }) = self;
        Self::Block(sender)
    }

    pub(super) const fn shed(&self) -> u64 {
        match self {
            Self::Block(_) => 0,
            Self::Shed { shed, .. } => *shed,
        }
    }
}

/// Takes out what there is; of little, a copy is less than room for as much as there may be.
fn taken(events: &mut Vec<Event>) -> Batch {
    if events.len() < FEW {
        let mut few = Vec::with_capacity(events.len());
        few.append(events);
        few
    } else {
        std::mem::replace(events, Vec::with_capacity(ROOM))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn tick() -> Event {
        Event::Tick(Timestamp::from_nanos(0))
    }

    fn name() -> Event {
        Event::Interface {
            source: 0,
            iface: 0,
            name: "eth0".into(),
        }
    }

    #[test]
    fn live_what_does_not_fit_is_counted_and_names_wait() {
        let (sender, receiver) = crossbeam_channel::bounded(1);
        let mut outbox = Outbox::shedding(sender);
        let mut events = vec![tick()];
        assert!(outbox.send(&mut events));
        events.extend([tick(), name(), tick()]);
        assert!(outbox.send(&mut events));
        assert_eq!((outbox.shed(), events.len()), (2, 1));
        // Again, with the word of it: that is no event that was lost.
        assert!(outbox.send(&mut events));
        assert_eq!((outbox.shed(), events.len()), (2, 1));
        assert!(matches!(receiver.recv().unwrap()[..], [Event::Tick(_)]));
        assert!(outbox.send(&mut events));
        assert!(matches!(
            receiver.recv().unwrap()[..],
            [Event::Shed, Event::Interface { .. }]
        ));
        // Said once.
        assert!(outbox.send(&mut vec![tick()]));
        assert!(matches!(receiver.recv().unwrap()[..], [Event::Tick(_)]));
        drop(receiver);
        assert!(!outbox.send(&mut vec![tick()]));
    }

    #[test]
    fn live_small_batches_wait_for_more_where_the_analyzer_is_behind() {
        let (sender, receiver) = crossbeam_channel::bounded(16);
        let mut outbox = Outbox::shedding(sender);
        let mut events = Vec::new();
        for _ in 0..1_000 {
            events.push(tick());
            assert!(outbox.send(&mut events));
        }
        assert_eq!(outbox.shed(), 0);
        assert!(receiver.len() < PLENTY + 1_000 / BATCH + 1);
        assert!(receiver.try_iter().skip(PLENTY).all(|b| b.len() == BATCH));
    }

    #[test]
    fn the_last_batches_wait_and_say_what_was_shed() {
        let (sender, receiver) = crossbeam_channel::bounded(1);
        let mut outbox = Outbox::shedding(sender);
        assert!(outbox.send(&mut vec![tick()]) && outbox.send(&mut vec![tick()]));
        assert!(receiver.recv().is_ok());
        let mut events = vec![tick()];
        assert!(outbox.waiting(&mut events).send(&mut events));
        let last = receiver.recv().unwrap();
        assert!(matches!(last[..], [Event::Shed, Event::Tick(_)]));
    }
}

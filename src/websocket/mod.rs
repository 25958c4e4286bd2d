//! The WebSocket protocol as seen from beside the wire: handshake fields, frame headers, Close frames (RFC 6455); and the
//! libraries that can do without it.
//!
//! Knows the heads that `http` read, and no connection. Payloads of data frames are never looked at; those of control
//! frames (at most 125 bytes) only where they say something: a Close has a code and a reason. Codes that nobody knows
//! keep their number.

mod close;
mod frame;
mod handshake;
mod key;
mod library;
mod passing;
mod trips;
mod walker;

pub use close::{Close, CloseCode};
pub use frame::{FrameHeader, Opcode, Rsv};
pub(crate) use handshake::is_handshake_name;
pub use handshake::{
    Accept, Answer, Extension, List, Offer, Param, accept_for, asks_for_websocket,
    bears_websocket_field, is_valid_key, switches_to_websocket,
};
pub use key::Key;
pub(crate) use library::is_target_of_library;
pub use library::{Library, Poll, Traces, Transport};
pub use passing::{Passing, Ping, Sizes};
pub use trips::RoundTrips;
pub use walker::{FrameStep, FrameWalker, Payload, Whole};

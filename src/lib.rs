//! wscap: why WebSockets break, seen from beside the wire.
//!
//! Packets come in on the left, judgements go out on the right, and nothing flows back:
//!
//! ```text
//! capture → packet → stream → http, websocket → dissect ║ attempt → judge → tally → report, tui
//! ```
//!
//! Left of the channel (`║`) every room states facts about one connection; [`attempt`] states facts about several;
//! only [`judge`] judges. The rooms between [`capture`] and [`report`] touch no socket, file, clock, thread or terminal.

pub mod attempt;
pub mod capture;
pub mod cli;
pub mod dissect;
pub mod event;
pub mod flow;
mod hash;
pub mod http;
pub mod judge;
pub mod limits;
pub mod packet;
pub mod pipeline;
pub mod record;
pub mod report;
mod slab;
pub mod stream;
pub mod tally;
pub mod time;
pub mod tui;
pub mod websocket;

//! What judges ask of a leg of a WebSocket that is over.

use std::time::Duration;

use super::tail::first_end;
use crate::attempt::ClosingLeg;
use crate::time::Timestamp;

impl ClosingLeg {
    /// When it ended; while it has not, when the WebSocket did.
    pub fn end_or(&self, closing: Timestamp) -> Timestamp {
        self.first_end().unwrap_or(closing)
    }

    /// How long both sides were silent before the end of this leg, or of the WebSocket.
    pub fn idle_before(&self, closing: Timestamp) -> Duration {
        let [client, server] = self.last_bytes;
        let last = client.max(server).unwrap_or(self.opened_at);
        self.end_or(closing).since(last)
    }

    /// The first Close, FIN or RST, or since when its bytes go unacknowledged.
    pub(super) fn first_end(&self) -> Option<Timestamp> {
        first_end(&self.closes, &self.tcp_ends, self.retransmitting)
    }
}

//! Small pieces, sent as they come.

use super::TcpPeer;

impl TcpPeer {
    /// From now on the kernel sends small pieces at once (`TCP_NODELAY`). Without it, a piece may wait for the acknowledgement of the one
    /// before, up to 40 ms: nothing for a conversation, much for a long one.
    pub fn no_delay(&mut self) {
        let _ = self.stream.set_nodelay(true);
    }
}

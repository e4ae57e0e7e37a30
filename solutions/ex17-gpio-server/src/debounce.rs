// CANARY-7f3a91c2-hidden
//! Edges to presses: the two contacts of a button meet several times before they stay together.

use std::time::Duration;

/// Finds the presses among the edges of one button to ground, whose pin is pulled up: pressed is low.
///
/// It never looks at a clock. What counts is when an edge happened, not when somebody gets round to it.
#[derive(Debug)]
pub struct Debouncer {
    // SOLUTION window: Duration,
    // STUB // what else has to be remembered between two edges
    window: Duration,
    /// When the button was last seen to go down or up.
    changed: Option<Duration>,
    /// The level that the last edge led to; a button that nobody has touched is high.
    high: bool,
    // END SOLUTION
}

impl Debouncer {
    /// A button that is up.
    pub fn new(window: Duration) -> Debouncer {
        // SOLUTION todo!("Debouncer::new: a button that nobody has touched")
        Debouncer {
            window,
            changed: None,
            high: true,
        }
        // END SOLUTION
    }

    /// Takes the next edge: when it happened, and the level that it led to. Says whether it is a press.
    ///
    /// - An edge to another level than that of the edge before it is a change: the button goes down or comes up. Going down is a press.
    /// - For `window` after a change, edges are the contacts bouncing, and none of them is a change. One exactly at the end of the window
    ///   is outside of it, and is compared with the last edge within.
    /// - Several edges to one level may come in a row: those between them were too short to be seen. Only the first is a change.
    pub fn feed(&mut self, at: Duration, high: bool) -> bool {
        // SOLUTION todo!("Debouncer::feed: is this edge the beginning of a press?")
        let bouncing = self.changed.is_some_and(|changed| at < changed + self.window);
        let changes = high != self.high && !bouncing;
        if changes {
            self.changed = Some(at);
        }
        self.high = high; // also while it bounces: how it ends is how it is
        changes && !high
        // END SOLUTION
    }
}

//! What the worker is to grade next: only ever the newest work, and a run that is out of date ends at once.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::process::Interrupt;
use crate::submission::Work;

/// One place for one order.
#[derive(Debug, Default)]
pub struct Orders {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    newest: Option<(u64, Work)>,
    closed: bool,
}

impl Orders {
    /// Orders this run, and ends the one that is under way.
    pub fn put(&self, run: u64, work: Work, under_way: &Interrupt) {
        let mut state = self.lock();
        state.newest = Some((run, work));
        under_way.now();
        self.changed.notify_all();
    }

    /// Waits for the newest order, and lets its run go on; nothing when there will be no more.
    pub fn take(&self, under_way: &Interrupt) -> Option<(u64, Work)> {
        let waits = |state: &mut State| state.newest.is_none() && !state.closed;
        let state = self.changed.wait_while(self.lock(), waits);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return None;
        }
        // Under the lock, as the interrupt is: an order that comes now interrupts the run of this one.
        under_way.over();
        state.newest.take()
    }

    /// There will be no more orders; what is under way ends.
    pub fn close(&self, under_way: &Interrupt) {
        self.lock().closed = true;
        under_way.now();
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_order_is_taken_and_it_may_run() {
        let (orders, interrupt) = (Orders::default(), Interrupt::default());
        orders.put(1, Work::default(), &interrupt);
        orders.put(2, Work::default(), &interrupt);
        assert!(interrupt.is_asked(), "whatever runs is out of date");
        assert_eq!(orders.take(&interrupt).map(|(run, _)| run), Some(2));
        assert!(!interrupt.is_asked());
        orders.close(&interrupt);
        assert!(interrupt.is_asked());
        assert_eq!(orders.take(&interrupt), None);
    }
}

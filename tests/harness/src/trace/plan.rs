//! What a test wants of the tracer.
use super::{
    call::{BOOKKEEPING, Call},
    fault::Fault,
};

/// Which calls are recorded and which faults are put in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    /// Recorded under all their names.
    pub calls: Vec<Call>,
    pub faults: Vec<Fault>,
    /// Record `read`, `write`, `close` and their like on files and pipes too.
    pub files: bool,
}

impl Plan {
    /// With all socket calls when only faults were asked for: a report shows what the program did with them.
    #[cfg(target_os = "linux")]
    pub fn for_a_chart(&self) -> Plan {
        let mut plan = self.clone();
        if plan.calls.is_empty() {
            plan.calls.extend_from_slice(super::SOCKET_CALLS);
        }
        plan
    }

    #[cfg(target_os = "linux")]
    pub(super) fn records(&self, call: Call) -> bool {
        self.calls.iter().any(|wanted| wanted.same(call))
    }

    /// Whether the arguments of this call matter to anybody.
    #[cfg(target_os = "linux")]
    pub(super) fn looks_into(&self, call: Call) -> bool {
        !self.faults.is_empty() || self.records(call)
    }

    /// The numbers of all calls that have to stop.
    #[cfg(target_os = "linux")]
    pub(super) fn numbers(&self) -> Vec<i64> {
        let faulty = self.faults.iter().flat_map(Fault::calls);
        let mut numbers: Vec<i64> = self
            .calls
            .iter()
            .copied()
            .chain(faulty)
            .flat_map(Call::numbers)
            .collect();
        numbers.extend(BOOKKEEPING.iter().filter_map(|call| call.number()));
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

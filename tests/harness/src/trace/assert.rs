//! Questions about recorded calls, worded as a lesson would ask them.
//!
//! A question answers with `Ok(())` or a [`Finding`]; `lab.expect_calls("doing", calls.once(Call::Bind))` turns that into a step of a test.
use super::{
    call::Call,
    event::{Decoded, Event},
    values::option_name,
};
use std::{collections::BTreeSet, fmt, ops::Deref, time::Duration};

/// Recorded calls, in the order in which they returned; `close` stands where it was called.
#[derive(Debug, Clone, Default)]
pub struct Calls {
    events: Vec<Event>,
    /// When the recording was looked at.
    taken: Duration,
}

/// What was expected of the calls, and what was seen instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What should have been so.
    pub expected: String,
    /// The calls that show that it was not.
    pub received: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}; received {}", self.expected, self.received)
    }
}

impl std::error::Error for Finding {}

/// One call of an expected order: which call, and perhaps more about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    call: Call,
    option: Option<String>,
    fd: Option<i32>,
    returning: Option<i64>,
}

impl From<Call> for Pattern {
    fn from(call: Call) -> Pattern {
        Pattern {
            call,
            option: None,
            fd: None,
            returning: None,
        }
    }
}

impl Call {
    /// This call about the option of that name: `Call::Setsockopt.option("SO_REUSEADDR")`.
    pub fn option(self, name: &str) -> Pattern {
        Pattern {
            option: Some(name.to_owned()),
            ..self.into()
        }
    }

    /// This call on that descriptor.
    pub fn on(self, fd: i32) -> Pattern {
        Pattern {
            fd: Some(fd),
            ..self.into()
        }
    }

    /// This call with that result: `Call::Recvfrom.returning(0)`.
    pub fn returning(self, value: i64) -> Pattern {
        Pattern {
            returning: Some(value),
            ..self.into()
        }
    }
}

impl Pattern {
    /// The same, and on that descriptor.
    pub fn on(self, fd: i32) -> Pattern {
        Pattern { fd: Some(fd), ..self }
    }

    /// The same, and with that result.
    pub fn returning(self, value: i64) -> Pattern {
        Pattern {
            returning: Some(value),
            ..self
        }
    }

    /// Whether the event is such a call.
    pub fn matches(&self, event: &Event) -> bool {
        let option = |wanted: &String| match event.args {
            Decoded::Option { level, name, .. } => option_name(level, name) == *wanted,
            _ => false,
        };
        event.is(self.call)
            && self.option.as_ref().is_none_or(option)
            && self.fd.is_none_or(|fd| event.fd == Some(fd))
            && self.returning.is_none_or(|value| event.result == Ok(value))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.call)?;
        let inside: Vec<String> = self.fd.iter().map(i32::to_string).chain(self.option.clone()).collect();
        if !inside.is_empty() {
            write!(f, "({})", inside.join(", "))?;
        }
        self.returning.map_or(Ok(()), |value| write!(f, " = {value}"))
    }
}

impl Deref for Calls {
    type Target = [Event];
    fn deref(&self) -> &[Event] {
        &self.events
    }
}

impl IntoIterator for Calls {
    type Item = Event;
    type IntoIter = std::vec::IntoIter<Event>;
    fn into_iter(self) -> Self::IntoIter {
        self.events.into_iter()
    }
}

/// Parts of a recording.
impl Calls {
    pub(crate) fn new(events: Vec<Event>, taken: Duration) -> Calls {
        Calls { events, taken }
    }

    fn only(&self, keep: impl Fn(&Event) -> bool) -> Calls {
        Calls {
            events: self.iter().filter(|event| keep(event)).cloned().collect(),
            taken: self.taken,
        }
    }

    /// Those that are `call`, by any of its names.
    pub fn of(&self, call: Call) -> Calls {
        self.only(|event| event.is(call))
    }

    /// Those about this descriptor.
    pub fn on(&self, fd: i32) -> Calls {
        self.only(|event| event.fd == Some(fd))
    }

    /// Those of this process.
    pub fn of_process(&self, pid: i32) -> Calls {
        self.only(|event| event.process == pid)
    }

    /// Those from this time on.
    pub fn since(&self, from: Duration) -> Calls {
        self.only(|event| event.at >= from)
    }

    /// Those that returned between these times.
    pub fn within(&self, from: Duration, to: Duration) -> Calls {
        self.only(|event| (from..to).contains(&event.at))
    }

    /// How many there are of `call`.
    pub fn count(&self, call: Call) -> usize {
        self.iter().filter(|event| event.is(call)).count()
    }

    /// The threads that made them.
    pub fn threads(&self) -> BTreeSet<i32> {
        self.iter().map(|event| event.thread).collect()
    }

    /// The backlog of the last `listen`.
    pub fn backlog(&self) -> Option<i32> {
        self.iter().rev().find_map(Event::backlog)
    }

    /// The descriptors that `accept` returned, in order; a number that was used again stands there again.
    pub fn accepted(&self) -> Vec<i32> {
        self.iter()
            .filter(|event| event.is(Call::Accept))
            .filter_map(|event| event.returned().map(|fd| fd as i32))
            .collect()
    }

    /// One line for each, the middle of a long list left out.
    pub fn list(&self) -> String {
        const ENDS: usize = 10;
        let line = |event: &Event| format!("{:8.3}  {event}", event.at.as_secs_f64());
        if self.is_empty() {
            return "no call".into();
        }
        let mut lines: Vec<String> = self.iter().take(ENDS).map(line).collect();
        let rest = self.len() - lines.len();
        if rest > ENDS {
            lines.push(format!("          … {} more …", rest - ENDS));
        }
        lines.extend(self.iter().skip(self.len() - rest.min(ENDS)).map(line));
        lines.join("\n")
    }
}

/// Questions.
impl Calls {
    fn verdict(
        &self,
        holds: bool,
        expected: impl FnOnce() -> String,
        shown: impl FnOnce() -> String,
    ) -> Result<(), Finding> {
        if holds {
            Ok(())
        } else {
            Err(Finding {
                expected: expected(),
                received: shown(),
            })
        }
    }

    /// These calls came in this order; others may stand between them.
    pub fn in_order<P: Into<Pattern> + Clone>(&self, order: &[P]) -> Result<(), Finding> {
        let order: Vec<Pattern> = order.iter().cloned().map(Into::into).collect();
        let mut events = self.iter();
        let missing = order
            .iter()
            .position(|pattern| !events.any(|event| pattern.matches(event)));
        let expected = || order.iter().map(Pattern::to_string).collect::<Vec<_>>().join(", then ");
        self.verdict(missing.is_none(), expected, || {
            let n = missing.unwrap_or(0);
            let place = n
                .checked_sub(1)
                .map_or(String::new(), |before| format!(" after {}", order[before]));
            format!("no {}{place}:\n{}", order[n], self.among(&order).list())
        })
    }

    /// The events that have to do with an expected order.
    fn among(&self, order: &[Pattern]) -> Calls {
        self.only(|event| order.iter().any(|pattern| event.is(pattern.call)))
    }

    /// There was exactly one such call.
    pub fn once(&self, call: Call) -> Result<(), Finding> {
        let count = self.count(call);
        self.verdict(
            count == 1,
            || format!("{call} once"),
            || format!("{count} of them:\n{}", self.of(call).list()),
        )
    }

    /// There was no such call.
    pub fn never(&self, call: Call) -> Result<(), Finding> {
        self.at_most(call, 0)
    }

    /// There were at most `most` such calls.
    pub fn at_most(&self, call: Call, most: usize) -> Result<(), Finding> {
        let count = self.count(call);
        let expected = || {
            if most == 0 {
                format!("no {call}")
            } else {
                format!("at most {most} × {call}")
            }
        };
        self.verdict(count <= most, expected, || {
            format!("{count} of them:\n{}", self.of(call).list())
        })
    }

    /// Within no second were there more than `most` such calls.
    pub fn at_most_per_second(&self, call: Call, most: usize) -> Result<(), Finding> {
        const SECOND: Duration = Duration::from_secs(1);
        let mut times: Vec<Duration> = self.of(call).iter().map(|event| event.at).collect();
        times.sort_unstable();
        let within = |first: usize| times[first..].partition_point(|at| *at < times[first] + SECOND);
        let worst = (0..times.len())
            .map(|first| (within(first), times[first]))
            .max_by_key(|(count, _)| *count);
        let (count, at) = worst.unwrap_or_default();
        let expected = || format!("at most {most} × {call} in a second");
        self.verdict(count <= most, expected, || {
            format!("{count} of them in the second from {:.3} s on", at.as_secs_f64())
        })
    }

    /// No recorded call returned between these times.
    pub fn none_between(&self, from: Duration, to: Duration) -> Result<(), Finding> {
        let between = self.within(from, to);
        let expected = || format!("no call from {:.3} s to {:.3} s", from.as_secs_f64(), to.as_secs_f64());
        self.verdict(between.is_empty(), expected, || between.list())
    }

    /// No recorded call returned during the last `duration` before this recording was looked at.
    pub fn idle(&self, duration: Duration) -> Result<(), Finding> {
        let from = self.taken.checked_sub(duration);
        assert!(
            from.is_some(),
            "the recording is shorter than the {duration:?} asked about"
        );
        self.none_between(from.unwrap_or_default(), self.taken)
    }

    /// The descriptor was closed, and the number not used again since.
    pub fn closed(&self, fd: i32) -> Result<(), Finding> {
        let last = self.iter().rev().find(|event| closes(event, fd) || makes(event, fd));
        let closed = last.is_some_and(|event| closes(event, fd) && !makes(event, fd));
        self.verdict(
            closed,
            || format!("close({fd})"),
            || format!("descriptor {fd} is still open:\n{}", self.on(fd).list()),
        )
    }

    /// Every descriptor that `accept` returned was closed by the process that accepted it.
    pub fn accepted_are_closed(&self) -> Result<(), Finding> {
        let accepts = self.iter().enumerate().filter(|(_, event)| event.is(Call::Accept));
        let open: Vec<&Event> = accepts
            .filter(|(n, accept)| match accept.returned() {
                Some(fd) => !self[n + 1..]
                    .iter()
                    .any(|event| event.process == accept.process && closes(event, fd as i32)),
                None => false,
            })
            .map(|(_, accept)| accept)
            .collect();
        let list = || {
            open.iter()
                .map(|event| event.to_string())
                .collect::<Vec<_>>()
                .join("\n")
        };
        let expected = || "close() for every descriptor that accept() returned".to_owned();
        self.verdict(open.is_empty(), expected, || {
            format!("{} never closed:\n{}", open.len(), list())
        })
    }
}

fn closes(event: &Event, fd: i32) -> bool {
    match event.args {
        _ if event.result.is_err() => false,
        Decoded::Range(first, last, marks) => !marks && (first..=last).contains(&(fd as u32)),
        _ if matches!(event.call, Call::Dup2 | Call::Dup3) => makes(event, fd),
        _ => event.call == Call::Close && event.fd == Some(fd),
    }
}

fn makes(event: &Event, fd: i32) -> bool {
    let maker = matches!(
        event.call.plain(),
        Call::Socket | Call::Accept | Call::Dup | Call::EpollCreate1
    );
    maker && event.result == Ok(i64::from(fd))
}

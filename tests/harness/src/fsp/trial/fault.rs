//! What may happen in the middle of a conversation: the server is killed, time passes, a client moves.

use super::{Course, Schedule, Step, Trial};
use crate::fsp::{Oracle, Request, columns::Line};

/// One of these.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    /// The server is killed, and started again on its port.
    Crash,
    /// So many milliseconds pass on the server's clock.
    Time(u64),
    /// The first client goes on from another port.
    Move,
}

impl<'a> Trial<'a> {
    /// Here the server is killed, and started again.
    #[must_use]
    pub fn crash(self) -> Trial<'a> {
        self.fault(Fault::Crash)
    }

    /// Here so many milliseconds pass. The server is one whose clock stands still until it is told (`--clock manual`).
    #[must_use]
    pub fn silence(self, ms: u64) -> Trial<'a> {
        self.fault(Fault::Time(ms))
    }

    /// From here on, the first client asks from another port.
    #[must_use]
    pub fn moved(self) -> Trial<'a> {
        self.fault(Fault::Move)
    }

    /// Tries it without its faults, as a control that the check `fix_first` owns, and then with them.
    pub fn play(&self, fix_first: &str) {
        self.lab.control(fix_first, |_| self.once(None, false));
        self.once(None, true);
    }

    /// Tries it as it is: it has no faults, or they are what it is about.
    pub fn play_only(&self) {
        self.once(None, true);
    }

    fn fault(mut self, fault: Fault) -> Trial<'a> {
        self.steps.push(Step::Fault(fault));
        self
    }

    /// What a report says about the conversation.
    pub(super) fn about(&self, schedule: Option<Schedule>) -> String {
        if let Some(Step::Ask(_, what, _)) = self.copied.and_then(|at| self.steps.get(at)) {
            let how = schedule.map_or(String::new(), |schedule| format!(", with {}", schedule.words()));
            return format!("around `{what}`{how}");
        }
        match self.oracle {
            Oracle::Leased => "step by step".to_owned(),
            _ => "of one client".to_owned(),
        }
    }
}

impl Course<'_> {
    pub(super) fn suffer(&mut self, fault: &Fault) {
        let what = match fault {
            Fault::Crash => {
                self.server.crash_and_restart();
                self.learn_the_epoch();
                "the server crashes and restarts".to_owned()
            }
            Fault::Time(ms) => {
                self.advance(*ms);
                format!("{ms} ms pass")
            }
            Fault::Move => {
                self.clients[0].move_on(self.lab, "client, at a new port");
                "the client moves to a new port".to_owned()
            }
        };
        let what = format!("-- {what}");
        self.lines.push(Line {
            expected: what.clone(),
            received: what,
            same: true,
        });
    }

    /// Asks the server for the number of its life, which has to be a new one, and tells the model.
    pub(super) fn learn_the_epoch(&mut self) {
        let life = self.epochs.len() + 1;
        let mut asker = self.lab.fsp("somebody", self.server.addr());
        let request = Request::new(&format!("0000feed.{life}"), "HELLO");
        asker.send(&request);
        let reply = asker.reply_to(&request);
        let doing = format!("asking HELLO for the epoch of the server's life number {life}");
        let told = reply.fields();
        let numbers: Vec<u64> = told.iter().filter_map(|word| word.parse().ok()).collect();
        let (epoch, lease) = match (reply.is_ok(), &numbers[..]) {
            (true, &[epoch, lease]) if u32::try_from(epoch).is_ok() => (epoch as u32, lease),
            _ => self
                .lab
                .fail(&doing, "OK, the epoch and the lease in milliseconds", reply.shown()),
        };
        let known = self.epochs.iter().position(|known| *known == told[0]);
        if let Some(known) = known {
            let received = format!("{epoch}, which is that of life number {}, too", known + 1);
            self.lab.fail(&doing, "a number that no earlier life had", received);
        }
        self.epochs.push(told[0].clone());
        self.model = self.model.clone().leasing(epoch, lease);
    }

    fn advance(&mut self, ms: u64) {
        let mut clock = self.lab.fsp("clock", self.server.addr());
        let request = Request::new("00000000.1", &format!("ADVANCE {ms}"));
        self.model.deliver(&request);
        clock.send(&request);
        let reply = clock.reply_to(&request);
        let doing = "letting time pass on the server's clock";
        self.lab.expect(doing, "OK", reply.shown(), reply.is_ok());
    }
}

//! The chip's side of the pins: a model of the BCM2835's GPIO block, of what is wired to it, and of the kernel's line interrupts.
//!
//! It knows nothing of processes. The supervisor tells it every access to the registers and every line request, the script what is
//! connected outside; it answers with levels and with events for the lines. (BCM2835 ARM Peripherals, chapter 6; `linux/gpio.h`.)

use super::event::{Drive, Edges, Kind, Level, Mode, Pull};
use std::{collections::VecDeque, time::Duration};

/// Pins of the chip: BCM 0 to 53. Only 0 to 27 are on the header.
pub const PINS: usize = 54;
/// Highest pin on the header.
pub const HEADER: u8 = 27;
/// What the kernel keeps for a reader that is late: `event_buffer_size` of rppal's request.
const MOST_LINE_EVENTS: usize = 1024;
/// A pin that floats changes its level after so long, at most.
const NOISE_MICROS: u64 = 30_000;

/// Byte offsets of the registers.
mod register {
    pub const GPFSEL0: u64 = 0x00;
    pub const GPFSEL5: u64 = 0x14;
    pub const GPSET0: u64 = 0x1c;
    pub const GPSET1: u64 = 0x20;
    pub const GPCLR0: u64 = 0x28;
    pub const GPCLR1: u64 = 0x2c;
    pub const GPLEV0: u64 = 0x34;
    pub const GPLEV1: u64 = 0x38;
    pub const GPPUD: u64 = 0x94;
    pub const GPPUDCLK0: u64 = 0x98;
    pub const GPPUDCLK1: u64 = 0x9c;
}

/// One pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// What it does.
    pub mode: Mode,
    /// What it would show as an output.
    pub latch: Level,
    /// Its resistor.
    pub pull: Pull,
    /// What is connected outside.
    pub wired: Drive,
}

impl Pin {
    const AT_POWER_ON: Pin = Pin {
        mode: Mode::Input,
        latch: Level::Low,
        pull: Pull::Off,
        wired: Drive::Open,
    };

    /// The level that the program puts on it, if it does.
    pub fn driven(&self) -> Option<Level> {
        (self.mode == Mode::Output).then_some(self.latch)
    }

    /// Its level, unless it floats.
    pub fn level(&self) -> Option<Level> {
        match (self.driven(), self.wired, self.pull) {
            (Some(level), ..) => Some(level),
            (None, Drive::Low, _) | (None, Drive::Open, Pull::Down) => Some(Level::Low),
            (None, Drive::High, _) | (None, Drive::Open, Pull::Up) => Some(Level::High),
            (None, Drive::Open, Pull::Off) => None,
        }
    }
}

/// An edge as the kernel reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineEvent {
    pub at: Duration,
    pub level: Level,
    pub number: u32,
}

/// A line request that is in force.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub edges: Edges,
    pub debounce: Option<Duration>,
    /// The level that the reader has been told of, or knew at the request.
    told: Level,
    /// With a debounce: since when the level has been what it is, if it is not yet told.
    changed: Option<Duration>,
    pub queue: VecDeque<LineEvent>,
    count: u32,
    /// When it next picks up noise, should its pin float then.
    noise: Duration,
    /// Broken by the test: reading fails.
    pub broken: bool,
}

/// The whole board.
#[derive(Debug, Clone)]
pub struct Board {
    pins: [Pin; PINS],
    lines: Vec<Option<Line>>,
    /// What was written to GPPUD, for the next clock.
    pending_pull: Pull,
    seed: u64,
    /// How often a level register was read.
    pub(super) level_reads: u64,
    /// What happened since it was last taken.
    news: Vec<Kind>,
}

impl Board {
    pub(super) fn new() -> Board {
        Board {
            pins: [Pin::AT_POWER_ON; PINS],
            lines: vec![None; PINS],
            pending_pull: Pull::Off,
            seed: 1,
            level_reads: 0,
            news: Vec::new(),
        }
    }

    pub(super) fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    pub(super) fn set_latch(&mut self, bcm: u8, level: Level) {
        self.pins[usize::from(bcm)].latch = level;
    }

    /// A pin as it is now. `bcm` is below [`PINS`].
    pub fn pin(&self, bcm: u8) -> &Pin {
        &self.pins[usize::from(bcm)]
    }

    pub(super) fn take_news(&mut self) -> Vec<Kind> {
        std::mem::take(&mut self.news)
    }

    /// The program reads the register at byte `offset`.
    pub(super) fn read(&mut self, offset: u64, now: Duration) -> u32 {
        match offset & !3 {
            at @ register::GPFSEL0..=register::GPFSEL5 => self.modes(at),
            register::GPLEV0 => self.levels(0, now),
            register::GPLEV1 => self.levels(32, now),
            register::GPPUD => self.pending_pull as u32,
            // Write-only registers and those for edges, which rppal leaves to the kernel.
            _ => 0,
        }
    }

    /// The same, without any trace: for a look that is not the program's.
    pub(super) fn peek(&self, offset: u64, now: Duration) -> u32 {
        self.clone().read(offset, now)
    }

    /// The program writes the register at byte `offset`.
    pub(super) fn write(&mut self, offset: u64, value: u32, now: Duration) {
        match offset & !3 {
            at @ register::GPFSEL0..=register::GPFSEL5 => self.set_modes(at, value, now),
            register::GPSET0 => self.set_latches(0, value, Level::High, now),
            register::GPSET1 => self.set_latches(32, value, Level::High, now),
            register::GPCLR0 => self.set_latches(0, value, Level::Low, now),
            register::GPCLR1 => self.set_latches(32, value, Level::Low, now),
            register::GPPUD => self.pending_pull = [Pull::Off, Pull::Down, Pull::Up, Pull::Off][value as usize & 3],
            register::GPPUDCLK0 => self.clock_pulls(0, value, now),
            register::GPPUDCLK1 => self.clock_pulls(32, value, now),
            _ => {}
        }
    }

    /// Connects something to a pin, or takes it away.
    pub(super) fn wire(&mut self, bcm: u8, drive: Drive, now: Duration) {
        let change = |pin: &mut Pin| pin.wired = drive;
        self.change(bcm, now, change, Kind::Wired(bcm, drive));
    }

    fn modes(&self, at: u64) -> u32 {
        let first = 10 * (at / 4) as usize;
        let fields = self.pins[first..PINS.min(first + 10)].iter().enumerate();
        fields.fold(0, |word, (n, pin)| word | code(pin.mode) << (3 * n))
    }

    fn set_modes(&mut self, at: u64, value: u32, now: Duration) {
        let first = 10 * (at / 4) as usize;
        for bcm in first..PINS.min(first + 10) {
            let mode = MODES[(value >> (3 * (bcm - first)) & 7) as usize];
            if self.pins[bcm].mode != mode {
                self.change(bcm as u8, now, |pin| pin.mode = mode, Kind::Mode(bcm as u8, mode));
            }
        }
    }

    fn set_latches(&mut self, first: usize, mask: u32, level: Level, now: Duration) {
        for bcm in bits(first, mask) {
            self.change(bcm, now, |pin| pin.latch = level, Kind::Latch(bcm, level));
        }
    }

    fn clock_pulls(&mut self, first: usize, mask: u32, now: Duration) {
        let pull = self.pending_pull;
        for bcm in bits(first, mask) {
            self.change(bcm, now, |pin| pin.pull = pull, Kind::Pull(bcm, pull));
        }
    }

    fn levels(&mut self, first: usize, now: Duration) -> u32 {
        self.level_reads += 1;
        let last = PINS.min(first + 32);
        let high = |bcm: &usize| self.level(*bcm as u8, now) == Level::High;
        (first..last)
            .filter(high)
            .fold(0, |word, bcm| word | 1 << (bcm - first))
    }

    /// The level that a look at the pin shows. One that floats shows anything.
    fn level(&self, bcm: u8, now: Duration) -> Level {
        let noise =
            || Level::from(mixed(self.seed ^ self.level_reads << 8 ^ u64::from(bcm) ^ now.as_nanos() as u64) & 1 == 1);
        self.pin(bcm).level().unwrap_or_else(noise)
    }

    fn change(&mut self, bcm: u8, now: Duration, change: impl FnOnce(&mut Pin), kind: Kind) {
        let before = *self.pin(bcm);
        change(&mut self.pins[usize::from(bcm)]);
        self.news.push(kind);
        let after = *self.pin(bcm);
        if before.driven() != after.driven() {
            self.news.push(Kind::Driven(bcm, after.driven()));
        }
        if let Some(level) = after.level() {
            self.line_sees(bcm, level, now);
        }
    }
}

/// Interrupts.
impl Board {
    pub(super) fn line(&mut self, bcm: u8) -> Option<&mut Line> {
        self.lines.get_mut(usize::from(bcm))?.as_mut()
    }

    /// A line request; the errno of a refusal is EBUSY. The request may bring a resistor.
    pub(super) fn request(&mut self, bcm: u8, edges: Edges, debounce: Option<Duration>, now: Duration) -> bool {
        let free = self.lines.get(usize::from(bcm)).is_some_and(Option::is_none);
        if free {
            let line = Line {
                edges,
                debounce,
                told: self.level(bcm, now),
                changed: None,
                queue: VecDeque::new(),
                count: 0,
                noise: now + self.gap(bcm, 0),
                broken: false,
            };
            self.lines[usize::from(bcm)] = Some(line);
            self.news.push(Kind::Interrupt(bcm, edges, debounce));
        }
        free
    }

    pub(super) fn release(&mut self, bcm: u8) {
        if self.lines[usize::from(bcm)].take().is_some() {
            self.news.push(Kind::NoInterrupt(bcm));
        }
    }

    /// When something is going to happen at the lines by itself: a debounce runs out, or a floating pin picks up noise.
    pub(super) fn next(&self, now: Duration) -> Option<Duration> {
        let lines = self.lines.iter().enumerate();
        lines
            .filter_map(|(bcm, line)| {
                let line = line.as_ref()?;
                let settled = line.changed.and_then(|since| Some(since + line.debounce?));
                settled.or_else(|| self.next_noise(bcm as u8, now))
            })
            .min()
    }

    fn next_noise(&self, bcm: u8, now: Duration) -> Option<Duration> {
        let floats = self.pin(bcm).level().is_none();
        let line = self.lines[usize::from(bcm)].as_ref().filter(|_| floats)?;
        Some(line.noise.max(now))
    }

    /// How long a floating pin stays as it is.
    fn gap(&self, bcm: u8, count: u32) -> Duration {
        Duration::from_micros(1 + mixed(self.seed ^ u64::from(bcm) << 32 ^ u64::from(count)) % NOISE_MICROS)
    }

    /// What `next` announced has come.
    pub(super) fn advance(&mut self, now: Duration) {
        for bcm in 0..PINS as u8 {
            let floats = self.pin(bcm).level().is_none();
            let Some(count) = self.line(bcm).map(|line| line.count) else {
                continue;
            };
            let gap = self.gap(bcm, count + 1);
            let Some(line) = self.line(bcm) else { continue };
            match (line.changed, line.debounce) {
                (Some(since), Some(debounce)) if since + debounce <= now => {
                    line.changed = None;
                    self.tell(bcm, now);
                }
                (None, _) if floats && line.noise <= now => {
                    line.noise = now + gap;
                    let level = line.told.other();
                    self.line_sees(bcm, level, now);
                }
                _ => {}
            }
        }
    }

    /// A level at a pin with a line: the kernel notes a change at once, or with a debounce when it has lasted.
    fn line_sees(&mut self, bcm: u8, level: Level, now: Duration) {
        let Some(line) = self.line(bcm) else { return };
        match (line.debounce, level == line.told) {
            (None, true) => {}
            (None, false) => self.tell(bcm, now),
            (Some(_), true) => line.changed = None,
            (Some(_), false) => line.changed = Some(now),
        }
    }

    fn tell(&mut self, bcm: u8, now: Duration) {
        let Some(line) = self.line(bcm) else { return };
        line.told = line.told.other();
        let level = line.told;
        self.report(bcm, level, now);
    }

    /// Puts an edge into the queue of the pin's line, if its reader wants such edges.
    pub(super) fn report(&mut self, bcm: u8, level: Level, now: Duration) {
        let Some(line) = self.line(bcm) else { return };
        if !line.edges.wants(level) {
            return;
        }
        line.count += 1;
        if line.queue.len() == MOST_LINE_EVENTS {
            line.queue.pop_front();
        }
        let event = LineEvent {
            at: now,
            level,
            number: line.count,
        };
        line.queue.push_back(event);
        self.news.push(Kind::Edge(bcm, level));
    }
}

/// The modes by their code in GPFSELn.
const MODES: [Mode; 8] = [
    Mode::Input,
    Mode::Output,
    Mode::Alt(5),
    Mode::Alt(4),
    Mode::Alt(0),
    Mode::Alt(1),
    Mode::Alt(2),
    Mode::Alt(3),
];

fn code(mode: Mode) -> u32 {
    MODES.iter().position(|one| *one == mode).unwrap_or(0) as u32
}

fn bits(first: usize, mask: u32) -> impl Iterator<Item = u8> {
    (0..32)
        .filter(move |n| mask >> n & 1 == 1)
        .map(move |n| (first + n) as u8)
        .filter(|bcm| usize::from(*bcm) < PINS)
}

/// SplitMix64's last step: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
fn mixed(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

//! The files by which rppal finds its Pi: `/proc/cpuinfo`, `/dev/gpiomem`, `/dev/gpiochip0`, and the kernel's line interrupts.
//!
//! Their descriptors are real ones, made by the program's own process at our request, so that nothing has to be handed over a socket that
//! a jail would close: a pipe with the text, and an `eventfd` for everything else. Sources: `linux/gpio.h`; rppal 0.22.1.

use super::{Alive, Gone, Supervisor, clock::LOOK, task::File};
use crate::{
    pi::event::Edges,
    trace::{
        arch::Registers,
        bytes::{u32_at, u64_at},
        memory::peek,
    },
};
use nix::{errno::Errno, libc, unistd::Pid};
use std::time::Duration;

/// A Raspberry Pi 3 B, as its kernel describes it.
const CPUINFO: &str = "processor\t: 0\nmodel name\t: ARMv7 Processor rev 4 (v7l)\n\nHardware\t: BCM2835\nRevision\t: a02082\n\
    Serial\t\t: 0000000000000000\nModel\t\t: Raspberry Pi 3 Model B Rev 1.2\n";
const LONGEST_PATH: usize = 64;

/// `GPIO_GET_CHIPINFO_IOCTL` and `GPIO_V2_GET_LINE_IOCTL`.
const CHIP_INFO: u64 = 0x8044_B401;
const GET_LINE: u64 = 0xC250_B407;
/// Places in `struct gpio_v2_line_request`.
const REQUEST_SIZE: usize = 592;
const FLAGS_AT: usize = 288;
const ATTRIBUTES_AT: usize = 296;
const FIRST_ATTRIBUTE_AT: usize = 320;
const ATTRIBUTE_SIZE: usize = 24;
const LINES_AT: usize = 560;
const FD_AT: u64 = 588;
const RISING: u64 = 0x10;
const FALLING: u64 = 0x20;
const DEBOUNCE: u32 = 3;

impl Supervisor {
    pub(super) fn opens(&mut self, thread: i32, entry: &Registers, path: u64) -> Alive<()> {
        let path = self.text(thread, path);
        let opened = match path.as_deref() {
            Some("/proc/cpuinfo") => self.cpuinfo(thread)?,
            Some("/dev/gpiomem") => {
                self.shared.lock().opened = true;
                self.made_up(thread, File::Memory, 0)?
            }
            Some("/dev/gpiochip0") => self.made_up(thread, File::Chip, 0)?,
            // Whatever this machine itself has of the kind is not for the program.
            Some(path) if path.starts_with("/dev/gpio") || path == "/dev/mem" => -(Errno::ENOENT as i64),
            _ => {
                self.dirty = true;
                self.works(thread, LOOK);
                return Ok(());
            }
        };
        self.answer(thread, entry, opened)?;
        self.works(thread, LOOK);
        Ok(())
    }

    fn text(&self, thread: i32, at: u64) -> Option<String> {
        let mut bytes = Vec::new();
        while bytes.len() < LONGEST_PATH {
            bytes.extend(peek(Pid::from_raw(thread), at + bytes.len() as u64, 8).ok()?);
            if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
                return String::from_utf8(bytes[..end].to_vec()).ok();
            }
        }
        None
    }

    /// A pipe that holds the text.
    fn cpuinfo(&mut self, thread: i32) -> Alive<i64> {
        let at = self.scratch(thread)?;
        let made = self.call(thread, libc::SYS_pipe2, &[at, libc::O_CLOEXEC as u64])?;
        if made < 0 {
            return Ok(made);
        }
        let ends: [u8; 8] = self.peek(thread, at).ok_or(Gone)?;
        let (read, write) = (u32_at(&ends, 0), u32_at(&ends, 4));
        self.scratch_with(thread, CPUINFO.as_bytes())?;
        self.call(thread, libc::SYS_write, &[write.into(), at, CPUINFO.len() as u64])?;
        self.call(thread, libc::SYS_close, &[write.into()])?;
        Ok(read.into())
    }

    /// A descriptor that stands for something that is not there.
    fn made_up(&mut self, thread: i32, file: File, flags: i32) -> Alive<i64> {
        let flags = (libc::EFD_CLOEXEC | flags) as u64;
        let fd = self.call(thread, libc::SYS_eventfd2, &[0, flags])?;
        let process = self.tasks.get(&thread).ok_or(Gone)?.process;
        if fd >= 0 {
            self.process(process).files.insert(fd as i32, file);
        }
        Ok(fd)
    }

    /// The register page is memory that nobody may touch: each access is a page fault.
    pub(super) fn maps(&mut self, thread: i32, entry: &Registers) -> Alive<()> {
        let process = self.tasks.get(&thread).ok_or(Gone)?.process;
        let fd = entry.arg(4) as i32;
        let shared = entry.arg(3) as i32 & libc::MAP_SHARED != 0;
        if !shared || self.process(process).files.get(&fd) != Some(&File::Memory) {
            self.works(thread, Duration::ZERO);
            return Ok(());
        }
        let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as u64;
        let nothing = libc::PROT_NONE as u64;
        let page = self.call(thread, libc::SYS_mmap, &[0, entry.arg(1), nothing, flags, u64::MAX, 0])?;
        if page > 0 {
            self.process(process).pages.push(page as u64);
        }
        self.answer(thread, entry, page)?;
        self.works(thread, LOOK);
        Ok(())
    }

    pub(super) fn controls(&mut self, thread: i32, entry: &Registers) -> Alive<()> {
        let process = self.tasks.get(&thread).ok_or(Gone)?.process;
        let file = self.process(process).files.get(&(entry.arg(0) as i32)).copied();
        let Some(file) = file else {
            self.works(thread, LOOK);
            return Ok(());
        };
        let result = match (file, entry.arg(1)) {
            (File::Chip, CHIP_INFO) => self.chip_info(thread, entry.arg(2)),
            (File::Chip, GET_LINE) => self.get_line(thread, entry.arg(2))?,
            _ => -(Errno::ENOTTY as i64),
        };
        self.answer(thread, entry, result)?;
        self.works(thread, LOOK);
        Ok(())
    }

    /// `struct gpiochip_info`: name, label, number of lines.
    fn chip_info(&self, thread: i32, at: u64) -> i64 {
        let mut info = [0u8; 68];
        info[..9].copy_from_slice(b"gpiochip0");
        info[32..48].copy_from_slice(b"pinctrl-bcm2835\0");
        info[64..].copy_from_slice(&(crate::pi::PINS as u32).to_ne_bytes());
        if self.poke(thread, at, &info) {
            0
        } else {
            -(Errno::EFAULT as i64)
        }
    }

    /// One line, watched for edges.
    fn get_line(&mut self, thread: i32, at: u64) -> Alive<i64> {
        let Ok(request) = peek(Pid::from_raw(thread), at, REQUEST_SIZE) else {
            return Ok(-(Errno::EFAULT as i64));
        };
        let edges = match u64_at(&request, FLAGS_AT) & (RISING | FALLING) {
            RISING => Edges::Rising,
            FALLING => Edges::Falling,
            0 => return Ok(-(Errno::EINVAL as i64)),
            _ => Edges::Both,
        };
        let (pin, lines) = (u32_at(&request, 0), u32_at(&request, LINES_AT));
        let Some(pin) = u8::try_from(pin)
            .ok()
            .filter(|pin| usize::from(*pin) < crate::pi::PINS && lines == 1)
        else {
            return Ok(-(Errno::EINVAL as i64));
        };
        let number = self.tasks.get(&thread).map_or(0, |task| task.number);
        let debounce = debounce(&request);
        if !self.board(number, |state, now| state.board.request(pin, edges, debounce, now)) {
            return Ok(-(Errno::EBUSY as i64));
        }
        let fd = self.made_up(thread, File::Line(pin), libc::EFD_NONBLOCK)?;
        if fd < 0 {
            self.board(number, |state, _| state.board.release(pin));
            return Ok(fd);
        }
        self.poke(thread, at + FD_AT, &(fd as i32).to_ne_bytes());
        Ok(0)
    }
}

fn debounce(request: &[u8]) -> Option<Duration> {
    let count = u32_at(request, ATTRIBUTES_AT) as usize;
    let attributes = request[FIRST_ATTRIBUTE_AT..LINES_AT]
        .chunks_exact(ATTRIBUTE_SIZE)
        .take(count);
    let mut periods = attributes
        .filter(|one| u32_at(one, 0) == DEBOUNCE)
        .map(|one| u32_at(one, 8));
    periods
        .next()
        .filter(|period| *period > 0)
        .map(|period| Duration::from_micros(period.into()))
}

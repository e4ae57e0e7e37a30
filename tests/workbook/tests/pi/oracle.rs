//! An emulated Raspberry Pi as witness: what the same programs did to the registers of QEMU's is written down in `oracle/registers.txt`,
//! and has to be what they do here. `oracle/README.md` says what that proves, and `oracle/record` writes the file anew.
use super::{BUTTON, run};
use harness::pi::Access;
use std::time::Duration;

const RECORDED: &str = include_str!("../../oracle/registers.txt");
const PROGRAMS: &str = include_str!("../../oracle/programs.txt");

const GPFSEL5: u64 = 0x14;
const GPSET0: u64 = 0x1c;
const GPCLR0: u64 = 0x28;
const GPLEV0: u64 = 0x34;
/// Pins that the programs use. What the others do was decided by whoever booted that machine.
const USED: [u32; 7] = [4, 5, 6, 7, 17, 22, 27];

/// The programs with what each of them did on the emulated Pi.
fn recorded() -> Vec<(&'static str, Vec<Access>)> {
    let mut programs: Vec<(&str, Vec<Access>)> = Vec::new();
    for line in RECORDED
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        match line.strip_prefix("  ") {
            None => programs.push((line, Vec::new())),
            Some(access) => programs.last_mut().expect("a program first").1.push(parsed(access)),
        }
    }
    programs
}

fn parsed(line: &str) -> Access {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [way, offset, value] = words[..] else {
        panic!("`{line}` is no access")
    };
    let number = |digits| u32::from_str_radix(digits, 16).expect("hexadecimal digits");
    Access {
        offset: number(offset).into(),
        value: number(value),
        stores: way == "store",
    }
}

/// The accesses without what is the machine's: modes of other pins, and levels of pins that the program does not drive. The button is pressed.
fn essence(accesses: &[Access]) -> Vec<String> {
    let mut outputs = 1 << BUTTON;
    let essence = accesses.iter().map(|access| {
        let fields: Vec<u32> = USED
            .into_iter()
            .filter(|pin| u64::from(pin / 10 * 4) == access.offset)
            .collect();
        let mode = |pin: u32| access.value >> (pin % 10 * 3) & 7;
        let kept = match access.offset {
            0..=GPFSEL5 => {
                for pin in &fields {
                    outputs = outputs & !(1 << pin) | u32::from(mode(*pin) == 1) << pin | 1 << BUTTON;
                }
                fields.iter().fold(0, |kept, pin| kept | mode(*pin) << (pin % 10 * 3))
            }
            GPLEV0 => access.value & outputs,
            _ => access.value,
        };
        let way = if access.stores { "store" } else { "load" };
        format!("{way} {:02x} {kept:08x}", access.offset)
    });
    essence.collect()
}

/// What was stored to the output latch of one pin, in order.
fn latches(accesses: &[Access], pin: u32) -> Vec<u64> {
    let stores = accesses
        .iter()
        .filter(|access| access.stores && [GPSET0, GPCLR0].contains(&access.offset) && access.value >> pin & 1 == 1);
    stores.map(|access| access.offset).collect()
}

#[test]
fn registers_are_accessed_as_on_an_emulated_pi() {
    let programs = recorded();
    let named = PROGRAMS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    assert!(
        named.eq(programs.iter().map(|(program, _)| *program)),
        "registers.txt is stale; run oracle/record"
    );
    for (program, there) in programs {
        let (lab, pi) = pi!();
        pi.press(Duration::ZERO, BUTTON);
        run(&lab, &pi, &program.split(' ').collect::<Vec<_>>());
        let here = pi.accesses();
        assert!(!there.is_empty(), "{program}");
        match program.starts_with("burst") {
            // Which of its threads is first is nobody's decision.
            true => {
                assert_eq!(here.len(), there.len(), "{program}");
                for pin in USED {
                    assert_eq!(latches(&here, pin), latches(&there, pin), "{program}, BCM {pin}");
                }
            }
            false => assert_eq!(essence(&here), essence(&there), "{program}"),
        }
    }
}

/// On the emulated machine as well as here, a program that changes the mode of a pin leaves the other nine of the register alone.
#[test]
fn the_modes_of_other_pins_are_left_alone() {
    for (program, accesses) in recorded() {
        let mut before: [Option<u32>; 6] = [None; 6];
        for access in accesses.iter().filter(|access| access.offset <= GPFSEL5) {
            let register = access.offset as usize / 4;
            let others = (0..10).filter(|n| !USED.contains(&(10 * register as u32 + n)));
            let kept = others.fold(0, |kept, n| kept | access.value & 7 << (3 * n));
            assert_eq!(
                *before[register].get_or_insert(kept),
                kept,
                "{program}: GPFSEL{register}"
            );
        }
    }
}

//! What an instruction does to a register of the board: enough of x86_64 and of 64-bit ARM for what compilers make of rppal's accesses.
//!
//! Everything else takes the slow road through `access.rs`, so this may know little but must be right. Sources: Intel SDM volume 2,
//! chapter 2 and MOV; Arm ARM (DDI 0487), C4.1.94 "Loads and Stores".

/// One access of four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Access {
    /// Bytes of the instruction.
    pub length: u64,
    pub what: Move,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// From the board into this register of the processor.
    Load(u8),
    /// From this register of the processor to the board.
    Store(u8),
    /// This number to the board.
    Number(u32),
}

/// Longest instruction of x86_64.
pub(super) const LONGEST: usize = 15;

/// The access that `code` begins with, if it is one of those known.
#[cfg(target_arch = "x86_64")]
pub(super) fn decode(code: &[u8]) -> Option<Access> {
    x86_64(code)
}

/// The access that `code` begins with, if it is one of those known.
#[cfg(target_arch = "aarch64")]
pub(super) fn decode(code: &[u8]) -> Option<Access> {
    aarch64(u32::from_le_bytes(code.get(..4)?.try_into().ok()?))
}

/// `mov r32, [m]` (8B), `mov [m], r32` (89), `mov [m], imm32` (C7 /0), with or without a REX prefix that does not widen them.
#[cfg_attr(not(any(test, target_arch = "x86_64")), allow(dead_code))]
fn x86_64(code: &[u8]) -> Option<Access> {
    let rex = code.first().copied().filter(|byte| byte & 0xf0 == 0x40);
    if rex.is_some_and(|rex| rex & 8 != 0) {
        return None; // eight bytes
    }
    let start = usize::from(rex.is_some());
    let (opcode, modrm) = (*code.get(start)?, *code.get(start + 1)?);
    let (mode, field, base) = (modrm >> 6, modrm >> 3 & 7, modrm & 7);
    if mode == 3 {
        return None; // no memory
    }
    let sib = (base == 4).then(|| code.get(start + 2).copied()).flatten();
    if base == 4 && sib.is_none() {
        return None;
    }
    let displacement = match (mode, base, sib) {
        (0, 5, _) => 4,
        (0, 4, Some(sib)) if sib & 7 == 5 => 4,
        (1, ..) => 1,
        (2, ..) => 4,
        _ => 0,
    };
    let end = start + 2 + usize::from(sib.is_some()) + displacement;
    let register = field | rex.map_or(0, |rex| (rex & 4) << 1);
    let (what, end) = match opcode {
        0x8b => (Move::Load(register), end),
        0x89 => (Move::Store(register), end),
        0xc7 if field == 0 => {
            let number = code.get(end..end + 4)?.try_into().ok()?;
            (Move::Number(u32::from_le_bytes(number)), end + 4)
        }
        _ => return None,
    };
    Some(Access {
        length: end as u64,
        what,
    })
}

/// `LDR`, `LDUR`, `STR`, `STUR` of a 32-bit general register that change no other register.
#[cfg_attr(not(any(test, target_arch = "aarch64")), allow(dead_code))]
fn aarch64(code: u32) -> Option<Access> {
    let unsigned_offset = code & 0xff80_0000 == 0xb900_0000; // size 10, V 0, 01, opc 0x
    let unscaled = code & 0xff80_0c00 == 0xb800_0000 && code & 0x0020_0000 == 0;
    let by_register = code & 0xffa0_0c00 == 0xb820_0800;
    if !(unsigned_offset || unscaled || by_register) {
        return None;
    }
    let register = (code & 31) as u8;
    let load = code & 0x0040_0000 != 0;
    Some(Access {
        length: 4,
        what: if load {
            Move::Load(register)
        } else {
            Move::Store(register)
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Move::{Load, Number, Store};

    fn access(length: u64, what: Move) -> Option<Access> {
        Some(Access { length, what })
    }

    #[test]
    fn moves_of_x86_64_are_known_with_their_lengths() {
        for (code, expected) in [
            (&[0x8b, 0x07][..], access(2, Load(0))),                       // mov eax, [rdi]
            (&[0x8b, 0x04, 0x8a], access(3, Load(0))),                     // mov eax, [rdx+rcx*4]
            (&[0x44, 0x8b, 0x14, 0xb2], access(4, Load(10))),              // mov r10d, [rdx+rsi*4]
            (&[0x89, 0x34, 0x81], access(3, Store(6))),                    // mov [rcx+rax*4], esi
            (&[0x41, 0x89, 0x40, 0x1c], access(4, Store(0))),              // mov [r8+0x1c], eax
            (&[0x44, 0x89, 0x80, 0, 1, 0, 0], access(7, Store(8))),        // mov [rax+0x100], r8d
            (&[0x89, 0x05, 1, 2, 3, 4], access(6, Store(0))),              // mov [rip+…], eax
            (&[0x89, 0x0c, 0x25, 1, 2, 3, 4], access(7, Store(1))),        // mov [0x04030201], ecx
            (&[0x41, 0x89, 0x44, 0x24, 0x28], access(5, Store(0))),        // mov [r12+0x28], eax
            (&[0xc7, 0x40, 0x1c, 0, 0, 2, 0], access(7, Number(0x20000))), // mov dword [rax+0x1c], 0x20000
            (&[0x48, 0x89, 0x07], None),                                   // mov [rdi], rax: eight bytes
            (&[0x89, 0xc8], None),                                         // mov eax, ecx: no memory
            (&[0x66, 0x89, 0x07], None),                                   // mov [rdi], ax
            (&[0x23, 0x04, 0xb2], None),                                   // and eax, [rdx+rsi*4]
            (&[0xc7, 0x40], None),
            (&[], None),
        ] {
            assert_eq!(x86_64(code), expected, "{code:02x?}");
        }
    }

    #[test]
    fn loads_and_stores_of_arm_are_known() {
        for (code, expected) in [
            (0xb940_0020, access(4, Load(0))),   // ldr w0, [x1]
            (0xb900_1c28, access(4, Store(8))),  // str w8, [x1, #0x1c]
            (0xb841_c028, access(4, Load(8))),   // ldur w8, [x1, #0x1c]
            (0xb801_c03f, access(4, Store(31))), // stur wzr, [x1, #0x1c]
            (0xb868_7920, access(4, Load(0))),   // ldr w0, [x9, x8, lsl #2]
            (0xb828_7920, access(4, Store(0))),  // str w0, [x9, x8, lsl #2]
            (0xf940_0020, None),                 // ldr x0, [x1]
            (0xb840_4420, None),                 // ldr w0, [x1], #4
            (0xb840_4c20, None),                 // ldr w0, [x1, #4]!
            (0xb980_0020, None),                 // ldrsw x0, [x1]
            (0x8800_7c20, None),                 // stxr
            (0xbd40_0020, None),                 // ldr s0, [x1]
        ] {
            assert_eq!(aarch64(code), expected, "{code:08x}");
        }
    }
}

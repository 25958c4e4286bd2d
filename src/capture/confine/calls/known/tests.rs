//! The programs themselves, run as the kernel runs them: for calls that cannot be made from safe code.

use super::*;

/// What a program is shown of a call.
struct Call {
    number: u32,
    arguments: [u64; 6],
}

#[cfg(target_arch = "x86_64")]
const ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCH: u32 = 0xc000_00b7;
#[cfg(target_arch = "riscv64")]
const ARCH: u32 = 0xc000_00f3;

impl Call {
    fn new(number: i64, arguments: &[u64]) -> Self {
        let mut all = [0; 6];
        all[..arguments.len()].copy_from_slice(arguments);
        Self {
            number: number.try_into().unwrap(),
            arguments: all,
        }
    }

    /// `struct seccomp_data` of a little-endian machine, word by word.
    fn word(&self, at: u32) -> u32 {
        let at = at as usize;
        let halves = |value: u64| [value & 0xffff_ffff, value >> 32];
        match at {
            0 => self.number,
            4 => ARCH,
            16.. => {
                let half = halves(self.arguments[(at - 16) / 8])[at / 4 % 2];
                u32::try_from(half).unwrap()
            }
            other => panic!("nothing looks at {other}"),
        }
    }

    /// What the program returns for it.
    fn judged(&self, program: &BpfProgram) -> u32 {
        let (mut at, mut value) = (0, 0);
        loop {
            let step = &program[at];
            at += 1;
            let code = u32::from(step.code);
            let operation = code & 0xf0;
            match code & 0x07 {
                libc::BPF_LD => value = self.word(step.k),
                libc::BPF_ALU if operation == libc::BPF_AND => value &= step.k,
                libc::BPF_JMP if operation == libc::BPF_JA => at += step.k as usize,
                libc::BPF_JMP => {
                    let holds = match operation {
                        libc::BPF_JEQ => value == step.k,
                        libc::BPF_JGT => value > step.k,
                        libc::BPF_JGE => value >= step.k,
                        libc::BPF_JSET => value & step.k != 0,
                        other => panic!("jump {other:#x}"),
                    };
                    at += usize::from(if holds { step.jt } else { step.jf });
                }
                libc::BPF_RET => return step.k,
                other => panic!("operation {other:#x}"),
            }
        }
    }

    /// The error with which it fails; `None` if it is let through.
    fn refused(&self, programs: &[BpfProgram]) -> Option<i32> {
        let mut refusals = programs.iter().filter_map(|program| {
            let action = self.judged(program);
            let refuses = action != libc::SECCOMP_RET_ALLOW;
            assert!(!refuses || action & 0xffff_0000 == libc::SECCOMP_RET_ERRNO);
            refuses.then(|| i32::try_from(action & 0xffff).unwrap())
        });
        refusals.next_back()
    }
}

/// With a socket that captures, and without a screen.
fn all() -> Vec<BpfProgram> {
    let held = Held {
        sockets: vec![7],
        ..Held::default()
    };
    programs(&Needs::default(), &held).unwrap()
}

#[test]
fn nothing_is_typed_into_the_terminal() {
    let programs = all();
    let refused = |request: u64| Call::new(libc::SYS_ioctl, &[0, request]).refused(&programs);
    assert_eq!(refused(TIOCSTI), Some(libc::EPERM));
    assert_eq!(refused(TIOCLINUX), Some(libc::EPERM));
    // The kernel looks at the lower half alone, and so does the program.
    assert_eq!(refused(TIOCSTI | 1 << 32), Some(libc::EPERM));
    // What asks for the size of a terminal is none of them.
    assert_eq!(refused(0x5413), None);
}

#[test]
fn the_list_is_refused_and_what_is_needed_is_not() {
    let programs = all();
    let refused = |call, arguments: &[u64]| Call::new(call, arguments).refused(&programs);
    for &call in NEVER.iter().chain(NEVER_HERE) {
        assert_eq!(refused(call, &[]), Some(libc::EPERM), "call {call}");
    }
    for call in OF_A_SOCKET {
        assert_eq!(refused(*call, &[7]), Some(libc::EPERM), "call {call}");
    }
    for (call, arguments) in [
        (libc::SYS_read, &[7][..]),
        (libc::SYS_write, &[1]),
        (libc::SYS_mmap, &[]),
        (libc::SYS_futex, &[]),
        (libc::SYS_exit_group, &[]),
        (libc::SYS_openat, &[0, 0, 0]),
    ] {
        assert_eq!(refused(call, arguments), None, "call {call}");
    }
    // libc asks for the older one then.
    assert_eq!(refused(libc::SYS_clone3, &[]), Some(libc::ENOSYS));
}

/// Every call has a second number there, under which the list would not know it.
#[cfg(target_arch = "x86_64")]
#[test]
fn no_call_has_a_second_number() {
    let programs = all();
    for call in [libc::SYS_execve, libc::SYS_write, libc::SYS_read, 520, 545] {
        let twice = call | i64::from(X32);
        let refused = Call::new(twice, &[]).refused(&programs);
        assert_eq!(refused, Some(libc::ENOSYS), "call {call}");
    }
}

//! seccomp: the system calls by which a process gets at other processes, at the network, or at more of the kernel.
//!
//! A list of what is forbidden, not of what is allowed. What is allowed would be the shorter list to reason about, but it
//! is a list of what this libc, this version of libpcap and this processor happen to call: an update of any of them would
//! make wscap fail in the middle of an incident. What is worth forbidding has names that stay. A forbidden call fails with
//! an error (EPERM) and ends nothing.

#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
))]
mod known {
    use std::collections::BTreeMap;
    use std::{process, slice};

    use nix::libc;
    use seccompiler::{
        BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
        SeccompFilter, SeccompRule, TargetArch,
    };

    use super::super::{Held, Needs};

    type Rules = BTreeMap<i64, Vec<SeccompRule>>;

    /// Never needed, whatever the arguments.
    const NEVER: &[i64] = &[
        // Programs.
        libc::SYS_execve,
        libc::SYS_execveat,
        // Other processes: to look into them, to take their files, to signal them.
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_process_madvise,
        libc::SYS_kcmp,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_getfd,
        libc::SYS_pidfd_send_signal,
        libc::SYS_kill,
        libc::SYS_tkill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_rt_tgsigqueueinfo,
        // Ways to send that do not name one socket in a register.
        libc::SYS_sendmsg,
        libc::SYS_sendmmsg,
        libc::SYS_sendfile,
        libc::SYS_splice,
        libc::SYS_vmsplice,
        libc::SYS_io_setup,
        libc::SYS_io_submit,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_connect,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        // More of the kernel.
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_move_mount,
        libc::SYS_open_tree,
        libc::SYS_fsopen,
        libc::SYS_open_by_handle_at,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_keyctl,
        // What Landlock does not keep from being changed, and what it does where there is none.
        libc::SYS_fchmod,
        libc::SYS_fchmodat,
        SYS_FCHMODAT2,
        libc::SYS_fchown,
        libc::SYS_fchownat,
        libc::SYS_setxattr,
        libc::SYS_lsetxattr,
        libc::SYS_fsetxattr,
        libc::SYS_removexattr,
        libc::SYS_lremovexattr,
        libc::SYS_fremovexattr,
        libc::SYS_utimensat,
        libc::SYS_truncate,
        libc::SYS_mkdirat,
        libc::SYS_mknodat,
        libc::SYS_unlinkat,
        libc::SYS_renameat2,
        libc::SYS_linkat,
        libc::SYS_symlinkat,
        libc::SYS_openat2,
    ];

    /// The same by their older names, which newer processors do not have.
    #[cfg(target_arch = "x86_64")]
    const NEVER_HERE: &[i64] = &[
        libc::SYS_fork,
        libc::SYS_vfork,
        libc::SYS_chmod,
        libc::SYS_chown,
        libc::SYS_lchown,
        libc::SYS_utime,
        libc::SYS_utimes,
        libc::SYS_futimesat,
        libc::SYS_creat,
        libc::SYS_mkdir,
        libc::SYS_rmdir,
        libc::SYS_mknod,
        libc::SYS_unlink,
        libc::SYS_rename,
        libc::SYS_renameat,
        libc::SYS_link,
        libc::SYS_symlink,
    ];
    #[cfg(target_arch = "aarch64")]
    const NEVER_HERE: &[i64] = &[SYS_RENAMEAT];
    /// Not among the names that are at hand.
    #[cfg(target_arch = "aarch64")]
    const SYS_RENAMEAT: i64 = 38;
    #[cfg(target_arch = "riscv64")]
    const NEVER_HERE: &[i64] = &[];

    /// Types into a terminal as if somebody had pressed the keys; libraries do not agree on the type of these numbers.
    const TIOCSTI: u64 = 0x5412;
    /// Pastes into a console.
    const TIOCLINUX: u64 = 0x541c;

    /// Younger than the list of names that is at hand; the number is the same on all three processors.
    const SYS_FCHMODAT2: i64 = 452;

    /// What sends, or makes another socket of it, with the socket as the first argument.
    const OF_A_SOCKET: &[i64] = &[
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_pwrite64,
        libc::SYS_pwritev,
        libc::SYS_pwritev2,
        libc::SYS_sendto,
        libc::SYS_bind,
        libc::SYS_setsockopt,
        libc::SYS_dup,
        libc::SYS_dup3,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_dup2,
    ];

    pub(in super::super) fn confine(needs: &Needs, held: &Held) -> Result<(), String> {
        let programs = programs(needs, held).map_err(|error| error.to_string())?;
        for program in &programs {
            seccompiler::apply_filter(program).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// The kernel asks all of them, and the strictest wins.
    fn programs(needs: &Needs, held: &Held) -> Result<Vec<BpfProgram>, BackendError> {
        // Threads are made by `clone3`, whose flags cannot be seen; libc takes `clone` where it is told that there is none.
        let newer = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        Ok(Vec::from([
            program(newer, libc::ENOSYS)?,
            program(rules(needs, held)?, libc::EPERM)?,
            #[cfg(target_arch = "x86_64")]
            other_numbers(),
        ]))
    }

    fn program(rules: Rules, error: i32) -> Result<BpfProgram, BackendError> {
        let error = SeccompAction::Errno(error.unsigned_abs());
        let arch = TargetArch::try_from(std::env::consts::ARCH)?;
        SeccompFilter::new(rules, SeccompAction::Allow, error, arch)?.try_into()
    }

    fn rules(needs: &Needs, held: &Held) -> Result<Rules, BackendError> {
        let mut rules = Rules::new();
        for &call in NEVER.iter().chain(NEVER_HERE) {
            rules.insert(call, Vec::new());
        }
        // Another thread may be made, another process may not.
        let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
        rules.insert(
            libc::SYS_clone,
            vec![rule(&[(0, SeccompCmpOp::MaskedEq(thread), 0)])?],
        );
        // A thread that aborts signals itself.
        let own = u64::from(process::id());
        rules.insert(libc::SYS_tgkill, vec![rule(&[(0, SeccompCmpOp::Ne, own)])?]);
        rules.insert(libc::SYS_socket, sockets(held)?);
        let pairs = (0, SeccompCmpOp::Ne, of(libc::AF_UNIX));
        rules.insert(libc::SYS_socketpair, vec![rule(&[pairs])?]);
        // Keys that nobody pressed, typed into the shell behind.
        let typed = [TIOCSTI, TIOCLINUX];
        let typed = typed.map(|request| rule(&[(1, SeccompCmpOp::Eq, request)]));
        rules.insert(
            libc::SYS_ioctl,
            typed.into_iter().collect::<Result<_, _>>()?,
        );
        rules.insert(libc::SYS_openat, writing(2, needs.screen)?);
        #[cfg(target_arch = "x86_64")]
        rules.insert(libc::SYS_open, writing(1, needs.screen)?);
        for &socket in &held.sockets {
            let socket = (0, SeccompCmpOp::Eq, of(socket));
            for &call in OF_A_SOCKET {
                rules
                    .entry(call)
                    .or_default()
                    .push(rule(slice::from_ref(&socket))?);
            }
            for twice in [libc::F_DUPFD, libc::F_DUPFD_CLOEXEC] {
                let twice = (1, SeccompCmpOp::Eq, of(twice));
                let copies = rules.entry(libc::SYS_fcntl).or_default();
                copies.push(rule(&[socket.clone(), twice])?);
            }
        }
        Ok(rules)
    }

    /// Only a socket by which the kernel is asked for the names of interfaces, and that only where they are asked for.
    fn sockets(held: &Held) -> Result<Vec<SeccompRule>, BackendError> {
        if !held.asks_names {
            return Ok(Vec::new());
        }
        let others = [(0, of(libc::AF_NETLINK)), (2, of(libc::NETLINK_ROUTE))];
        let others = others.map(|(at, only)| rule(&[(at, SeccompCmpOp::Ne, only)]));
        others.into_iter().collect()
    }

    /// Opening a file to write, with the flags in that argument. A terminal is opened to be read and written.
    fn writing(flags: u8, screen: bool) -> Result<Vec<SeccompRule>, BackendError> {
        let mode = of(libc::O_ACCMODE);
        let mut rules = vec![rule(&[(
            flags,
            SeccompCmpOp::MaskedEq(mode),
            of(libc::O_WRONLY),
        )])?];
        if !screen {
            let both = (flags, SeccompCmpOp::MaskedEq(mode), of(libc::O_RDWR));
            rules.push(rule(&[both])?);
        }
        for flag in [libc::O_CREAT, libc::O_TRUNC, libc::O_TMPFILE].map(of) {
            rules.push(rule(&[(flags, SeccompCmpOp::MaskedEq(flag), flag)])?);
        }
        Ok(rules)
    }

    /// Forbids where all of these hold: which argument, how it compares, with what.
    fn rule(all: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, BackendError> {
        let conditions = all.iter().map(|(at, compare, with)| {
            SeccompCondition::new(*at, SeccompCmpArgLen::Dword, compare.clone(), *with)
        });
        SeccompRule::new(conditions.collect::<Result<_, _>>()?)
    }

    /// An `int` as the register of a call holds it, of which the lower half is compared.
    fn of(value: i32) -> u64 {
        u64::from(value.cast_unsigned())
    }

    /// Kernels built for it take the calls of the x32 interface too, under numbers of their own: all of them are refused.
    #[cfg(target_arch = "x86_64")]
    fn other_numbers() -> BpfProgram {
        use seccompiler::sock_filter;
        let step = |code: u32, jt, jf, k| sock_filter {
            code: u16::try_from(code).unwrap_or_default(),
            jt,
            jf,
            k,
        };
        let refuse = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs();
        vec![
            // The number of the call is the first thing that a filter is shown.
            step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
            step(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0, 1, X32),
            step(libc::BPF_RET | libc::BPF_K, 0, 0, refuse),
            step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
        ]
    }

    /// The bit that such a number has.
    #[cfg(target_arch = "x86_64")]
    const X32: u32 = 0x4000_0000;

    #[cfg(test)]
    mod tests;
}

#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
))]
pub(super) use known::confine;

#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
)))]
pub(super) fn confine(_: &super::Needs, _: &super::Held) -> Result<(), String> {
    Err(String::from("wscap does not know it for this processor"))
}

//! The sandbox of a transform: resource limits, Landlock, seccomp; in that order, before any other thread.
//!
//! Landlock leaves one writable place, the working directory, and nothing to read by path. Seccomp answers
//! every call that could reach the network or another program with EPERM. Inputs are descriptors.

use std::collections::BTreeMap;

use landlock::{
    ABI, Access as _, AccessFs, PathBeneath, PathFd, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
};
use nix::sys::resource::{Resource, setrlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

use super::TransformError;
use crate::protocol::Bounds;

/// Closes the sandbox around this process and every thread that it will start.
pub(super) fn close(bounds: &Bounds) -> Result<(), TransformError> {
    limits(bounds)?;
    files()?;
    calls()
}

fn limits(bounds: &Bounds) -> Result<(), TransformError> {
    let all = [
        (Resource::RLIMIT_AS, bounds.memory_bytes),
        (Resource::RLIMIT_CPU, bounds.cpu_s),
        (Resource::RLIMIT_FSIZE, bounds.file_bytes),
        (Resource::RLIMIT_NOFILE, DESCRIPTORS),
        (Resource::RLIMIT_CORE, 0),
    ];
    for (resource, limit) in all {
        setrlimit(resource, limit, limit).map_err(|e| sandbox(format!("{resource:?}: {e}")))?;
    }
    Ok(())
}

fn files() -> Result<(), TransformError> {
    // The newest rules that this kernel knows are used; older kernels have fewer.
    let abi = ABI::V5;
    let here = PathFd::new(".").map_err(sandbox)?;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))
        .and_then(Ruleset::create)
        .and_then(|ruleset| ruleset.add_rule(PathBeneath::new(here, AccessFs::from_all(abi))))
        .and_then(|ruleset| ruleset.restrict_self())
        .map_err(sandbox)?;
    if status.ruleset == landlock::RulesetStatus::NotEnforced {
        return Err(sandbox(
            "the kernel has no Landlock (Linux 5.13 or newer with CONFIG_SECURITY_LANDLOCK)",
        ));
    }
    Ok(())
}

fn calls() -> Result<(), TransformError> {
    let arch: TargetArch = std::env::consts::ARCH.try_into().map_err(sandbox)?;
    let denied = DENIED.iter().map(|&call| (call, vec![])).collect::<BTreeMap<_, _>>();
    apply(denied, libc::EPERM, arch)?;
    // The C library falls back to `clone`, whose flags a filter can see, when `clone3` is not there.
    apply(BTreeMap::from([(libc::SYS_clone3, vec![])]), libc::ENOSYS, arch)
}

fn apply(
    calls: BTreeMap<i64, Vec<seccompiler::SeccompRule>>,
    errno: i32,
    arch: TargetArch,
) -> Result<(), TransformError> {
    let answer = SeccompAction::Errno(u32::try_from(errno).unwrap_or_default());
    let filter = SeccompFilter::new(calls, SeccompAction::Allow, answer, arch).map_err(sandbox)?;
    let program: BpfProgram = filter.try_into().map_err(sandbox)?;
    seccompiler::apply_filter(&program).map_err(sandbox)
}

fn sandbox(error: impl std::fmt::Display) -> TransformError {
    TransformError::Sandbox(error.to_string())
}

/// Network, other programs, other processes, mounts, keys, modules, and the kernel's larger surfaces.
const DENIED: &[i64] = &[
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
];

/// Inputs, outputs, three standard streams, and room for the codec library.
const DESCRIPTORS: u64 = 64;

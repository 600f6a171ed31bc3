//! Keeps a shard's thread on one core. The kernel likes to wake a thread where its waker runs; two shards that share a
//! large room would then send one after the other.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Of the cores that the process may use this thread stays on the one with this number; they are counted round.
pub(super) fn stay_on_core(index: usize) -> nix::Result<()> {
    let cores = allowed_cores()?;
    let mut own = CpuSet::new();
    own.set(cores[index % cores.len()])?;
    sched_setaffinity(THIS_THREAD, &own)
}

fn allowed_cores() -> nix::Result<Vec<usize>> {
    let allowed = sched_getaffinity(THIS_THREAD)?;
    Ok((0..CpuSet::count()).filter(|&core| allowed.is_set(core) == Ok(true)).collect())
}

const THIS_THREAD: Pid = Pid::from_raw(0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_stays_on_one_of_the_allowed_cores_in_turn() {
        let cores = allowed_cores().unwrap();
        for index in 0..cores.len() + 1 {
            let pinned = std::thread::spawn(move || {
                stay_on_core(index).unwrap();
                allowed_cores().unwrap()
            });
            assert_eq!(pinned.join().unwrap(), [cores[index % cores.len()]]);
        }
    }
}

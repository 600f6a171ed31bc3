//! The server's process: processor time and memory from `/proc`.

use std::time::Duration;

/// A process on this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerProcess {
    pid: u32,
}

/// What a process has used so far, and holds now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// User and system time of all threads.
    pub(crate) cpu: Duration,
    /// Resident memory.
    pub(crate) rss_bytes: u64,
}

/// `_SC_CLK_TCK` on every Linux: `/proc/PID/stat` counts in these ticks.
const TICKS_PER_SECOND: u64 = 100;

impl ServerProcess {
    pub(crate) const fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// Reads both; an error when there is no such process.
    pub(crate) fn usage(self) -> std::io::Result<Usage> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let malformed = || std::io::Error::from(std::io::ErrorKind::InvalidData);
        let cpu = cpu_time(&stat).ok_or_else(malformed)?;
        Ok(Usage { cpu, rss_bytes: resident(&status).ok_or_else(malformed)? })
    }
}

/// proc_pid_stat(5): fields 14 and 15, counted after the name, which may hold anything.
fn cpu_time(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis((ticks()? + ticks()?) * 1000 / TICKS_PER_SECOND))
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_move_the_fields() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0";
        assert_eq!(cpu_time(stat), Some(Duration::from_secs(3)));
    }

    #[test]
    fn our_own_process_uses_memory_and_a_missing_one_is_an_error() {
        let usage = ServerProcess::new(std::process::id()).usage().unwrap();
        assert!(usage.rss_bytes > 1 << 20, "{usage:?}");
        assert!(ServerProcess::new(u32::MAX).usage().is_err());
    }
}

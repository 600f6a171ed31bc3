//! A program that a test started, ended by its process id whatever happens to the test.
//!
//! Between the test and the program stands a small shell that reads from a pipe whose other end only the
//! test holds. When the test drops its [`Process`], panics, ends or is killed, the pipe reaches its end,
//! and the shell ends the program. (`PR_SET_PDEATHSIG` would fire when the spawning *thread* ends, which
//! a test's thread does long before a shared server may go.)

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A stopped program stands still within this on the busiest machine.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// `$1` is a folder to remove at the end, or empty; `$2` the signal that asks the program to end; the
/// rest is the program. Ten seconds after the signal the program is killed.
const KEEPER: &str = r#"
folder=$1; signal=$2; shift 2
"$@" </dev/null >&2 &
program=$!
echo "$program"
exec >/dev/null
read -r _
kill -s "$signal" "$program" 2>/dev/null
( sleep 10; kill -s KILL "$program" 2>/dev/null ) &
killer=$!
wait "$program"
kill "$killer" 2>/dev/null
if [ -n "$folder" ]; then rm -rf -- "$folder"; fi
"#;

/// How to start a program.
#[derive(Debug, Clone)]
pub struct Spec {
    program: OsString,
    args: Vec<OsString>,
    envs: Vec<(OsString, OsString)>,
    current_dir: Option<PathBuf>,
    log: PathBuf,
    remove: Option<PathBuf>,
    signal: &'static str,
}

impl Spec {
    /// Starts `program`, with its output in the file `log`.
    #[must_use]
    pub fn new(program: impl Into<OsString>, log: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            envs: Vec::new(),
            current_dir: None,
            log: log.into(),
            remove: None,
            signal: "TERM",
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<T: Into<OsString>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of the program's environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.envs.push((name.into(), value.into()));
        self
    }

    /// Runs the program in a folder.
    #[must_use]
    pub fn current_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.current_dir = Some(folder.into());
        self
    }

    /// Removes a folder after the program has ended.
    #[must_use]
    pub fn remove_afterwards(mut self, folder: impl Into<PathBuf>) -> Self {
        self.remove = Some(folder.into());
        self
    }

    /// Ends the program with this signal instead of `TERM` (a name without `SIG`).
    #[must_use]
    pub fn end_with(mut self, signal: &'static str) -> Self {
        self.signal = signal;
        self
    }
}

/// A running program; dropping it ends the program and waits for that.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    log: PathBuf,
    keeper: Child,
    /// Closing it is what ends the program.
    _leash: Option<ChildStdin>,
}

impl Process {
    /// Starts a program.
    ///
    /// # Errors
    /// When the log cannot be made or the shell does not start. A program that does not exist shows as
    /// one that has ended at once, with the reason in its log.
    pub fn start(spec: Spec) -> Result<Self> {
        let log = File::create(&spec.log).with_context(|| format!("log {}", spec.log.display()))?;
        let mut command = Command::new("sh");
        command.arg("-c").arg(KEEPER).arg("sh");
        command.arg(spec.remove.unwrap_or_default()).arg(spec.signal);
        command.arg(&spec.program).args(&spec.args).envs(spec.envs);
        if let Some(folder) = &spec.current_dir {
            command.current_dir(folder);
        }
        // Its own group, so that Ctrl-C reaches the test first and the program is ended in order.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).process_group(0);
        let mut keeper = command.spawn().context("start sh")?;
        let leash = keeper.stdin.take();
        let mut line = String::new();
        let stdout = keeper.stdout.take().context("the shell's output is piped")?;
        BufReader::new(stdout).read_line(&mut line).context("read the process id")?;
        let pid = Pid::from_raw(line.trim().parse().context("the shell says a process id")?);
        Ok(Self { pid, log: spec.log, keeper, _leash: leash })
    }

    /// The program's process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Whether the program runs; one that has ended but was not waited for does not.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)) else { return false };
        // The state follows the command's name, which may hold anything, in its last parenthesis.
        stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with(['Z', 'X']))
    }

    /// Sends a signal to the program. After `SIGSTOP` all of it stands still when this returns: on a busy machine its
    /// other threads may go on for a while until one has taken the signal.
    ///
    /// # Errors
    /// When it has already gone, or does not stop.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill(self.pid, signal).with_context(|| format!("signal {signal} to {}", self.pid))?;
        if signal != Signal::SIGSTOP {
            return Ok(());
        }
        crate::wait_for("the program stands still", STOP_PATIENCE, || {
            for task in std::fs::read_dir(format!("/proc/{}/task", self.pid))? {
                // `pid (name) state …` (proc(5)); the name may hold anything.
                let stat = std::fs::read_to_string(task?.path().join("stat"))?;
                let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
                if state != Some('T') {
                    bail!("a thread is in state {state:?}");
                }
            }
            Ok(())
        })
    }

    /// Waits until the program has ended.
    ///
    /// # Errors
    /// When it still runs after `patience`.
    pub fn wait_end(&self, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        while self.is_running() {
            if Instant::now() >= deadline {
                bail!("process {} still runs after {patience:?}", self.pid);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// What the program has written so far, to read in a failing test.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Where the program's output goes.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self._leash.take());
        // The keeper ends at the latest ten seconds after the end of its pipe.
        let _ = self.keeper.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_process_is_gone() {
        let folder = crate::temp_dir();
        let process = Process::start(Spec::new("sleep", folder.path().join("log")).args(["600"])).unwrap();
        let pid = process.pid();
        assert!(process.is_running());
        drop(process);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn a_program_that_does_not_exist_has_ended_and_says_why() {
        let folder = crate::temp_dir();
        let process = Process::start(Spec::new("no-such-program", folder.path().join("log"))).unwrap();
        process.wait_end(Duration::from_secs(5)).unwrap();
        assert!(process.log().contains("not found"), "{}", process.log());
    }

    #[test]
    fn a_killed_program_does_not_count_as_running() {
        let folder = crate::temp_dir();
        let process = Process::start(Spec::new("sleep", folder.path().join("log")).args(["600"])).unwrap();
        process.signal(Signal::SIGKILL).unwrap();
        process.wait_end(Duration::from_secs(5)).unwrap();
    }
}

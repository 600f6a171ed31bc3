//! One transform child: started with its inputs as descriptors, listened to, killed when it must stop.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::protocol::{FIRST_INPUT, Order, Output, Report};

/// Which program a child is.
#[derive(Debug, Clone)]
pub struct ChildCommand {
    /// The program.
    pub program: std::path::PathBuf,
    /// Its arguments.
    pub args: Vec<std::ffi::OsString>,
}

impl Default for ChildCommand {
    /// The running binary again: `/proc/self/exe` holds even after its file was replaced.
    fn default() -> Self {
        Self { program: "/proc/self/exe".into(), args: vec!["transform-child".into()] }
    }
}

/// Why a child brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// The input will never work.
    #[error("{detail}")]
    Refused {
        /// Stable, for programs.
        kind: String,
        /// For people.
        detail: String,
    },
    /// It ended without a result; another attempt may work.
    #[error("the transform ended with {0}")]
    Failed(String),
    /// It cannot be started or talked to.
    #[error("the transform's process: {0}")]
    Io(#[from] io::Error),
}

/// Runs one child in `dir` until it is done; its progress goes to `percent`. Dropping the future kills it.
pub(crate) async fn run(
    command: &ChildCommand,
    order: &Order,
    inputs: &[File],
    dir: &Path,
    percent: &watch::Sender<u8>,
) -> Result<Output, RunError> {
    let mut child = spawn(command, inputs, dir)?;
    let mut stdin = child.stdin.take().ok_or_else(|| io::Error::other("no standard input"))?;
    let mut line = serde_json::to_vec(order).map_err(io::Error::other)?;
    line.push(b'\n');
    stdin.write_all(&line).await?;
    let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no standard output"))?;
    let mut reports = BufReader::new(stdout.take(MAX_REPORT_BYTES)).lines();
    let mut last = None;
    while let Some(line) = reports.next_line().await? {
        match serde_json::from_str(&line) {
            Ok(Report::Progress { percent: now }) => {
                percent.send_replace(now.min(99));
            }
            Ok(report) => last = Some(report),
            Err(error) => return Err(RunError::Failed(format!("an unreadable report: {error}"))),
        }
    }
    let status = child.wait().await?;
    // Only now: the child ends when this end is closed.
    drop(stdin);
    match last {
        Some(Report::Done(output)) if status.success() => Ok(output),
        Some(Report::Refused { kind, detail }) if status.success() => Err(RunError::Refused { kind, detail }),
        Some(Report::Done(_) | Report::Refused { .. } | Report::Progress { .. }) | None => {
            Err(RunError::Failed(status.to_string()))
        }
    }
}

#[expect(unsafe_code, reason = "descriptors are passed to a child between fork and exec")]
fn spawn(command: &ChildCommand, inputs: &[File], dir: &Path) -> io::Result<Child> {
    // First above the numbers that the child expects, so that no copy overwrites another.
    let held = inputs.iter().map(|input| above(input.as_raw_fd())).collect::<io::Result<Vec<_>>>()?;
    let sources: Vec<RawFd> = held.iter().map(|fd| fd.as_raw_fd()).collect();
    let mut command_line = Command::new(&command.program);
    command_line
        .args(&command.args)
        .env_clear()
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .process_group(0);
    // SAFETY: `dup2` and `nice` are async-signal-safe, and nothing is allocated.
    unsafe {
        command_line.pre_exec(move || {
            for (target, source) in (FIRST_INPUT..).zip(&sources) {
                if libc::dup2(*source, target) < 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            // Rooms and stages come first. A refusal changes nothing.
            libc::nice(NICENESS);
            Ok(())
        });
    }
    command_line.spawn()
}

#[expect(unsafe_code, reason = "a raw descriptor just made is owned here")]
fn above(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: `fcntl` takes plain numbers; the result is a new descriptor that nobody else owns.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, FIRST_INPUT + 8) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: see above.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// A day's ladder has 43,200 segments in four renditions; their names and index fit.
const MAX_REPORT_BYTES: u64 = 256 << 20;

const NICENESS: i32 = 10;

//! Runs Python with the packages that `make deps` installs.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::RwLockReadGuard;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::netns::{Namespace, steady_interfaces};
use super::scene::PATIENCE;

/// The interpreter of the tools' environment.
fn interpreter() -> PathBuf {
    let fallback = || concat!(env!("CARGO_MANIFEST_DIR"), "/../.cache/tools").into();
    let tools = std::env::var_os("DAIS_TOOLS_DIR").unwrap_or_else(fallback);
    PathBuf::from(tools).join("python/bin/python")
}

/// A running script; killed when dropped.
pub(crate) struct Script {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Held by those on this machine's own network.
    _steady: Option<RwLockReadGuard<'static, ()>>,
}

impl Script {
    pub(crate) fn start(script: &str, args: &[&str]) -> Self {
        let steady = Some(steady_interfaces());
        Self { _steady: steady, ..Self::spawn(Command::new(interpreter()), script, args) }
    }

    /// Starts it in another network, with these variables in its environment.
    pub(crate) fn start_in(
        network: &Namespace,
        variables: &[(&str, &str)],
        script: &str,
        args: &[&str],
    ) -> Self {
        let [program, first @ ..] = network.prefix();
        let mut command = Command::new(program);
        command.args(first).arg(interpreter()).envs(variables.iter().copied());
        Self::spawn(command, script, args)
    }

    fn spawn(mut command: Command, script: &str, args: &[&str]) -> Self {
        command.arg("-c").arg(script).args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.kill_on_drop(true).spawn();
        let mut child = child.expect("Python's environment is there: run `make deps`");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, _steady: None }
    }

    /// What it prints next.
    pub(crate) async fn next_line(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.expect("a line in time");
        line.unwrap().expect("the script goes on")
    }

    /// Writes a line to its standard input.
    pub(crate) async fn write_line(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("its input is open");
        input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// Ends its standard input, and with that what it does.
    pub(crate) fn close_input(&mut self) {
        self.child.stdin = None;
    }
}

/// Runs a script to its end with these lines as its input; returns the lines that it printed.
pub(crate) fn run(script: &str, args: &[&str], input: &[String]) -> Vec<String> {
    let mut command = std::process::Command::new(interpreter());
    command.arg("-c").arg(script).args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("Python's environment is there: run `make deps`");
    let mut pipe = child.stdin.take().unwrap();
    for line in input {
        writeln!(pipe, "{line}").unwrap();
    }
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the script failed");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

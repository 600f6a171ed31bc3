//! An S3 server that is not ours: the second opinion of the store's tests.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::fcntl::{Flock, FlockArg};
use tempfile::TempDir;

use crate::process::{Process, Spec};
use crate::{free_port, random_hex, wait_for};

/// The version that the tests were written against.
const MODULE: &str = "github.com/versity/versitygw/cmd/versitygw@v1.8.0";

/// A running versitygw with one bucket.
#[derive(Debug)]
pub struct VersityGateway {
    process: Process,
    port: u16,
    access_key: String,
    secret_key: String,
    _folder: TempDir,
}

impl VersityGateway {
    /// Name of the bucket that exists from the start.
    pub const BUCKET: &'static str = "dais-media";

    /// Starts the gateway on an empty folder; builds it with `go install` when the machine has none,
    /// which takes some minutes once.
    ///
    /// # Errors
    /// When it can be neither found nor built, or does not answer.
    pub fn start() -> Result<Self> {
        let program = find_or_build()?;
        let folder = crate::temp_dir();
        let data = folder.path().join("data");
        // A bucket of the posix back end is a folder.
        std::fs::create_dir_all(data.join(Self::BUCKET))?;
        let (port, access_key, secret_key) = (free_port(), random_hex(10), random_hex(20));
        let spec = Spec::new(program, folder.path().join("versitygw.log"))
            .args(["--port".to_owned(), format!("127.0.0.1:{port}"), "--health".into(), "/health".into()])
            .args(["posix".into(), data])
            .env("ROOT_ACCESS_KEY", &access_key)
            .env("ROOT_SECRET_KEY", &secret_key);
        let process = Process::start(spec)?;
        wait_for("versitygw", Duration::from_secs(30), || {
            ensure!(process.is_running(), "it has ended: {}", process.log());
            answers_health(port)
        })?;
        Ok(Self { process, port, access_key, secret_key, _folder: folder })
    }

    /// Base URL for path-style addressing.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Access key of the root account.
    #[must_use]
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// Secret key of the root account.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// The running server, to stop or kill it.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }
}

fn answers_health(port: u16) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "it answers {:?}", answer.lines().next());
    Ok(())
}

fn find_or_build() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("DAIS_TEST_VERSITYGW") {
        return Ok(path.into());
    }
    let folder = cache_folder()?;
    let search = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&search)
        .chain([folder.clone()])
        .map(|place| place.join("versitygw"))
        .find(|path| path.is_file());
    match found {
        Some(path) => Ok(path),
        None => build(&folder),
    }
}

/// Builds once per machine; test processes that come meanwhile wait for the first.
fn build(folder: &Path) -> Result<PathBuf> {
    let lock = File::create(folder.join("versitygw.lock"))?;
    let _lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, error)| error)?;
    let path = folder.join("versitygw");
    if path.is_file() {
        return Ok(path);
    }
    let output = Command::new("go")
        .args(["install", MODULE])
        .env("GOBIN", folder)
        .output()
        .context("go (needed once, to build versitygw)")?;
    if !output.status.success() {
        bail!("go install {MODULE}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(path)
}

fn cache_folder() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set")?;
    let folder = base.join("dais-test").join("bin");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_answers() {
        let gateway = VersityGateway::start().unwrap();
        answers_health(gateway.port).unwrap();
    }
}

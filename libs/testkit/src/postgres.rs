//! A real PostgreSQL cluster on a free loopback port: one per test process, a database per test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::{Uid, User, chown};

use crate::process::{Process, Spec};
use crate::{free_port, random_hex, wait_for};

/// Owner of every database in a test cluster.
const USER: &str = "dais";

/// First start on a loaded machine; a quiet one needs half a second.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// How a cluster treats the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// No fsync: fast, and enough where nothing pulls the plug.
    Off,
    /// As in production, for tests that kill the cluster.
    Full,
}

/// A running cluster.
#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    password: String,
    durability: Durability,
    process: Mutex<Option<Process>>,
}

impl Postgres {
    /// The cluster that all tests of this process share, started at the first call.
    ///
    /// # Panics
    /// When PostgreSQL does not start; the message holds its log.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(Durability::Off).expect("PostgreSQL starts"))
    }

    /// URL of a fresh, empty database in the shared cluster.
    ///
    /// # Panics
    /// When PostgreSQL does not start or refuses the database.
    #[must_use]
    pub fn fresh_database() -> String {
        Self::shared().create_database().expect("PostgreSQL creates a database")
    }

    /// Starts a cluster of one's own.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn start(durability: Durability) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("dais-pg-").tempdir()?.keep();
        let cluster = Self {
            folder,
            port: free_port(),
            password: random_hex(16),
            durability,
            process: Mutex::new(None),
        };
        cluster.initialise()?;
        cluster.start_again()?;
        Ok(cluster)
    }

    /// Port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes a fresh, empty database and returns its URL.
    ///
    /// # Errors
    /// What `psql` says.
    pub fn create_database(&self) -> Result<String> {
        let name = format!("test_{}", random_hex(8));
        self.query("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(self.url(&name))
    }

    /// URL of a database of this cluster.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// Ends the server as a crash would, and leaves its files. [`Self::start_again`] brings it back.
    pub fn stop(&self) {
        self.slot().take();
    }

    /// Starts the server on the files and the port it had.
    ///
    /// # Errors
    /// When it does not answer in time; the message holds its log.
    pub fn start_again(&self) -> Result<()> {
        let flag = |name: &str, value: &str| ["-c".to_owned(), format!("{name}={value}")];
        let (program, prefix) = as_unprivileged("postgres");
        let mut spec = Spec::new(program, self.folder.join("postgres.log"))
            .args(prefix)
            .args(["-D".into(), self.folder.join("data")])
            .args(["-k".into(), self.folder.clone()])
            .args(["-p".to_owned(), self.port.to_string()])
            .args(flag("listen_addresses", "127.0.0.1"))
            .args(flag("max_connections", "200"))
            .args(flag("shared_buffers", "32MB"))
            .current_dir(&self.folder)
            // Immediate shutdown: no client is waited for, as in a crash.
            .end_with("QUIT");
        if self.durability == Durability::Off {
            for name in ["fsync", "synchronous_commit", "full_page_writes"] {
                spec = spec.args(flag(name, "off"));
            }
            spec = spec.remove_afterwards(&self.folder);
        }
        let process = Process::start(spec)?;
        wait_for("PostgreSQL", START_PATIENCE, || {
            ensure!(process.is_running(), "it has ended: {}", process.log());
            self.query("postgres", "SELECT 1")
        })
        .with_context(|| process.log())?;
        self.slot().replace(process);
        Ok(())
    }

    /// Runs one statement with `psql` and returns what it prints, unaligned and without headers.
    ///
    /// # Errors
    /// What `psql` says.
    pub fn query(&self, database: &str, sql: &str) -> Result<String> {
        let output = Command::new("psql")
            .args(["-X", "-At", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database), "-c", sql])
            .output()
            .context("psql (package postgresql-client)")?;
        said(&output)
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn initialise(&self) -> Result<()> {
        let password_file = self.folder.join("password");
        std::fs::write(&password_file, &self.password)?;
        if let Some(user) = unprivileged_user() {
            chown(&self.folder, Some(user.uid), Some(user.gid))?;
            chown(&password_file, Some(user.uid), Some(user.gid))?;
        }
        let (program, prefix) = as_unprivileged("initdb");
        let output = Command::new(program)
            .args(prefix)
            .args(["-U", USER, "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"])
            .arg("--pwfile")
            .arg(&password_file)
            .arg("-D")
            .arg(self.folder.join("data"))
            .current_dir(&self.folder)
            .output()
            .context("initdb (package postgresql)")?;
        said(&output).map(drop)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
        // A folder that the server's keeper has removed already is no error.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn said(output: &Output) -> Result<String> {
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The user that runs the server when the tests run as root, which PostgreSQL refuses to.
fn unprivileged_user() -> Option<User> {
    if !Uid::effective().is_root() {
        return None;
    }
    ["postgres", "nobody"].into_iter().find_map(|name| User::from_name(name).ok().flatten())
}

/// Program and leading arguments that run a PostgreSQL tool without root's rights.
fn as_unprivileged(tool: &str) -> (PathBuf, Vec<String>) {
    let tool = find_tool(tool);
    match unprivileged_user() {
        None => (tool, Vec::new()),
        Some(user) => {
            let prefix = vec![
                format!("--reuid={}", user.uid),
                format!("--regid={}", user.gid),
                "--clear-groups".to_owned(),
                tool.display().to_string(),
            ];
            (PathBuf::from("setpriv"), prefix)
        }
    }
}

/// Debian keeps the server's tools outside the search path, in a folder per version; the newest wins.
fn find_tool(tool: &str) -> PathBuf {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(Path::new("/usr/lib/postgresql"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            let path = entry.path().join("bin").join(tool);
            path.exists().then_some((version, path))
        })
        .collect();
    versions.sort();
    versions.pop().map_or_else(|| PathBuf::from(tool), |(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_test_gets_an_empty_database_of_its_own() {
        let cluster = Postgres::shared();
        let (first, second) = (cluster.create_database().unwrap(), cluster.create_database().unwrap());
        assert_ne!(first, second);
        let name = first.rsplit('/').next().unwrap();
        cluster.query(name, "CREATE TABLE t (a int)").unwrap();
        assert_eq!(cluster.query(name, "SELECT count(*) FROM t").unwrap(), "0");
    }

    #[test]
    fn a_stopped_cluster_comes_back_with_its_rows() {
        let cluster = Postgres::start(Durability::Full).unwrap();
        cluster.query("postgres", "CREATE TABLE t AS SELECT 7 AS a").unwrap();
        cluster.stop();
        assert!(cluster.query("postgres", "SELECT 1").is_err());
        cluster.start_again().unwrap();
        assert_eq!(cluster.query("postgres", "SELECT a FROM t").unwrap(), "7");
    }
}

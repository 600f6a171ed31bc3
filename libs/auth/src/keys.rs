//! The keys directory: one file per token domain, made at first start.
//!
//! Decides where keys lie, and that several processes that start together agree on them. It does not rotate
//! them: delete a file while nothing runs, and the next start makes a new key.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::experience::ExperienceKey;
use crate::invitation::InvitationKey;
use crate::link::{self, LinkError, LinkRole};
use crate::playback::PlaybackKey;
use crate::room::ApiKeyPair;
use crate::service::ServiceKey;

/// Why the keys directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file or the directory cannot be read or made.
    #[error("cannot use {path}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what its name says.
    #[error("{path} does not hold {wanted}; restore it, or delete it while nothing runs to make a new one")]
    Content {
        /// Where.
        path: PathBuf,
        /// What should be in it.
        wanted: &'static str,
    },
    /// A certificate cannot be made or read.
    #[error("the link certificate in {path} cannot be used")]
    Link {
        /// Where.
        path: PathBuf,
        /// Why.
        source: LinkError,
    },
}

/// The open keys directory.
#[derive(Debug, Clone)]
pub struct Keys {
    dir: PathBuf,
    /// Key of service tokens.
    pub service: ServiceKey,
    /// Key of playback tokens.
    pub playback: PlaybackKey,
    /// Key of experience tokens.
    pub experience: ExperienceKey,
    /// Key of invitation links.
    pub invitation: InvitationKey,
}

impl Keys {
    /// Opens the directory; makes it (0700) and every missing key in it (0600).
    ///
    /// # Errors
    /// When a file cannot be made or read, or holds something else.
    pub fn open_or_create(dir: &Path) -> Result<Self, KeysError> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io_error(dir))?;
        Ok(Self {
            service: ServiceKey::from_secret(&secret(&dir.join("service.key"))?),
            playback: PlaybackKey::from_secret(&secret(&dir.join("playback.key"))?),
            experience: ExperienceKey::from_secret(&secret(&dir.join("experience.key"))?),
            invitation: InvitationKey::from_secret(&secret(&dir.join("invitation.key"))?),
            dir: dir.to_owned(),
        })
    }

    /// The development API key pair, made at first use, and whether this call made it (print it then).
    ///
    /// # Errors
    /// When the file cannot be made or read, or holds something else.
    pub fn development_api_key(&self) -> Result<(ApiKeyPair, bool), KeysError> {
        let path = self.dir.join("room.key");
        let (text, made) = read_or_make(&path, || {
            let key: String = random_text(9).chars().filter(char::is_ascii_alphanumeric).collect();
            Ok(format!("API{key}: {}\n", random_text(32)))
        })?;
        let pair =
            text.trim_end().split_once(": ").ok_or(KeysError::Content { path, wanted: "`key: secret`" })?;
        Ok((ApiKeyPair { key: pair.0.to_owned(), secret: pair.1.to_owned() }, made))
    }

    /// The key pair of the embedded S3 store, made at first use.
    ///
    /// # Errors
    /// When the file cannot be made or read, or holds something else.
    pub fn storage_key(&self) -> Result<ApiKeyPair, KeysError> {
        let secret = secret(&self.dir.join("storage.key"))?;
        Ok(ApiKeyPair { key: "dais".to_owned(), secret: URL_SAFE_NO_PAD.encode(secret) })
    }

    /// The secret from which the passwords of TURN clients are derived, made at first use. SFUs that share it
    /// accept each other's.
    ///
    /// # Errors
    /// When the file cannot be made or read, or holds something else.
    pub fn turn_secret(&self) -> Result<Vec<u8>, KeysError> {
        secret(&self.dir.join("turn.key"))
    }

    /// The certificate with which this side of the SFU-mixer link proves itself, and the CA that it trusts.
    ///
    /// # Errors
    /// When a file cannot be made or read, or holds something else.
    pub fn link_identity(&self, role: LinkRole) -> Result<link::LinkIdentity, KeysError> {
        let ca_path = self.dir.join("link-ca.pem");
        let (ca, _) = read_or_make(&ca_path, || link::make_ca().map_err(link_error(&ca_path)))?;
        let path = self.dir.join(role.file_name());
        let (leaf, _) = read_or_make(&path, || link::issue(&ca, role).map_err(link_error(&ca_path)))?;
        link::LinkIdentity::from_pem(&ca, &leaf).map_err(link_error(&path))
    }
}

fn secret(path: &Path) -> Result<Vec<u8>, KeysError> {
    let (text, _) = read_or_make(path, || Ok(format!("{}\n", random_text(SECRET_BYTES))))?;
    match URL_SAFE_NO_PAD.decode(text.trim_end()) {
        Ok(secret) if secret.len() >= SECRET_BYTES => Ok(secret),
        _ => Err(KeysError::Content { path: path.to_owned(), wanted: "32 or more bytes in base64url" }),
    }
}

/// Reads a file, or makes it whole: a reader sees nothing or all of it, and of several makers one wins.
fn read_or_make(
    path: &Path,
    make: impl Fn() -> Result<String, KeysError>,
) -> Result<(String, bool), KeysError> {
    if let Some(text) = read(path)? {
        return Ok((text, false));
    }
    let text = make()?;
    let draft = path.with_extension(format!("{}.draft", random_text(9)));
    let written = write_draft(&draft, &text).and_then(|()| fs::hard_link(&draft, path));
    // A draft left behind is harmless, and its removal must not hide the first error.
    let _ = fs::remove_file(&draft);
    match written {
        Ok(()) => sync_parent(path).map(|()| (text, true)).map_err(io_error(path)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let text = read(path)?;
            text.map(|text| (text, false)).ok_or_else(|| io_error(path)(io::ErrorKind::NotFound.into()))
        }
        Err(error) => Err(io_error(path)(error)),
    }
}

fn read(path: &Path) -> Result<Option<String>, KeysError> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(path)(error)),
    };
    let mut text = String::new();
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(io_error(path))?;
    Ok(Some(text))
}

fn write_draft(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |dir| fs::File::open(dir)?.sync_all())
}

fn random_text(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).expect("the system's random source answers");
    URL_SAFE_NO_PAD.encode(random)
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> KeysError + '_ {
    |source| KeysError::Io { path: path.to_owned(), source }
}

fn link_error(path: &Path) -> impl Fn(LinkError) -> KeysError + '_ {
    |source| KeysError::Link { path: path.to_owned(), source }
}

/// As long as the HMAC's output: RFC 7518 §3.2.
const SECRET_BYTES: usize = 32;

const MAX_FILE_BYTES: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn keys_are_made_once_and_only_the_owner_may_read_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        Keys::open_or_create(&path).unwrap();
        let first = fs::read(path.join("service.key")).unwrap();
        Keys::open_or_create(&path).unwrap();
        assert_eq!(fs::read(path.join("service.key")).unwrap(), first);
        assert_eq!(fs::metadata(path.join("service.key")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 4, "no draft is left behind");
    }

    #[test]
    fn every_domain_has_a_key_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        Keys::open_or_create(dir.path()).unwrap();
        let files: std::collections::HashSet<Vec<u8>> =
            fs::read_dir(dir.path()).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
        assert_eq!(files.len(), 4);
    }

    #[test]
    fn processes_that_start_together_agree() {
        let dir = tempfile::tempdir().unwrap();
        let pairs: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| Keys::open_or_create(dir.path()).unwrap().development_api_key().unwrap())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(pairs.windows(2).all(|two| two[0].0 == two[1].0));
        assert_eq!(pairs.iter().filter(|(_, made)| *made).count(), 1);
    }

    #[test]
    fn a_damaged_key_is_named_instead_of_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("service.key"), "short").unwrap();
        let error = Keys::open_or_create(dir.path()).unwrap_err().to_string();
        assert!(error.contains("service.key"), "{error}");
        assert_eq!(fs::read_to_string(dir.path().join("service.key")).unwrap(), "short");
    }

    #[test]
    fn both_sides_of_the_link_trust_the_same_authority() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::open_or_create(dir.path()).unwrap();
        let sfu = keys.link_identity(LinkRole::Sfu).unwrap();
        let mixer = keys.link_identity(LinkRole::Mixer).unwrap();
        assert_eq!(sfu.ca_der, mixer.ca_der);
        assert_ne!(sfu.cert_chain_der, mixer.cert_chain_der);
        let again = Keys::open_or_create(dir.path()).unwrap().link_identity(LinkRole::Sfu).unwrap();
        assert_eq!(again.key_der, sfu.key_der);
    }
}

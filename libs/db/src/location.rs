//! Where a service's database is.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::open::OpenError;

/// Where a service's database is.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A SQLite file; made if missing.
    Sqlite(PathBuf),
    /// A `postgres://` URL. The service's schema is made in it if missing.
    Postgres(String),
}

impl Location {
    /// Reads the `DAIS_DATABASE_URL` setting; without it the database is `<data_dir>/<service>.db`.
    ///
    /// # Errors
    /// [`OpenError::Scheme`] for a URL that is neither `postgres:`, `postgresql:` nor `sqlite:`.
    pub fn choose(database_url: Option<&str>, data_dir: &Path, service: &str) -> Result<Self, OpenError> {
        let file = || data_dir.join(format!("{service}.db"));
        match database_url.map(|url| url.split_once(':').unwrap_or((url, ""))) {
            None => Ok(Self::Sqlite(file())),
            Some(("postgres" | "postgresql", rest)) => Ok(Self::Postgres(format!("postgres:{rest}"))),
            Some(("sqlite", dir)) => Ok(Self::Sqlite(Path::new(dir).join(format!("{service}.db")))),
            Some((scheme, _)) => Err(OpenError::Scheme { scheme: scheme.to_owned() }),
        }
    }

    /// Asks the database whether it is there; makes nothing in it.
    ///
    /// # Errors
    /// When it does not answer. A SQLite file is always there.
    pub async fn ping(&self) -> Result<(), OpenError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(url) => crate::open::ping(url).await,
        }
    }

    /// The connection URL that `sqlx` understands.
    pub(crate) fn url(&self, schema: &str) -> Result<String, OpenError> {
        match self {
            Self::Sqlite(path) => {
                let absolute = std::path::absolute(path)
                    .map_err(|source| OpenError::Path { path: path.clone(), source })?;
                Ok(format!("sqlite://{}?mode=rwc", percent_encoded(&absolute)))
            }
            Self::Postgres(url) => {
                let separator = if url.contains('?') { '&' } else { '?' };
                Ok(format!("{url}{separator}options%5Bsearch_path%5D={schema}"))
            }
        }
    }
}

impl std::fmt::Debug for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "Sqlite({})", path.display()),
            // The URL holds a password.
            Self::Postgres(_) => f.write_str("Postgres(..)"),
        }
    }
}

fn percent_encoded(path: &Path) -> String {
    let mut text = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            write!(text, "%{byte:02X}").expect("a String takes all text");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_url_each_service_has_a_file_in_the_data_folder() {
        let location = Location::choose(None, Path::new("/data"), "media").unwrap();
        assert_eq!(location, Location::Sqlite("/data/media.db".into()));
    }

    #[test]
    fn a_foreign_scheme_is_refused_by_name() {
        let error = Location::choose(Some("mysql://root@db/dais"), Path::new("/data"), "media").unwrap_err();
        assert!(error.to_string().contains("mysql"), "{error}");
    }

    #[test]
    fn the_schema_is_added_to_the_query() {
        let location = Location::Postgres("postgres://u:p@db/dais?sslmode=require".into());
        assert_eq!(
            location.url("media").unwrap(),
            "postgres://u:p@db/dais?sslmode=require&options%5Bsearch_path%5D=media"
        );
    }

    #[test]
    fn a_password_is_not_shown() {
        assert!(!format!("{:?}", Location::Postgres("postgres://u:hush@db/dais".into())).contains("hush"));
    }
}

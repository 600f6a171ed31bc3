//! Passwords: argon2id, off the runtime's threads, and few at a time (each takes 19 MiB).

use std::sync::OnceLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

/// The PHC string of a password.
pub(crate) async fn hash(password: &str) -> String {
    let password = password.to_owned();
    blocking(move || made(&password)).await
}

/// Checks a password. Takes as long when there is no hash, so that time tells nobody which accounts exist.
pub(crate) async fn verify(password: &str, hash: Option<&str>) -> bool {
    let password = password.to_owned();
    let hash = hash.map(str::to_owned);
    blocking(move || match hash {
        Some(hash) => matches(&password, &hash),
        None => {
            static NOBODY: OnceLock<String> = OnceLock::new();
            let _ = matches(&password, NOBODY.get_or_init(|| made("nobody's password")));
            false
        }
    })
    .await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    static AT_ONCE: Semaphore = Semaphore::const_new(2);
    let _permit = AT_ONCE.acquire().await.expect("the semaphore is never closed");
    tokio::task::spawn_blocking(work).await.expect("hashing does not panic")
}

fn made(password: &str) -> String {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.expect("argon2 accepts passwords below 4 GiB").to_string()
}

fn matches(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Shortest password: NIST SP 800-63B §3.1.1.2 asks for 15 where it stands alone and 8 otherwise; rate limits
/// hold online guessing at five a minute.
pub(crate) const SHORTEST: usize = 12;

/// Longest password: bounds the work of hashing.
pub(crate) const LONGEST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash() {
        let hash = hash("correct horse battery").await;
        assert!(hash.starts_with("$argon2id$"));
        assert!(verify("correct horse battery", Some(&hash)).await);
        assert!(!verify("correct horse batterz", Some(&hash)).await);
        assert!(!verify("nobody's password", None).await);
    }
}

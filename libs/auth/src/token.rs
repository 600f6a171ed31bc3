//! Signs and checks compact JWTs (RFC 7519) of one key and one algorithm.
//!
//! Holds the checks that `jsonwebtoken` leaves to its caller: token length, the `crit` header (RFC 7515
//! §4.1.11), and `aud` as a single text. Which claims a domain needs is decided by the domain's module.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a token was refused. Safe to log; tell the caller no more than "unauthorised".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No token, or not in the form `Bearer <token>`.
    #[error("no bearer token")]
    Missing,
    /// Longer than [`MAX_TOKEN_BYTES`].
    #[error("the token is too long")]
    TooLong,
    /// Not three parts of base64url, or not the claims of this domain.
    #[error("the token is malformed")]
    Malformed,
    /// The header has `crit`, and no extension is understood here (RFC 7515 §4.1.11).
    #[error("the token's header demands an extension that is not supported")]
    CriticalHeader,
    /// Signed by a key, or for an issuer, that is not known.
    #[error("the token's issuer is unknown")]
    UnknownIssuer,
    /// Another algorithm than the domain's.
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// The signature does not match.
    #[error("the token's signature is wrong")]
    Signature,
    /// `exp` lies in the past.
    #[error("the token has expired")]
    Expired,
    /// `nbf` lies in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `exp` lies further ahead than the domain allows.
    #[error("the token lives too long")]
    LivesTooLong,
    /// Made for another audience, event or playback id.
    #[error("the token is for somebody else")]
    Audience,
    /// A claim that the domain requires is missing.
    #[error("the token lacks a claim")]
    MissingClaim,
}

/// The token of an `Authorization: Bearer <token>` header value (RFC 6750 §2.1).
///
/// # Errors
/// [`Refused::Missing`] when there is no header or its scheme is another one.
pub fn bearer(header: Option<&str>) -> Result<&str, Refused> {
    let (scheme, token) = header.and_then(|value| value.split_once(' ')).ok_or(Refused::Missing)?;
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() { Ok(token) } else { Err(Refused::Missing) }
}

/// Seconds since 1970 (UTC), the unit of `exp`, `iat` and `nbf`. Zero if the clock stands before 1970.
#[must_use]
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// One HMAC-SHA-256 key, for signing and checking.
#[derive(Clone)]
pub(crate) struct Hs256 {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl Hs256 {
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self { encoding: EncodingKey::from_secret(secret), decoding: DecodingKey::from_secret(secret) }
    }

    /// Makes the compact form of these claims.
    pub(crate) fn sign<C: Serialize>(&self, claims: &C) -> String {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.encoding)
            .expect("claims are plain structs and HMAC accepts every key length")
    }

    /// Checks a token and returns its claims.
    pub(crate) fn verify<C: DeserializeOwned>(
        &self,
        token: &str,
        validation: &Validation,
    ) -> Result<C, Refused> {
        check_shape(token)?;
        match jsonwebtoken::decode::<C>(token, &self.decoding, validation) {
            Ok(decoded) => Ok(decoded.claims),
            Err(error) => Err(refusal(error.kind())),
        }
    }
}

impl std::fmt::Debug for Hs256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hs256(..)")
    }
}

/// The validation of a domain whose tokens name their audience and issuer.
pub(crate) fn strict_validation(audience: &str, issuers: &[&str], leeway: Duration) -> Validation {
    let mut validation = base_validation(leeway);
    validation.set_audience(&[audience]);
    validation.set_issuer(issuers);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    validation
}

/// HS256 only, `exp` required, `nbf` honoured. A token that names an audience is refused.
pub(crate) fn base_validation(leeway: Duration) -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = leeway.as_secs();
    validation.validate_nbf = true;
    validation
}

/// The claims of a token whose signature was *not* checked, to find the key that should check it.
pub(crate) fn unverified_claims<C: DeserializeOwned>(token: &str) -> Result<C, Refused> {
    let [_, payload, _] = parts(token)?;
    part(payload)
}

fn check_shape(token: &str) -> Result<(), Refused> {
    let [header, ..] = parts(token)?;
    let header: serde_json::Map<String, serde_json::Value> = part(header)?;
    if header.contains_key("crit") { Err(Refused::CriticalHeader) } else { Ok(()) }
}

fn parts(token: &str) -> Result<[&str; 3], Refused> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(Refused::TooLong);
    }
    let mut parts = token.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(payload), Some(signature), None) => Ok([header, payload, signature]),
        _ => Err(Refused::Malformed),
    }
}

fn part<T: DeserializeOwned>(text: &str) -> Result<T, Refused> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Refused::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Refused::Malformed)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the foreign enum is non-exhaustive")]
fn refusal(kind: &ErrorKind) -> Refused {
    match kind {
        ErrorKind::InvalidSignature => Refused::Signature,
        ErrorKind::ExpiredSignature => Refused::Expired,
        ErrorKind::ImmatureSignature => Refused::NotYetValid,
        ErrorKind::InvalidIssuer => Refused::UnknownIssuer,
        ErrorKind::InvalidAudience | ErrorKind::InvalidSubject => Refused::Audience,
        ErrorKind::InvalidAlgorithm | ErrorKind::MissingAlgorithm | ErrorKind::UnsupportedAlgorithm => {
            Refused::Algorithm
        }
        ErrorKind::MissingRequiredClaim(_) => Refused::MissingClaim,
        _ => Refused::Malformed,
    }
}

/// Longest token that is looked at. Room tokens may carry 16 KiB of metadata, which base64 makes 22 KiB.
pub const MAX_TOKEN_BYTES: usize = 32 * 1024;

/// Clocks of the platform's own machines are this close.
pub(crate) const LEEWAY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize, serde::Deserialize, Debug)]
    struct Claims {
        aud: String,
        iss: String,
        sub: String,
        exp: u64,
    }

    fn claims() -> Claims {
        Claims { aud: "a".into(), iss: "i".into(), sub: "s".into(), exp: unix_seconds() + 60 }
    }

    fn check(token: &str) -> Result<Claims, Refused> {
        Hs256::new(b"secret").verify(token, &strict_validation("a", &["i"], LEEWAY))
    }

    fn forged(header: &str, payload: &str) -> String {
        format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn a_signed_token_is_accepted_by_its_own_key_only() {
        let token = Hs256::new(b"secret").sign(&claims());
        assert_eq!(check(&token).map(|claims| claims.sub), Ok("s".to_owned()));
        assert_eq!(check(&Hs256::new(b"other").sign(&claims())).unwrap_err(), Refused::Signature);
    }

    #[test]
    fn a_token_without_algorithm_or_with_another_one_is_refused() {
        let payload = serde_json::to_string(&claims()).unwrap();
        for header in [r#"{"alg":"none"}"#, r#"{"alg":"NONE"}"#, r#"{"alg":"HS512"}"#, r#"{"alg":"RS256"}"#] {
            assert!(check(&forged(header, &payload)).is_err(), "{header}");
        }
    }

    #[test]
    fn a_critical_header_is_refused_even_with_a_good_signature() {
        let mut header = Header::new(Algorithm::HS256);
        header.crit = Some(vec!["b64".to_owned()]);
        let token = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(b"secret")).unwrap();
        assert_eq!(check(&token).unwrap_err(), Refused::CriticalHeader);
    }

    #[test]
    fn several_audiences_are_refused_although_one_matches() {
        let many = serde_json::json!({"aud": ["a", "b"], "iss": "i", "sub": "s", "exp": unix_seconds() + 60});
        assert_eq!(check(&Hs256::new(b"secret").sign(&many)).unwrap_err(), Refused::Malformed);
    }

    #[test]
    fn expiry_must_be_a_number_in_the_future() {
        for exp in [
            serde_json::json!("4000000000"),
            serde_json::json!(-1),
            serde_json::json!(null),
            serde_json::json!(1),
        ] {
            let token =
                Hs256::new(b"secret").sign(&serde_json::json!({"aud":"a","iss":"i","sub":"s","exp":exp}));
            assert!(check(&token).is_err(), "{exp}");
        }
        let late = Claims { exp: unix_seconds() - 10, ..claims() };
        assert_eq!(check(&Hs256::new(b"secret").sign(&late)).unwrap_err(), Refused::Expired);
    }

    #[test]
    fn a_token_from_the_future_is_not_valid_yet() {
        let now = unix_seconds();
        let early = serde_json::json!({"aud":"a","iss":"i","sub":"s","exp":now + 900,"nbf":now + 600});
        assert_eq!(check(&Hs256::new(b"secret").sign(&early)).unwrap_err(), Refused::NotYetValid);
    }

    #[test]
    fn garbage_is_malformed() {
        for token in ["", ".", "..", "a.b", "a.b.c", "a.b.c.d", "é.é.é"] {
            assert_eq!(check(token).unwrap_err(), Refused::Malformed, "{token:?}");
        }
        assert_eq!(check(&"a".repeat(MAX_TOKEN_BYTES + 1)).unwrap_err(), Refused::TooLong);
    }

    #[test]
    fn a_bearer_header_yields_its_token() {
        assert_eq!(bearer(Some("Bearer abc")), Ok("abc"));
        assert_eq!(bearer(Some("bearer  abc ")), Ok("abc"));
        for header in [None, Some(""), Some("Bearer"), Some("Bearer "), Some("Basic abc")] {
            assert_eq!(bearer(header), Err(Refused::Missing));
        }
    }
}

//! Which pages may use an organiser's cookie.

use url::{Host, Url};

/// The exact list of allowed origins.
#[derive(Debug, Clone)]
pub(crate) struct Origins {
    allowed: Vec<String>,
    /// Port of a public URL on loopback: its other names (`localhost`, `[::1]`) are the same machine.
    loopback_port: Option<u16>,
}

impl Origins {
    /// The public URL's origin and these others.
    pub(crate) fn new(public_url: &Url, others: &[String]) -> Self {
        let own = public_url.origin().ascii_serialization();
        let loopback_port = if is_loopback(public_url) { public_url.port_or_known_default() } else { None };
        Self { allowed: std::iter::once(own).chain(others.iter().cloned()).collect(), loopback_port }
    }

    /// True if a page of this origin may act with the cookie.
    pub(crate) fn allow(&self, origin: &str) -> bool {
        if self.allowed.iter().any(|allowed| allowed == origin) {
            return true;
        }
        let Some(port) = self.loopback_port else { return false };
        Url::parse(origin).is_ok_and(|url| is_loopback(&url) && url.port_or_known_default() == Some(port))
    }
}

/// True for `localhost`, 127.0.0.0/8 and `[::1]`.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_origins_are_allowed() {
        let origins =
            Origins::new(&Url::parse("https://dais.example/x").unwrap(), &["https://other.example".into()]);
        assert!(origins.allow("https://dais.example") && origins.allow("https://other.example"));
        for origin in
            ["null", "", "http://dais.example", "https://dais.example:444", "https://dais.example.evil.net"]
        {
            assert!(!origins.allow(origin), "{origin}");
        }
    }

    #[test]
    fn a_loopback_installation_answers_to_each_of_its_names() {
        let origins = Origins::new(&Url::parse("http://127.0.0.1:8080").unwrap(), &[]);
        assert!(origins.allow("http://localhost:8080") && origins.allow("http://[::1]:8080"));
        assert!(!origins.allow("http://localhost:9090") && !origins.allow("http://localhost.evil.net:8080"));
    }
}

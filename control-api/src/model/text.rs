//! Limits of texts that people type, and slugs.

use crate::problem::Problem;

/// Trims a text and checks that it has 1 to `longest` characters and no control character.
pub(crate) fn required(field: &'static str, text: &str, longest: usize) -> Result<String, Problem> {
    let text = optional(field, text, longest)?;
    if text.is_empty() { Err(Problem::invalid(field, "must not be empty")) } else { Ok(text) }
}

/// As [`required`], but may be empty.
pub(crate) fn optional(field: &'static str, text: &str, longest: usize) -> Result<String, Problem> {
    let text = text.trim();
    if text.chars().count() > longest {
        return Err(Problem::invalid(field, &format!("must have at most {longest} characters")));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(Problem::invalid(field, "must not hold control characters"));
    }
    Ok(text.to_owned())
}

/// An address with one `@` and something on both sides; delivery is the only real test.
pub(crate) fn email(field: &'static str, text: &str) -> Result<String, Problem> {
    let text = required(field, text, 254)?;
    let good = text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !host.contains('@') && !text.contains(char::is_whitespace)
    });
    if good { Ok(text.to_lowercase()) } else { Err(Problem::invalid(field, "must be an e-mail address")) }
}

/// A slug as an organiser typed it: lower-case letters, digits and single hyphens.
pub(crate) fn slug(field: &'static str, text: &str) -> Result<String, Problem> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=MAX_SLUG).contains(&text.len()) && text.chars().all(plain) && text == slugified(text) {
        Ok(text.to_owned())
    } else {
        Err(Problem::invalid(field, "must be 1 to 64 lower-case letters, digits and single hyphens"))
    }
}

/// The slug that a title suggests; may be empty.
pub(crate) fn slugified(title: &str) -> String {
    let mut slug = String::new();
    for c in title.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(MAX_SLUG);
    slug.trim_end_matches('-').to_owned()
}

const MAX_SLUG: usize = 64;

/// Longest title and name.
pub(crate) const MAX_TITLE: usize = 200;
/// Longest name of a person: LiveKit's limit for a participant's name.
pub(crate) const MAX_NAME: usize = 128;
/// Longest description.
pub(crate) const MAX_DESCRIPTION: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_becomes_a_slug() {
        assert_eq!(slugified("Rust & Media: Day 1!"), "rust-media-day-1");
        assert_eq!(slugified("  ---  "), "");
        assert!(slug("slug", &slugified(&"long title ".repeat(20))).is_ok());
    }

    #[test]
    fn slugs_with_other_characters_are_refused() {
        for text in ["", "Up", "a b", "-a", "a-", "a--b", "ä", &"a".repeat(65)] {
            assert!(slug("slug", text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn text_is_trimmed_and_bounded() {
        assert_eq!(required("name", " Ada ", 3).unwrap(), "Ada");
        for text in ["", "   ", "Adam", "a\0b", "\u{1b}[2J"] {
            assert!(required("name", text, 3).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_address_has_one_at_sign() {
        assert_eq!(email("email", "Ada@Example.org").unwrap(), "ada@example.org");
        for text in ["", "ada", "@x", "ada@", "a@b@c", "a b@c"] {
            assert!(email("email", text).is_err(), "{text:?}");
        }
    }
}

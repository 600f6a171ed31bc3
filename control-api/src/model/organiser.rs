//! Organisers: sign-in, session, profile.

use ids::{OrganisationId, OrganiserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Sign in with address and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    #[schema(example = "ada@example.org")]
    pub email: String,
    #[schema(format = Password)]
    pub password: String,
}

/// Sign in with a one-time link's token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInLink {
    /// What follows `#token=` in the link. Works once.
    pub token: String,
}

/// An organiser's account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Organiser {
    #[schema(value_type = String)]
    pub id: OrganiserId,
    pub name: String,
    /// `null` until the profile is filled in.
    pub email: Option<String>,
    /// False until a password is set: then only a sign-in link opens the account.
    pub has_password: bool,
}

/// The owner of events.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Organisation {
    #[schema(value_type = String)]
    pub id: OrganisationId,
    pub name: String,
}

/// Who is signed in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct OrganiserSession {
    pub organiser: Organiser,
    pub organisation: Organisation,
    /// Send it back in `X-CSRF-Token` with every request that is not a GET.
    pub csrf_token: String,
}

/// Replaces the organiser's profile.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    #[schema(min_length = 1, max_length = 128)]
    pub name: String,
    pub email: String,
    /// A new password; absent leaves it as it is.
    #[schema(min_length = 12, max_length = 256, format = Password)]
    pub password: Option<String>,
    /// Needed to change the address or the password of an account that has a password.
    #[schema(format = Password)]
    pub current_password: Option<String>,
}

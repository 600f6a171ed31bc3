//! What every handler shares.

use std::ops::Deref;
use std::sync::Arc;

use auth::experience::ExperienceKey;

use crate::origins::Origins;
use crate::platform::{AttendeeService, AuthService, EventService};
use crate::presence::Presence;

/// Shared by all handlers and the reconciler. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

/// The inside of [`App`].
pub(crate) struct Shared {
    pub(crate) auth: Box<dyn AuthService>,
    pub(crate) events: Box<dyn EventService>,
    pub(crate) attendees: Box<dyn AttendeeService>,
    pub(crate) experience_key: ExperienceKey,
    pub(crate) presence: Presence,
    pub(crate) origins: Origins,
}

impl Deref for App {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    pub(crate) fn cookie_name(&self) -> &'static str {
        "dais_session"
    }
}

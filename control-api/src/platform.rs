//! What Dais needs from the platform around it: three small interfaces.
//!
//! [`builtin`] implements them on this service's own database, so that Dais runs alone.

pub(crate) mod builtin;

use async_trait::async_trait;
use ids::{EventId, OrganisationId, PersonId};

use crate::caller::OrganiserCaller;
use crate::model::event::Event;
use crate::model::person::Person;
use crate::problem::Problem;

/// Knows organisers.
#[async_trait]
pub(crate) trait AuthService: Send + Sync {
    /// The organiser whose cookie this is; `None` if it is not valid (any more).
    async fn organiser(&self, cookie: &str) -> Result<Option<OrganiserCaller>, Problem>;
}

/// Knows events.
#[async_trait]
pub(crate) trait EventService: Send + Sync {
    /// One event; `None` if it does not exist.
    async fn event(&self, id: &EventId) -> Result<Option<EventFacts>, Problem>;
}

/// Knows the people inside events.
#[async_trait]
pub(crate) trait AttendeeService: Send + Sync {
    /// One person; `None` if they do not exist, are not in this event, or were removed.
    async fn person(&self, event: &EventId, id: &PersonId) -> Result<Option<Person>, Problem>;
}

/// An event and its owner.
#[derive(Debug, Clone)]
pub(crate) struct EventFacts {
    pub(crate) organisation_id: OrganisationId,
    pub(crate) event: Event,
}

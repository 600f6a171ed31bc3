//! The three interfaces on this service's own database.

use async_trait::async_trait;
use ids::{EventId, PersonId};

use super::{AttendeeService, AuthService, EventFacts, EventService};
use crate::caller::OrganiserCaller;
use crate::db::Store;
use crate::model::person::Person;
use crate::problem::Problem;

/// Organisers, events and people of an installation that runs alone.
#[derive(Debug, Clone)]
pub(crate) struct Builtin(pub(crate) Store);

#[async_trait]
impl AuthService for Builtin {
    async fn organiser(&self, cookie: &str) -> Result<Option<OrganiserCaller>, Problem> {
        Ok(self.0.session_caller(&crate::secret::hash(cookie)).await?)
    }
}

#[async_trait]
impl EventService for Builtin {
    async fn event(&self, id: &EventId) -> Result<Option<EventFacts>, Problem> {
        Ok(self.0.event(id).await?)
    }
}

#[async_trait]
impl AttendeeService for Builtin {
    async fn person(&self, event: &EventId, id: &PersonId) -> Result<Option<Person>, Problem> {
        Ok(self.0.person(event, id).await?)
    }
}

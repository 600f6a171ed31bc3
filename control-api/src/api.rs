//! The public API: its routes, who may call each, and the OpenAPI document made from them.

pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod events;
pub(crate) mod experience;
pub(crate) mod invitations;
pub(crate) mod replays;
pub(crate) mod routes;
pub(crate) mod sessions;
pub(crate) mod stages;
pub(crate) mod uploads;

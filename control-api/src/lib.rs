//! control-api: events, and everything people call.
mod api;
mod caller;
mod model;
mod origins;
mod platform;
mod presence;
mod problem;
mod secret;
mod state;
mod stub;
mod upstream;

pub use api::routes::openapi_json;

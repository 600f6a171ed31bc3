//! Two transports over a virtual network: one is ICE-lite as in production, the other plays a browser.

mod attack;
mod channels;
mod connect;
mod fuzz;
mod lite;
mod paths;
mod peer;

//! Bodies that services exchange over HTTP, one module per service that answers.
//!
//! Only shapes live here: no client, no server, no rule. Times are UTC microseconds since 1970
//! (`…_at_us`), lengths of media are milliseconds (`…_ms`).

pub mod link;
pub mod media;
pub mod mixer;

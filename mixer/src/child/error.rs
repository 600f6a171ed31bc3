//! What ends a child. Every variant is fatal: the service starts a new one, which is cheaper and safer than
//! going on with half a pipeline.

use std::io;

use crate::child_protocol::ProtocolError;

/// Why a mixer child cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MixError {
    /// GStreamer is not usable on this machine.
    #[error("GStreamer cannot start")]
    Gst(#[from] gst::glib::Error),
    /// The CMAF muxer cannot be registered.
    #[error("the CMAF muxer cannot be registered")]
    Muxer,
    /// An element refused a link, a state or a registration.
    #[error("GStreamer refused: {0}")]
    Refused(#[from] gst::glib::BoolError),
    /// The pipeline did not start.
    #[error("the pipeline does not change its state")]
    State(#[from] gst::StateChangeError),
    /// A pipeline's own description lacks an element that the code wants.
    #[error("the pipeline has no element {0}")]
    NoElement(&'static str),
    /// An element broke down while it ran.
    #[error("{element} failed: {error} ({debug})")]
    Pipeline {
        /// Name of the element.
        element: String,
        /// What it says.
        error: String,
        /// In detail.
        debug: String,
    },
    /// A segment is not what it must be.
    #[error("rendition {rendition}: {problem}")]
    Output {
        /// Its name.
        rendition: String,
        /// What is wrong.
        problem: String,
    },
    /// Text could not be drawn.
    #[error("text cannot be rendered: {0}")]
    Text(&'static str),
    /// The socket to the service broke.
    #[error("the socket to the mixer service failed")]
    Socket(#[from] io::Error),
    /// The service broke the protocol.
    #[error("the mixer service broke the protocol")]
    Protocol(#[from] ProtocolError),
    /// The first message must be `Start`, and only the first.
    #[error("expected the start message first and once")]
    Start,
    /// The service went away without a stop.
    #[error("the mixer service closed the socket")]
    ServiceGone,
    /// The service reads too slowly.
    #[error("the mixer service does not take what it is sent")]
    ServiceSlow,
    /// A thread of the child ended, and with it the others.
    #[error("a thread of the child ended")]
    ThreadGone,
}

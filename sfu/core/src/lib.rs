//! The SFU's decisions: transports, packets, forwarding and rooms, without runtime, socket, clock or lock.
//!
//! Inputs are `handle_*` calls with `now`; outputs are `poll_*` calls. The shard around it does the I/O.

pub mod bwe;
pub mod codec;
pub mod demux;
pub mod dtls;
pub mod forward;
pub mod ice;
pub mod names;
pub mod receive;
pub mod ring;
pub mod room;
pub mod rtcp;
pub mod rtp;
pub mod sctp;
pub mod sdp;
pub mod seed;
pub mod shard;
pub mod srtp;
pub mod stats;
pub mod stun;
pub mod transport;
pub mod turn;

//! What a participant and its room tell each other, free of any wire format.
//!
//! It decides the vocabulary of the room; `sfu-signal` decides how each word looks on LiveKit's wire.

mod info;
mod request;
mod response;

pub use info::{
    BackupCodec, Carried, Kind, Layer, ParticipantInfo, ParticipantState, Quality, RoomInfo, Source,
    TrackInfo,
};
pub use request::{
    AddTrack, CodecWish, Description, Request, ResumeFault, Scenario, SyncState, Target, TrackPermission,
    TrackSettings, Trickle,
};
pub use response::{
    ConnectionQuality, Joined, LeaveAction, LeaveReason, RefusalReason, Response, Speaker,
    SubscriptionRefusal,
};

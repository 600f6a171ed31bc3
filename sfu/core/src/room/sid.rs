//! Names of rooms, participants and tracks as LiveKit's clients expect them: a prefix and random letters.

use std::fmt;
use std::sync::Arc;

use super::message::{Kind, Source};
use crate::seed::Seed;

/// Random bits drawn in order from one seed, so that tests and replays are exact.
#[derive(Debug)]
pub struct Entropy {
    seed: Seed,
    used: u64,
}

impl Entropy {
    /// Starts at the beginning of what this seed gives.
    #[must_use]
    pub const fn new(seed: Seed) -> Self {
        Self { seed, used: 0 }
    }

    /// 256 fresh bits.
    pub fn bytes(&mut self) -> [u8; 32] {
        self.used += 1;
        self.seed.derive("entropy", self.used)
    }

    /// A fresh seed for something that draws its own bits.
    pub fn seed(&mut self) -> Seed {
        Seed::new(self.bytes())
    }

    /// 128 fresh bits.
    pub fn bits(&mut self) -> u128 {
        let mut low = [0; 16];
        low.copy_from_slice(&self.bytes()[..16]);
        u128::from_le_bytes(low)
    }
}

macro_rules! sid {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a name from outside; it need not exist.
            #[must_use]
            pub fn from_wire(text: &str) -> Self {
                Self(Arc::from(text))
            }

            /// The text form.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

sid!(
    /// `RM_…`: one life of a room.
    RoomSid
);
sid!(
    /// `PA_…`: one session of a participant.
    ParticipantSid
);
sid!(
    /// `TR_…`: one publication.
    TrackSid
);

impl RoomSid {
    /// Makes a fresh one.
    pub fn fresh(entropy: &mut Entropy) -> Self {
        Self(format!("RM_{}", letters(entropy)).into())
    }
}

impl ParticipantSid {
    /// Makes a fresh one.
    pub fn fresh(entropy: &mut Entropy) -> Self {
        Self(format!("PA_{}", letters(entropy)).into())
    }
}

impl TrackSid {
    /// Makes a fresh one; two letters after the prefix tell kind and source, as LiveKit's do.
    pub fn fresh(kind: Kind, source: Source, entropy: &mut Entropy) -> Self {
        let kind = match kind {
            Kind::Audio => 'A',
            Kind::Video => 'V',
        };
        let source = match source {
            Source::Camera => "C",
            Source::Microphone => "M",
            Source::ScreenShare => "S",
            Source::ScreenShareAudio => "s",
            Source::Unknown => "",
        };
        Self(format!("TR_{kind}{source}{}", letters(entropy)).into())
    }
}

/// Twelve characters of base 62 hold 71 bits: no two alike among all rooms of a node.
fn letters(entropy: &mut Entropy) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut bits = entropy.bits();
    let mut text = String::with_capacity(12);
    for _ in 0..12 {
        let digit = usize::try_from(bits % 62).unwrap_or(0);
        text.push(char::from(ALPHABET[digit]));
        bits /= 62;
    }
    text
}

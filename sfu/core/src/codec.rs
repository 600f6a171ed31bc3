//! What the SFU must know of a payload: where keyframes start, and which bytes change when it is forwarded.
//!
//! Nothing is decoded here. Every function takes a payload without RTP header and never panics on any bytes.

pub mod audio;
pub mod av1;
pub mod dependency;
pub mod h264;
pub mod layer;
mod picture_id;
pub mod red;
pub mod vp8;
pub mod vp9;

pub use audio::AudioLevel;
pub use layer::{LayerFrame, LayerId};
pub use picture_id::PictureId;
pub use vp8::Vp8Descriptor;
pub use vp9::Vp9Descriptor;

/// How the payloads of a publication are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// RFC 7587; its packets may travel wrapped in RED.
    Opus,
    /// RFC 7741.
    Vp8,
    /// RFC 6184.
    H264,
    /// RFC 9628.
    Vp9,
    /// AV1 RTP specification.
    Av1,
}

impl Codec {
    /// Ticks of its RTP clock per second.
    #[must_use]
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::Vp8 | Self::H264 | Self::Vp9 | Self::Av1 => 90_000,
        }
    }

    /// True for sound.
    #[must_use]
    pub const fn is_audio(self) -> bool {
        matches!(self, Self::Opus)
    }

    /// True when one stream of it may carry several spatial layers.
    #[must_use]
    pub const fn is_scalable(self) -> bool {
        matches!(self, Self::Vp9 | Self::Av1)
    }
}

/// What the ring remembers of one payload, so that the fan-out parses nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PayloadFacts {
    /// First packet of a frame that decodes without any other frame. Always true for sound.
    pub starts_keyframe: bool,
    /// The codec's own part.
    pub form: PayloadForm,
}

/// The part of [`PayloadFacts`] that depends on the codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PayloadForm {
    /// Forwarded as it is.
    #[default]
    Plain,
    /// VP8: picture ids are rewritten.
    Vp8(Vp8Descriptor),
    /// VP9 or AV1: its frame has layers, and the picture ids of VP9 are rewritten.
    Scalable {
        /// The frame; `None` when its descriptor could not be read, so that nobody knows whom it is for.
        frame: Option<LayerFrame>,
        /// Of VP9.
        vp9: Option<Vp9Descriptor>,
    },
    /// RED around Opus (RFC 2198): payload types are rewritten, or only the primary block is sent.
    Red,
}

impl PayloadFacts {
    /// Reads a payload that came under the payload type of `codec`, or of RED when `red`.
    ///
    /// The layers of VP9 and AV1 need what came before: `receive` adds them.
    #[must_use]
    pub fn read(codec: Codec, red: bool, payload: &[u8]) -> Self {
        match codec {
            Codec::Opus if red => Self { starts_keyframe: true, form: PayloadForm::Red },
            Codec::Opus => Self { starts_keyframe: true, form: PayloadForm::Plain },
            Codec::Vp8 => match Vp8Descriptor::parse(payload) {
                Some(descriptor) => Self {
                    starts_keyframe: descriptor.starts_keyframe(payload),
                    form: PayloadForm::Vp8(descriptor),
                },
                None => Self::default(),
            },
            Codec::H264 => Self { starts_keyframe: h264::starts_keyframe(payload), ..Self::default() },
            Codec::Vp9 => match Vp9Descriptor::parse(payload) {
                Some(descriptor) => Self {
                    starts_keyframe: descriptor.starts_keyframe(),
                    form: PayloadForm::Scalable { frame: None, vp9: Some(descriptor) },
                },
                None => Self::default(),
            },
            Codec::Av1 => Self { starts_keyframe: av1::starts_keyframe(payload), ..Self::default() },
        }
    }
}

#[cfg(test)]
mod tests;

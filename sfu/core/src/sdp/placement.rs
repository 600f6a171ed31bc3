//! Our tracks in the sections that the peer offers (LiveKit's single peer connection).
//!
//! The peer always offers; its next offer is answered with tracks in the sections in which it only waits to
//! receive. It decides which track goes where, and how many sections are missing.
//!
//! ```text
//! add ──▶ waiting ──offer with a free section──▶ placed ──remove──▶ leaving ──answered `inactive`──▶ free
//! ```
//!
//! A section is empty in one answer between two tracks: a browser that finds another track in a section that
//! never stopped does not tell its page (RFC 8829 §5.10, W3C WebRTC §4.4.1.6).

use std::collections::BTreeMap;

use super::{
    Codec, CodecLine, MediaKind, MediaSection, OfferedCodec, OfferedTrack, SendTrack, SessionDescription,
};
use crate::rtp::{Mid, Ssrc};

/// Keeps our tracks from offer to offer.
#[derive(Debug, Default)]
pub struct Placement {
    /// In order of adding.
    waiting: Vec<OfferedTrack>,
    sections: BTreeMap<Mid, Placed>,
    /// Sections that could take a track now.
    free: Missing,
}

#[derive(Debug)]
enum Placed {
    /// Carries a track.
    Track(OfferedTrack),
    /// Carried one that is gone; the next answer leaves it empty.
    Leaving(MediaKind),
}

/// Sections by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Missing {
    /// Sections for sound.
    pub audios: u32,
    /// Sections for pictures.
    pub videos: u32,
}

/// What becomes of an offer.
#[derive(Debug, Default)]
pub struct Placing {
    /// Our tracks with their sections, for [`super::answer`].
    pub sends: Vec<(Mid, SendTrack)>,
    /// Tracks of which the peer receives no codec; they are forgotten.
    pub refused: Vec<Ssrc>,
}

impl Placement {
    /// Adds a track; it waits for the peer's next offer.
    pub fn add(&mut self, track: OfferedTrack) {
        self.waiting.push(track);
    }

    /// Takes out the track that sends under this SSRC; an unknown one is ignored.
    pub fn remove(&mut self, ssrc: Ssrc) {
        self.waiting.retain(|track| track.send.ssrc != ssrc);
        for placed in self.sections.values_mut() {
            if let Placed::Track(track) = placed
                && track.send.ssrc == ssrc
            {
                *placed = Placed::Leaving(track.kind);
            }
        }
    }

    /// True if the peer must offer before what is wanted is negotiated.
    #[must_use]
    pub fn needs_offer(&self) -> bool {
        let leaving = |placed: &Placed| matches!(placed, Placed::Leaving(_));
        !self.waiting.is_empty() || self.sections.values().any(leaving)
    }

    /// How many sections the peer's next offers must have more than its last one.
    ///
    /// Sections that a track is about to leave count as there: churn must not make the description grow.
    #[must_use]
    pub fn missing(&self) -> Missing {
        let mut there = self.free;
        for placed in self.sections.values() {
            if let Placed::Leaving(kind) = placed {
                *there.of(*kind) += 1;
            }
        }
        let mut wanted = Missing::default();
        self.waiting.iter().for_each(|track| *wanted.of(track.kind) += 1);
        Missing {
            audios: wanted.audios.saturating_sub(there.audios),
            videos: wanted.videos.saturating_sub(there.videos),
        }
    }

    /// The placed tracks.
    pub fn sent(&self) -> impl Iterator<Item = (Mid, &SendTrack)> {
        self.sections.iter().filter_map(|(mid, placed)| match placed {
            Placed::Track(track) => Some((*mid, &track.send)),
            Placed::Leaving(_) => None,
        })
    }

    /// Puts tracks into the sections of an offer. A section that gets one keeps only the track's formats.
    pub fn place(&mut self, offer: &mut SessionDescription) -> Placing {
        self.forget_ended(offer);
        let mut placing = Placing::default();
        self.free = Missing::default();
        for media in &mut offer.media {
            if media.is_stopped() || !media.direction.receives() || media.kind == MediaKind::Application {
                continue;
            }
            match self.sections.get(&media.mid) {
                Some(Placed::Track(track)) => placing.put(media, track),
                Some(Placed::Leaving(_)) => {
                    self.sections.remove(&media.mid);
                    *self.free.of(media.kind) += 1;
                }
                None => match self.take_waiting(media) {
                    Some(track) => {
                        placing.put(media, &track);
                        self.sections.insert(media.mid, Placed::Track(track));
                    }
                    None => *self.free.of(media.kind) += 1,
                },
            }
        }
        self.refuse_unplayable(offer, &mut placing);
        placing
    }

    /// Tracks whose section the peer stopped or turned wait for another one.
    fn forget_ended(&mut self, offer: &SessionDescription) {
        let receives = |mid: &Mid| {
            offer.section(*mid).is_some_and(|media| !media.is_stopped() && media.direction.receives())
        };
        let ended: Vec<Mid> = self.sections.keys().filter(|mid| !receives(mid)).copied().collect();
        for mid in ended {
            if let Some(Placed::Track(track)) = self.sections.remove(&mid) {
                self.waiting.push(track);
            }
        }
    }

    fn take_waiting(&mut self, media: &MediaSection) -> Option<OfferedTrack> {
        let fits = |track: &OfferedTrack| track.kind == media.kind && is_playable(media, track);
        let place = self.waiting.iter().position(fits)?;
        Some(self.waiting.remove(place))
    }

    /// Every section of a kind offers the same codecs: one that is in none will not be in the next.
    fn refuse_unplayable(&mut self, offer: &SessionDescription, placing: &mut Placing) {
        let receiving = |media: &&MediaSection| !media.is_stopped() && media.direction.receives();
        let sections: Vec<&MediaSection> = offer.media.iter().filter(receiving).collect();
        self.waiting.retain(|track| {
            let mut of_kind = sections.iter().filter(|media| media.kind == track.kind);
            // Placed sections were narrowed to their own track's codec and say nothing.
            let free = of_kind.clone().any(|media| !self.sections.contains_key(&media.mid));
            let playable = !free || of_kind.any(|media| is_playable(media, track));
            if !playable {
                placing.refused.push(track.send.ssrc);
            }
            playable
        });
    }
}

impl Missing {
    fn of(&mut self, kind: MediaKind) -> &mut u32 {
        if kind == MediaKind::Audio { &mut self.audios } else { &mut self.videos }
    }
}

impl Placing {
    fn put(&mut self, media: &mut MediaSection, track: &OfferedTrack) {
        narrow(media, &track.codecs);
        self.sends.push((media.mid, track.send.clone()));
    }
}

/// The peer can receive the track's last codec: the plain one, where RED stands before it.
fn is_playable(media: &MediaSection, track: &OfferedTrack) -> bool {
    track.codecs.last().is_some_and(|plain| best_format(media, plain).is_some())
}

/// Leaves the formats of these codecs in a section, in this order, with their RTX.
fn narrow(media: &mut MediaSection, codecs: &[OfferedCodec]) {
    let chosen: Vec<CodecLine> =
        codecs.iter().filter_map(|codec| best_format(media, codec).cloned()).collect();
    let of_chosen = |line: &CodecLine| chosen.iter().any(|format| line.apt == Some(format.pt));
    let repair: Vec<CodecLine> = media.codecs.iter().filter(|line| of_chosen(line)).cloned().collect();
    media.codecs = chosen.into_iter().chain(repair).collect();
}

/// The peer's format for a codec; for H.264 the one whose mode and profile are nearest (RFC 6184 §8.1).
fn best_format<'a>(media: &'a MediaSection, wanted: &OfferedCodec) -> Option<&'a CodecLine> {
    let formats = media.codecs.iter().filter(|line| line.codec == Some(wanted.codec));
    if wanted.codec != Codec::H264 {
        return formats.into_iter().next();
    }
    let wish = H264Format::read(&wanted.fmtp);
    // The first of equals: the order is the peer's preference.
    formats.rev().max_by_key(|line| wish.likeness(&H264Format::read(&line.fmtp)))
}

/// What of an H.264 format decides whether a decoder takes it.
struct H264Format<'a> {
    /// `packetization-mode`; absent means 0.
    mode: &'a str,
    /// `profile_idc` and `profile-iop`: the first two bytes of `profile-level-id`, in hex.
    profile: &'a str,
}

impl<'a> H264Format<'a> {
    fn read(fmtp: &'a str) -> Self {
        let parameter = |name: &str| {
            let pairs = fmtp.split(';').filter_map(|pair| pair.trim().split_once('='));
            pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let profile = parameter("profile-level-id").and_then(|id| id.get(..4)).unwrap_or("4200");
        Self { mode: parameter("packetization-mode").unwrap_or("0"), profile }
    }

    fn likeness(&self, other: &Self) -> (bool, bool, bool) {
        let same = |range: std::ops::Range<usize>| {
            let (mine, theirs) = (self.profile.get(range.clone()), other.profile.get(range));
            mine.zip(theirs).is_some_and(|(mine, theirs)| mine.eq_ignore_ascii_case(theirs))
        };
        (self.mode == other.mode, same(0..2), same(0..4))
    }
}

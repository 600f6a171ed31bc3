//! Our offers to a subscriber, with m-line recycling (RFC 8829 §5.2.2).
//!
//! ```text
//! add ──▶ Live ──remove──▶ Stopped ──answered──▶ Free ──add (same index, new mid)──▶ Live
//! ```
//!
//! One negotiation is in flight at a time: changes made meanwhile wait for the next [`Offerer::offer`].

use super::negotiated::accepted_codecs;
use super::numbers::PayloadTypes;
use super::write::Writer;
use super::{
    Codec, Direction, Feedback, LocalDescription, MediaKind, MediaSection, Negotiated, NegotiatedSection,
    SendTrack, SessionDescription,
};
use crate::dtls::Setup;
use crate::rtp::{ExtId, ExtKind, Mid, Pt};

/// A track to offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedTrack {
    /// Audio or video.
    pub kind: MediaKind,
    /// Codecs that the track may arrive in, most preferred first: the source's, and Opus beside RED.
    pub codecs: Vec<OfferedCodec>,
    /// Names and SSRCs.
    pub send: SendTrack,
}

/// One format of an offered track.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OfferedCodec {
    /// What it is.
    pub codec: Codec,
    /// The publisher's format parameters; empty for none. For RED it is filled in.
    pub fmtp: String,
}

/// Why an answer does not fit our offer. The offer stays in flight.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// No offer is in flight.
    #[error("no offer is in flight")]
    NotOffered,
    /// Number, order, kind or mid of the m-lines differ from the offer.
    #[error("m-line {0} does not match the offer")]
    Mismatch(usize),
}

/// Keeps a subscriber's m-lines from offer to offer.
#[derive(Debug)]
pub struct Offerer {
    /// By m-line index; the data section is first and not in here.
    slots: Vec<Slot>,
    /// Number in the next mid; mids are never used again.
    next_mid: u32,
    numbers: PayloadTypes,
    changed: bool,
    in_flight: bool,
}

#[derive(Debug)]
struct Slot {
    mid: Mid,
    kind: MediaKind,
    state: SlotState,
}

#[derive(Debug)]
enum SlotState {
    /// Carries a track.
    Live {
        track: OfferedTrack,
        /// Stands in an offer that was written.
        offered: bool,
        /// Mid and kind of the section that had this index before, while it is still the peer's view.
        before: Option<(Mid, MediaKind)>,
    },
    /// Port 0 from the next offer on.
    Stopped {
        /// Stands in an offer that was written.
        offered: bool,
    },
    /// Both sides agreed on port 0: the index may be used again.
    Free,
}

impl Offerer {
    /// Starts with the data m-line, which carries the BUNDLE tag and is never recycled.
    #[must_use]
    pub fn new() -> Self {
        Self {
            slots: Vec::new(),
            next_mid: 1,
            numbers: PayloadTypes::default(),
            changed: true,
            in_flight: false,
        }
    }

    /// Adds a track; it stands in the next offer. Returns its mid, which is never used again.
    ///
    /// # Panics
    ///
    /// Never: a decimal number is a mid.
    pub fn add(&mut self, track: OfferedTrack) -> Mid {
        let mid = Mid::new(self.next_mid.to_string().as_bytes()).expect("a number is a token");
        self.next_mid += 1;
        self.changed = true;
        let kind = track.kind;
        let free = self.slots.iter_mut().find(|slot| matches!(slot.state, SlotState::Free));
        let before = free.as_ref().map(|slot| (slot.mid, slot.kind));
        let slot = Slot { mid, kind, state: SlotState::Live { track, offered: false, before } };
        match free {
            Some(free) => *free = slot,
            None => self.slots.push(slot),
        }
        mid
    }

    /// Takes a track out of the next offer; unknown mids are ignored.
    pub fn remove(&mut self, mid: Mid) {
        let Some(place) = self.slots.iter().position(|slot| slot.mid == mid) else { return };
        let slot = &mut self.slots[place];
        match &slot.state {
            SlotState::Live { offered: true, .. } => slot.state = SlotState::Stopped { offered: false },
            // Nobody has seen it: the section before it comes back.
            SlotState::Live { offered: false, before: Some((mid, kind)), .. } => {
                *slot = Slot { mid: *mid, kind: *kind, state: SlotState::Free };
            }
            // Appended and not offered, like all after it: they move up.
            SlotState::Live { offered: false, before: None, .. } => drop(self.slots.remove(place)),
            SlotState::Stopped { .. } | SlotState::Free => return,
        }
        self.changed = true;
    }

    /// The tracks of the next offer.
    pub fn sent(&self) -> impl Iterator<Item = (Mid, &SendTrack)> {
        self.slots.iter().filter_map(|slot| match &slot.state {
            SlotState::Live { track, .. } => Some((slot.mid, &track.send)),
            SlotState::Stopped { .. } | SlotState::Free => None,
        })
    }

    /// True if the next offer would differ from what is negotiated, and none is in flight.
    #[must_use]
    pub fn needs_offer(&self) -> bool {
        self.changed && !self.in_flight
    }

    /// Writes the next offer and marks it in flight. Calling it again before the answer writes the present
    /// state anew, for a peer that lost the first (signalling resume, ICE restart).
    #[must_use]
    pub fn offer(&mut self, local: &LocalDescription<'_>) -> String {
        (self.changed, self.in_flight) = (false, true);
        let live = self.slots.iter().filter(|slot| matches!(slot.state, SlotState::Live { .. }));
        let bundle: Vec<Mid> = std::iter::once(data_mid()).chain(live.map(|slot| slot.mid)).collect();
        let tracks: Vec<_> =
            self.slots.iter().filter_map(Slot::track).flat_map(|track| &track.codecs).collect();
        // The parameters of RED are filled in, so it is always taken for used.
        self.numbers.keep(|codec, fmtp| {
            codec == Codec::Red || tracks.iter().any(|known| known.codec == codec && known.fmtp == fmtp)
        });
        let mut writer = Writer::new(local, Setup::ActPass, &bundle, true);
        writer.data("UDP/DTLS/SCTP", data_mid());
        for slot in &mut self.slots {
            let words = (media_word(slot.kind), MEDIA_PROTOCOL);
            match &mut slot.state {
                SlotState::Live { track, offered, .. } => {
                    *offered = true;
                    write_track(&mut writer, &mut self.numbers, slot.mid, track);
                }
                SlotState::Stopped { offered } => {
                    *offered = true;
                    writer.stopped(words, slot.mid);
                }
                SlotState::Free => writer.stopped(words, slot.mid),
            }
        }
        writer.finish()
    }

    /// Takes the peer's answer to the offer in flight.
    ///
    /// # Errors
    ///
    /// See [`OfferError`].
    pub fn handle_answer(&mut self, answer: &SessionDescription) -> Result<Negotiated, OfferError> {
        if !self.in_flight {
            return Err(OfferError::NotOffered);
        }
        // Sections that were added since the offer was written stand behind all others.
        let offered = self.slots.iter().filter(|slot| slot.was_offered()).count();
        if answer.media.len() != offered + 1 {
            return Err(OfferError::Mismatch(answer.media.len()));
        }
        let wanted = std::iter::once((data_mid(), MediaKind::Application));
        let wanted =
            wanted.chain(self.slots.iter().filter(|slot| slot.was_offered()).map(Slot::seen_by_peer));
        for (place, ((mid, kind), media)) in wanted.zip(&answer.media).enumerate() {
            if media.mid != mid || media.kind != kind {
                return Err(OfferError::Mismatch(place));
            }
        }
        self.in_flight = false;
        let mut negotiated =
            Negotiated { extmap_allow_mixed: answer.extmap_allow_mixed, ..Negotiated::default() };
        let mut media = answer.media.iter();
        negotiated.sections.extend(media.next().map(NegotiatedSection::data));
        for (slot, media) in self.slots.iter_mut().filter(|slot| slot.was_offered()).zip(media) {
            for line in &media.extensions {
                if let Some(kind) = ExtKind::from_uri(&line.uri).filter(|_| line.direction.receives()) {
                    negotiated.send_extensions.set(kind, Some(line.id));
                }
            }
            negotiated.sections.push(slot.accept(media));
        }
        Ok(negotiated)
    }
}

impl Default for Offerer {
    fn default() -> Self {
        Self::new()
    }
}

impl Slot {
    /// What it carries, if anything.
    fn track(&self) -> Option<&OfferedTrack> {
        match &self.state {
            SlotState::Live { track, .. } => Some(track),
            SlotState::Stopped { .. } | SlotState::Free => None,
        }
    }

    /// True if the peer knows of the index.
    fn was_offered(&self) -> bool {
        match &self.state {
            SlotState::Live { offered, before, .. } => *offered || before.is_some(),
            SlotState::Stopped { .. } | SlotState::Free => true,
        }
    }

    /// Mid and kind that stood in the offer.
    fn seen_by_peer(&self) -> (Mid, MediaKind) {
        match &self.state {
            SlotState::Live { offered: false, before: Some(before), .. } => *before,
            SlotState::Live { .. } | SlotState::Stopped { .. } | SlotState::Free => (self.mid, self.kind),
        }
    }

    /// Takes the peer's section.
    fn accept(&mut self, media: &MediaSection) -> NegotiatedSection {
        match &mut self.state {
            SlotState::Live { track, offered: true, before } if !media.is_stopped() => {
                *before = None;
                negotiate(media, track)
            }
            SlotState::Live { track, offered: true, .. } => {
                // Rejected by the peer: both sides now say port 0.
                let send = Some(track.send.clone());
                self.state = SlotState::Free;
                NegotiatedSection { send, ..NegotiatedSection::stopped(media) }
            }
            SlotState::Stopped { offered: true } => {
                self.state = SlotState::Free;
                NegotiatedSection::stopped(media)
            }
            SlotState::Live { offered: false, .. } | SlotState::Free => NegotiatedSection::stopped(media),
            // Removed while the offer was in flight: the next one stops it.
            SlotState::Stopped { offered: false } => NegotiatedSection::stopped(media),
        }
    }
}

fn negotiate(media: &MediaSection, track: &OfferedTrack) -> NegotiatedSection {
    NegotiatedSection {
        direction: Direction::from_halves(media.direction.receives(), false),
        codecs: accepted_codecs(&media.codecs, |line| line.feedback),
        send: Some(track.send.clone()),
        ..NegotiatedSection::data(media)
    }
}

fn write_track(writer: &mut Writer<'_>, numbers: &mut PayloadTypes, mid: Mid, track: &OfferedTrack) {
    let formats = formats(numbers, track);
    let all: Vec<Pt> = formats.iter().map(|format| format.pt).collect();
    writer.media((media_word(track.kind), MEDIA_PROTOCOL), &all, mid);
    for (kind, id) in our_extensions(track.kind) {
        writer.line(format_args!("a=extmap:{id} {}", kind.uri()));
    }
    writer.direction(Direction::SendOnly);
    for format in &formats {
        writer.format(format.pt, format.rtpmap, &format.fmtp, format.feedback);
    }
    writer.send(&track.send);
}

struct Format {
    pt: Pt,
    rtpmap: &'static str,
    fmtp: String,
    feedback: Feedback,
}

fn formats(numbers: &mut PayloadTypes, track: &OfferedTrack) -> Vec<Format> {
    let opus = track.codecs.iter().find(|offered| offered.codec == Codec::Opus);
    let opus = opus.map(|opus| numbers.of(Codec::Opus, &opus.fmtp).0);
    let (mut media, mut repair) = (Vec::new(), Vec::new());
    for OfferedCodec { codec, fmtp } in &track.codecs {
        // RFC 2198 §5: RED names the payload types of its blocks.
        let fmtp = match (codec, opus) {
            (Codec::Red, Some(opus)) => format!("{opus}/{opus}"),
            _ => fmtp.clone(),
        };
        let (pt, rtx) = numbers.of(*codec, &fmtp);
        media.push(Format { pt, rtpmap: codec.rtpmap(), fmtp, feedback: feedback(*codec) });
        if let Some(rtx) = rtx.filter(|_| track.send.rtx.is_some()) {
            let fmtp = format!("apt={pt}");
            repair.push(Format { pt: rtx, rtpmap: "rtx/90000", fmtp, feedback: Feedback::default() });
        }
    }
    media.append(&mut repair);
    media
}

const fn feedback(codec: Codec) -> Feedback {
    let video = !codec.is_audio();
    Feedback { transport_cc: true, nack: video, pli: video, fir: video }
}

/// Header extensions that we send, with the ids of our own offers.
fn our_extensions(kind: MediaKind) -> impl Iterator<Item = (ExtKind, ExtId)> {
    let list: &[(ExtKind, u8)] = match kind {
        MediaKind::Audio => &[(ExtKind::TransportCc, 3), (ExtKind::Mid, 4), (ExtKind::AudioLevel, 1)],
        MediaKind::Video => &[
            (ExtKind::TransportCc, 3),
            (ExtKind::Mid, 4),
            (ExtKind::DependencyDescriptor, 12),
            (ExtKind::VideoOrientation, 13),
        ],
        MediaKind::Application | MediaKind::Unknown => &[],
    };
    list.iter().map(|&(kind, id)| (kind, ExtId::new(id).expect("the ids are between 1 and 14")))
}

const fn media_word(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
        MediaKind::Application | MediaKind::Unknown => "application",
    }
}

fn data_mid() -> Mid {
    Mid::new(b"0").expect("a digit is a token")
}

/// RFC 8829 §5.1.2.
const MEDIA_PROTOCOL: &str = "UDP/TLS/RTP/SAVPF";

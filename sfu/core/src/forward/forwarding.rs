//! ⑥⑦ One subscription's packets: which are sent, under which number, time and picture id.

use std::ops::Range;
use std::time::Instant;

use super::layers::Layers;
use super::pictures::{FrameIds, OutgoingIds, Pictures};
use super::repair::Repeats;
use super::report::Reports;
use super::sent::{Sent, SentCache};
use super::sequence::{Place, SequenceMap};
use super::timeline::Timeline;
use super::{ForwardingConfig, Leg, Seal, SendArena, Target};
use crate::codec::PayloadForm;
use crate::receive::{EncodingIndex, MAX_ENCODINGS, Reception};
use crate::ring::{PacketFacts, PacketRef, RingPacket};
use crate::rtp::{RtpTime, SeqIndex};
use crate::stats::ForwardCounters;

/// The sending side of one subscription.
///
/// ```text
///            set_target(Some)            keyframe of the target
/// Paused ───────────────────▶ Waiting ─────────────────────────▶ Forwarding ◀─┐ keyframe of
///    ▲                           │                                  │   └──────┘ another target
///    └───────── set_target(None) ┴──────────────────────────────────┘
/// ```
#[derive(Debug)]
pub struct Forwarding {
    pub(super) config: ForwardingConfig,
    target: Option<Target>,
    source: Option<Source>,
    pub(super) timeline: Timeline,
    pictures: Pictures,
    pub(super) sent: SentCache,
    pub(super) reports: Reports,
    pub(super) next_rtx: SeqIndex,
    pub(super) repeats: Repeats,
    /// Numbers up to this one are not sent again: a keyframe comes in their place.
    pub(super) given_up: Option<SeqIndex>,
    /// By encoding: the first packet that the pacer holds back.
    pub(super) held: [Option<PacketRef>; MAX_ENCODINGS],
    /// A backlog was given up, and nobody has asked for the keyframe yet.
    pub(super) is_starved: bool,
    /// Media packets and payload bytes on the media SSRC, for sender reports.
    pub(super) packets: u32,
    pub(super) octets: u32,
}

/// What is being forwarded.
#[derive(Debug)]
pub(super) struct Source {
    /// The stream.
    pub(super) encoding: EncodingIndex,
    generation: u8,
    /// Highest temporal layer that is sent.
    temporal: u8,
    /// Incoming picture id of the newest frame of which something was sent: the rest of it follows, whatever
    /// its layer, or another frame would get its id.
    begun: Option<u16>,
    /// Of a stream whose frames tell their layers.
    pub(super) layers: Option<Layers>,
    pub(super) map: SequenceMap,
    /// Incoming time of the packet with the highest number.
    pub(super) newest_time: RtpTime,
}

/// What becomes of a packet of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Selection {
    Send,
    /// Its number goes out without media.
    Fill,
    /// Its number goes to the next packet.
    LeaveOut,
}

impl Forwarding {
    /// Paused, with nothing sent yet.
    #[must_use]
    pub fn new(config: ForwardingConfig) -> Self {
        let codec = config.codec;
        let next_rtx = config.rtx.map_or(0, |rtx| u64::from(rtx.first_seq.0));
        Self {
            config,
            target: None,
            source: None,
            timeline: Timeline::new(codec.clock_rate()),
            pictures: Pictures::default(),
            sent: SentCache::new(codec.is_audio()),
            reports: Reports::default(),
            next_rtx: SeqIndex(next_rtx),
            repeats: Repeats::default(),
            given_up: None,
            held: [None; MAX_ENCODINGS],
            is_starved: false,
            packets: 0,
            octets: 0,
        }
    }

    /// The negotiated values.
    #[must_use]
    pub const fn config(&self) -> &ForwardingConfig {
        &self.config
    }

    /// The leg was negotiated anew: payload types, extension ids and MID may have changed.
    ///
    /// SSRCs and first numbers of `config` are not looked at: a stream keeps its own.
    pub fn renegotiate(&mut self, config: &ForwardingConfig) {
        self.config.pt = config.pt;
        self.config.red = config.red;
        self.config.mid = config.mid;
        self.config.extensions = config.extensions;
        if let (Some(rtx), Some(new)) = (&mut self.config.rtx, config.rtx) {
            rtx.pt = new.pt;
        }
    }

    /// What the subscriber is to get from now on; `None` pauses at once. A change of encoding happens at the
    /// next keyframe: ask for it with [`Self::waits_for`].
    pub fn set_target(&mut self, target: Option<Target>) {
        self.target = target;
        match (target, &mut self.source) {
            (None, source) => {
                *source = None;
                self.held = [None; MAX_ENCODINGS];
            }
            (Some(target), Some(source)) if self.config.stream(target.encoding) == source.encoding => {
                // Down at once; up at the next frame that allows it. Spatial layers: see `Layers`.
                source.temporal = source.temporal.min(target.temporal);
            }
            (Some(_), _) => {}
        }
    }

    /// What the subscriber is to get.
    #[must_use]
    pub const fn target(&self) -> Option<Target> {
        self.target
    }

    /// The subscriber has missed so much that only a keyframe helps: everything before it is given up. Ask
    /// for it with [`Self::waits_for`].
    pub fn start_anew(&mut self) {
        if !self.config.codec.is_audio() {
            self.source = None;
            self.held = [None; MAX_ENCODINGS];
            self.given_up = self.sent.highest();
        }
    }

    /// The encoding that is being sent.
    #[must_use]
    pub fn current(&self) -> Option<EncodingIndex> {
        self.source.as_ref().map(|source| match &source.layers {
            Some(layers) if self.config.scalable => EncodingIndex(layers.current().spatial),
            Some(_) | None => source.encoding,
        })
    }

    /// The stream of the encoding that is being sent.
    pub(super) fn current_stream(&self) -> Option<EncodingIndex> {
        self.source.as_ref().map(|source| source.encoding)
    }

    /// The stream of the encoding that is wanted.
    fn target_stream(&self) -> Option<EncodingIndex> {
        self.target.map(|target| self.config.stream(target.encoding))
    }

    /// The encoding whose keyframe this subscription waits for: pass it to
    /// [`Reception::request_keyframe`] after each [`Self::set_target`].
    #[must_use]
    pub fn waits_for(&self) -> Option<EncodingIndex> {
        let target = self.target?.encoding;
        let waits = match self.source.as_ref().and_then(|source| source.layers.as_ref()) {
            Some(layers) if self.config.scalable => layers.needs_keyframe_for(target.0),
            Some(_) | None => self.current() != Some(target),
        };
        waits.then_some(target)
    }

    /// The subscriber cannot decode: the encoding whose keyframe helps it.
    #[must_use]
    pub fn handle_keyframe_request(&self, counters: &mut ForwardCounters) -> Option<EncodingIndex> {
        counters.keyframe_requests += 1;
        self.waits_for().or_else(|| self.current())
    }

    /// Sends the publication's fresh packets that this subscription wants.
    pub fn forward<S: Seal, T: Copy + PartialEq>(
        &mut self,
        now: Instant,
        reception: &Reception,
        leg: &mut Leg<'_, S, T>,
        arena: &mut SendArena<T>,
        counters: &mut ForwardCounters,
    ) {
        let mut turn = Turn { now, reception, leg, arena, counters };
        for place in 0..reception.stream_count().min(MAX_ENCODINGS) {
            let Ok(encoding) = u8::try_from(place).map(EncodingIndex) else { return };
            let fresh = reception.fresh(encoding);
            let start = self.held[place].take().map_or(fresh.start, |held| held.0);
            self.forward_some(&mut turn, encoding, start..fresh.end);
        }
    }

    /// Sends these packets of an encoding as far as they are wanted; the pacer may hold the rest.
    pub(super) fn forward_some<S: Seal, T: Copy + PartialEq>(
        &mut self,
        turn: &mut Turn<'_, '_, S, T>,
        encoding: EncodingIndex,
        positions: Range<u64>,
    ) {
        for position in positions.clone() {
            // Either may change with each packet: a switch, or a backlog that was given up.
            let is_target = self.target_stream() == Some(encoding);
            if !is_target && (self.target.is_none() || self.current_stream() != Some(encoding)) {
                return;
            }
            let name = PacketRef(position);
            let Some(packet) = turn.reception.packet(encoding, name) else {
                turn.counters.overwritten += 1;
                continue;
            };
            if self.must_wait(turn) || self.awaits_structure(turn.now, packet.facts) {
                self.hold(turn, (encoding, name), packet, positions.end);
                return;
            }
            self.offer(turn, encoding, name, packet);
        }
    }

    /// Takes one packet of the current or the target encoding.
    fn offer<S: Seal, T: Copy + PartialEq>(
        &mut self,
        turn: &mut Turn<'_, '_, S, T>,
        encoding: EncodingIndex,
        name: PacketRef,
        packet: RingPacket<'_>,
    ) {
        let is_source = self
            .source
            .as_ref()
            .is_some_and(|s| s.encoding == encoding && s.generation == packet.facts.generation);
        if is_source {
            self.send_from_source(turn, name, packet);
            return;
        }
        let is_target = self.target_stream() == Some(encoding);
        if is_target && packet.facts.payload.starts_keyframe {
            self.switch(turn, encoding, packet.facts);
            self.send_from_source(turn, name, packet);
            self.send_overtaken(turn, encoding, name, packet.facts);
        }
    }

    /// Makes `encoding` the source, beginning with the packet of these facts.
    fn switch<S: Seal, T>(
        &mut self,
        turn: &mut Turn<'_, '_, S, T>,
        encoding: EncodingIndex,
        first: &PacketFacts,
    ) {
        if let Some(source) = &self.source {
            self.timeline.note_clock(turn.reception.sender_clock(source.encoding));
            turn.counters.switches += u64::from(source.encoding != encoding);
        }
        let clock = turn.reception.sender_clock(encoding);
        self.timeline.switch(turn.now, first.time, clock, self.config.first_time);
        self.pictures.switch(FrameIds::of(&first.payload.form));
        let next = self
            .sent
            .highest()
            .map_or(SeqIndex(u64::from(self.config.first_seq.0)), |highest| SeqIndex(highest.0 + 1));
        self.source = Some(Source {
            encoding,
            generation: first.generation,
            temporal: self.target.map_or(Target::ALL_TEMPORAL, |target| target.temporal),
            begun: None,
            layers: None,
            map: SequenceMap::new(first.index, next),
            newest_time: first.time,
        });
        self.reports.hurry(turn.now);
    }

    /// After a switch: packets of the keyframe that arrived before its first packet.
    fn send_overtaken<S: Seal, T: Copy + PartialEq>(
        &mut self,
        turn: &mut Turn<'_, '_, S, T>,
        encoding: EncodingIndex,
        first: PacketRef,
        facts: &PacketFacts,
    ) {
        let oldest = turn.reception.ring(encoding).map_or(0, |ring| ring.live().start);
        for position in first.0.saturating_sub(MAX_OVERTAKEN).max(oldest)..first.0 {
            let name = PacketRef(position);
            let Some(packet) = turn.reception.packet(encoding, name) else { continue };
            if packet.facts.generation == facts.generation && packet.facts.index > facts.index {
                self.send_from_source(turn, name, packet);
            }
        }
    }

    fn send_from_source<S: Seal, T: Copy + PartialEq>(
        &mut self,
        turn: &mut Turn<'_, '_, S, T>,
        name: PacketRef,
        packet: RingPacket<'_>,
    ) {
        let facts = packet.facts;
        let is_filler = match self.select(packet, turn.counters) {
            Selection::Send => false,
            Selection::Fill => true,
            Selection::LeaveOut => return,
        };
        if facts.payload.form == PayloadForm::Red && self.config.red.is_none() {
            self.recover_sound(turn, name, packet);
        }
        let Some(source) = &mut self.source else { return };
        if facts.index > source.map.highest() {
            source.newest_time = facts.time;
        }
        let (index, pictures_skipped) = match source.map.place(facts.index) {
            Place::At { index, pictures_skipped } => (index, pictures_skipped),
            Place::BeforeSwitch => {
                turn.counters.before_switch += 1;
                return;
            }
            Place::Forgotten => return self.miss(turn, facts),
        };
        // Also guards the cipher: one index never seals two different packets.
        if self.sent.is_too_old(index) {
            return self.miss(turn, facts);
        }
        if !self.sent.is_free(index) {
            turn.counters.already_sent += 1;
            return;
        }
        let encoding = source.encoding;
        let marker = facts.marker || source.ends_picture(&facts.payload.form);
        let time = self.timeline.time(turn.now, facts.time);
        let ids = match &facts.payload.form {
            PayloadForm::Plain | PayloadForm::Red => OutgoingIds::default(),
            form @ (PayloadForm::Vp8(_) | PayloadForm::Scalable { .. }) => {
                self.pictures.place(FrameIds::of(form), pictures_skipped)
            }
        };
        let sent = Sent { index, packet: name, time, ids, encoding, marker, is_filler };
        let ok = if is_filler { self.send_filler(turn, &sent) } else { self.send_media(turn, &sent, packet) };
        // A number counts as used even if nothing was sealed: the subscriber then sees a lost packet.
        self.sent.insert(sent);
        if ok && !is_filler {
            self.packets = self.packets.wrapping_add(1);
            let octets = u32::try_from(packet.payload.len()).unwrap_or(0);
            self.octets = self.octets.wrapping_add(octets);
        }
    }

    /// A packet came too late to be sent under its own number. Without one of a base layer's only a keyframe
    /// brings the picture back, and the subscriber asks for that after seconds.
    fn miss<S: Seal, T>(&mut self, turn: &mut Turn<'_, '_, S, T>, facts: &PacketFacts) {
        turn.counters.forgotten += 1;
        let is_base = match &facts.payload.form {
            PayloadForm::Vp8(descriptor) => descriptor.temporal == 0,
            PayloadForm::Scalable { frame, .. } => {
                frame.as_ref().is_none_or(|frame| frame.layer.temporal == 0)
            }
            PayloadForm::Plain | PayloadForm::Red => true,
        };
        self.starve(is_base && !self.config.codec.is_audio());
    }

    /// Whether a packet of the source is sent. Padding and temporal layers that are too high are left out; if
    /// their number is promised already, because later packets went before them, it is filled.
    fn select(&mut self, packet: RingPacket<'_>, counters: &mut ForwardCounters) -> Selection {
        let Some(source) = &mut self.source else { return Selection::LeaveOut };
        let facts = packet.facts;
        if packet.payload.is_empty() {
            let is_skipped = source.map.skip(facts.index, false);
            return if is_skipped { Selection::LeaveOut } else { Selection::Fill };
        }
        let descriptor = match &facts.payload.form {
            PayloadForm::Vp8(descriptor) => descriptor,
            PayloadForm::Scalable { frame, .. } => {
                return self.select_layers(frame.as_ref(), facts, counters);
            }
            PayloadForm::Plain | PayloadForm::Red => return Selection::Send,
        };
        let wanted = self.target.filter(|target| target.encoding == source.encoding).map(|t| t.temporal);
        if let Some(wanted) = wanted
            && source.temporal < wanted
            && descriptor.starts_frame
            && (descriptor.layer_sync || facts.payload.starts_keyframe)
        {
            source.temporal = wanted;
        }
        let picture = descriptor.picture_id.map(crate::codec::PictureId::number);
        let is_begun = picture.is_some() && picture == source.begun;
        // It may come when its layer is sent again.
        let was_left_out =
            facts.index <= source.map.highest() && picture.is_some_and(|id| self.pictures.has_left_out(id));
        if (descriptor.temporal <= source.temporal || is_begun) && !was_left_out {
            if facts.index > source.map.highest() {
                source.begun = picture;
            }
            return Selection::Send;
        }
        counters.temporal_skipped += 1;
        if facts.index <= source.map.highest() {
            return Selection::Fill;
        }
        let is_new = self.pictures.skip(descriptor);
        source.map.skip(facts.index, is_new);
        Selection::LeaveOut
    }

    /// The source, for the parts of this type in other files.
    pub(super) fn source_mut(&mut self) -> Option<&mut Source> {
        self.source.as_mut()
    }

    /// Which layers of the source are sent, if its frames tell theirs.
    pub(super) fn layers(&self) -> Option<&Layers> {
        self.source.as_ref()?.layers.as_ref()
    }

    /// Nothing of the source can be sent any more, `if_so`.
    pub(super) fn starve(&mut self, if_so: bool) {
        self.is_starved |= if_so;
    }

    /// Bytes on the heap, for the memory figures.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.sent.heap_bytes()
    }
}

/// Everything that one call works with.
pub(super) struct Turn<'t, 'l, S, T> {
    pub(super) now: Instant,
    pub(super) reception: &'t Reception,
    pub(super) leg: &'t mut Leg<'l, S, T>,
    pub(super) arena: &'t mut SendArena<T>,
    pub(super) counters: &'t mut ForwardCounters,
}

/// Packets of a keyframe that may arrive before its first one.
const MAX_OVERTAKEN: u64 = 64;

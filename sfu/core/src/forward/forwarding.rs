//! ⑥⑦ One subscription's packets: selection, renumbering and rewriting.

use std::ops::Range;
use std::time::Instant;

use super::layers::Layers;
use super::pacer::MAX_HELD;
use super::pictures::{FrameIds, OutgoingIds, Pictures};
use super::repair::Repeats;
use super::report::Reports;
use super::sent::{Sent, SentCache};
use super::sequence::{Place, SequenceMap};
use super::timeline::Timeline;
use super::{Congestion, ForwardingConfig, Leg, Seal, SendArena, Target};
use crate::bwe::SendKind;
use crate::codec::PayloadForm;
use crate::receive::{EncodingIndex, MAX_ENCODINGS, Reception};
use crate::ring::{PacketFacts, PacketRef, RingPacket};
use crate::rtp::{
    ExtKind, ExtMap, ExtensionBlock, HeaderFields, MAX_HEADER_BYTES, Pt, RtpTime, SeqIndex, Ssrc,
    write_header,
};
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
    held: [Option<PacketRef>; MAX_ENCODINGS],
    /// A backlog was given up, and nobody has asked for the keyframe yet.
    is_starved: bool,
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

/// A packet ready for its header.
pub(super) struct Outgoing<'a> {
    pub(super) ssrc: Ssrc,
    pub(super) pt: Pt,
    pub(super) index: SeqIndex,
    pub(super) time: RtpTime,
    pub(super) marker: bool,
    pub(super) padding: bool,
    /// The packet whose extensions it repeats.
    pub(super) extensions_of: Option<RingPacket<'a>>,
    /// Dependency descriptor; empty for none.
    pub(super) descriptor: &'a [u8],
    pub(super) prefix: &'a [u8],
    pub(super) payload: &'a [u8],
    pub(super) kind: SendKind,
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

    /// The pacer holds packets back: call [`Self::forward_held`] after [`super::SLOT`].
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held.iter().any(Option::is_some)
    }

    /// Once after a backlog was given up, or after the publisher stopped the layers that are sent: the encoding
    /// whose keyframe to ask for.
    pub fn take_starved(&mut self) -> Option<EncodingIndex> {
        let starved = std::mem::take(&mut self.is_starved);
        self.waits_for().or_else(|| self.current()).filter(|_| starved)
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

    /// Sends what the pacer has held back, as far as it may leave now.
    pub fn forward_held<S: Seal, T: Copy + PartialEq>(
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
            let Some(held) = self.held[place].take() else { continue };
            // What is fresh has its turn when this one ends.
            self.forward_some(&mut turn, encoding, held.0..reception.fresh(encoding).start);
        }
    }

    /// Sends these packets of an encoding as far as they are wanted; the pacer may hold the rest.
    fn forward_some<S: Seal, T: Copy + PartialEq>(
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

    fn must_wait<S: Seal, T>(&self, turn: &mut Turn<'_, '_, S, T>) -> bool {
        let congestion = turn.leg.congestion.as_deref_mut();
        !self.config.codec.is_audio() && congestion.is_some_and(|c| !c.may_send(turn.now))
    }

    /// Everything from this packet on waits, unless it has waited for too long.
    fn hold<S: Seal, T>(
        &mut self,
        turn: &mut Turn<'_, '_, S, T>,
        (encoding, name): (EncodingIndex, PacketRef),
        packet: RingPacket<'_>,
        end: u64,
    ) {
        if turn.now.saturating_duration_since(packet.facts.received_at) > MAX_HELD {
            turn.counters.held_too_long += end - name.0;
            self.start_anew();
            self.is_starved = true;
        } else {
            turn.counters.held += 1;
            self.held[encoding.index()] = Some(name);
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
            Place::Forgotten => {
                turn.counters.forgotten += 1;
                return;
            }
        };
        // Also guards the cipher: one index never seals two different packets.
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
        if descriptor.temporal <= source.temporal || is_begun {
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

    fn send_media<S: Seal, T: Copy + PartialEq>(
        &self,
        turn: &mut Turn<'_, '_, S, T>,
        sent: &Sent,
        packet: RingPacket<'_>,
    ) -> bool {
        let mut scratch = [0; MAX_PREFIX_BYTES];
        let (prefix, payload, pt) = self.rewrite(sent, packet, &mut scratch);
        let mut descriptor = None;
        let descriptor = self.rewrite_descriptor(turn.reception, sent, packet, &mut descriptor);
        let out = Outgoing {
            ssrc: self.config.ssrc,
            pt,
            index: sent.index,
            time: sent.time,
            marker: sent.marker,
            padding: false,
            extensions_of: Some(packet),
            descriptor,
            prefix,
            payload,
            kind: SendKind::Media,
        };
        self.write(turn, &out).is_some_and(|bytes| {
            turn.counters.packets += 1;
            turn.counters.bytes += bytes as u64;
            true
        })
    }

    /// Keeps a promised number whose packet turned out to be padding only.
    fn send_filler<S: Seal, T: Copy + PartialEq>(&self, turn: &mut Turn<'_, '_, S, T>, sent: &Sent) -> bool {
        let out = Outgoing {
            ssrc: self.config.ssrc,
            pt: self.config.pt,
            index: sent.index,
            time: sent.time,
            marker: false,
            padding: true,
            extensions_of: None,
            descriptor: &[],
            prefix: &[],
            // One byte of padding that says so (RFC 3550 §5.1).
            payload: &[1],
            kind: SendKind::Media,
        };
        turn.counters.fillers += 1;
        self.write(turn, &out).is_some()
    }

    /// Replaces the codec's prefix: what is written new, the rest of the payload, and the payload type.
    pub(super) fn rewrite<'a>(
        &self,
        sent: &Sent,
        packet: RingPacket<'a>,
        scratch: &'a mut [u8; MAX_PREFIX_BYTES],
    ) -> (&'a [u8], &'a [u8], Pt) {
        match &packet.facts.payload.form {
            PayloadForm::Plain => (&[], packet.payload, self.config.pt),
            PayloadForm::Vp8(vp8) => {
                let (prefix, rest) = packet.payload.split_at(usize::from(vp8.len));
                let scratch = &mut scratch[..prefix.len()];
                scratch.copy_from_slice(prefix);
                vp8.rewrite(scratch, sent.ids.picture, sent.ids.tl0);
                (scratch, rest, self.config.pt)
            }
            PayloadForm::Scalable { vp9: Some(vp9), .. } => {
                let (prefix, rest) = packet.payload.split_at(vp9.rewritten_len());
                let scratch = &mut scratch[..prefix.len()];
                scratch.copy_from_slice(prefix);
                vp9.rewrite(scratch, sent.ids.picture, sent.ids.tl0);
                (scratch, rest, self.config.pt)
            }
            PayloadForm::Scalable { vp9: None, .. } => (&[], packet.payload, self.config.pt),
            PayloadForm::Red => self.rewrite_red(packet.payload, scratch),
        }
    }

    /// Writes one packet into the arena; returns the datagram's length.
    pub(super) fn write<S: Seal, T: Copy + PartialEq>(
        &self,
        turn: &mut Turn<'_, '_, S, T>,
        out: &Outgoing<'_>,
    ) -> Option<usize> {
        let Some(space) = turn.arena.space() else {
            turn.counters.arena_full += 1;
            return None;
        };
        let map = &self.config.extensions;
        let transport_seq = turn.leg.congestion.as_deref().map(|c| c.next_seq().0.to_be_bytes());
        let numbered = transport_seq.filter(|_| map.id(ExtKind::TransportCc).is_some());
        let mid = self.config.mid.as_ref().filter(|_| !self.reports.is_acknowledged);
        let mut small = [0; 2];
        let mut block = ExtensionBlock::new();
        if let (Some(id), Some(mid)) = (map.id(ExtKind::Mid), mid) {
            block.push(id, mid.as_bytes());
        }
        if let (Some(id), Some(seq)) = (map.id(ExtKind::TransportCc), &numbered) {
            block.push(id, seq);
        }
        if let Some(source) = &out.extensions_of {
            copy_extensions(map, source, &mut small, &mut block);
        }
        if let (Some(id), false) = (map.id(ExtKind::DependencyDescriptor), out.descriptor.is_empty()) {
            block.push(id, out.descriptor);
        }
        let fields = HeaderFields {
            marker: out.marker,
            padding: out.padding,
            pt: out.pt,
            seq: out.index.seq(),
            time: out.time,
            ssrc: out.ssrc,
        };
        let mut header = [0; MAX_HEADER_BYTES];
        let sealed = write_header(&mut header, &fields, &block).and_then(|len| {
            turn.leg.seal.seal_rtp(&header[..len], out.prefix, out.payload, out.index, space).ok()
        });
        let Some(len) = sealed else {
            turn.counters.unsealed += 1;
            return None;
        };
        turn.arena.commit(turn.leg.to, len);
        if let Some(congestion) = turn.leg.congestion.as_deref_mut() {
            Congestion::on_send(congestion, turn.now, len, out.kind, numbered.is_some());
        }
        Some(len)
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

/// The longest rewritten beginning: RED headers of seven redundant blocks. VP8 takes 6.
pub(super) const MAX_PREFIX_BYTES: usize = 32;

/// Packets of a keyframe that may arrive before its first one.
const MAX_OVERTAKEN: u64 = 64;

/// Repeats the publisher's extensions that the leg negotiated.
fn copy_extensions<'a>(
    map: &ExtMap,
    packet: &RingPacket<'_>,
    small: &'a mut [u8; 2],
    block: &mut ExtensionBlock<'a>,
) {
    let facts = packet.facts;
    *small = [facts.audio_level.map_or(0, |level| level.to_byte()), facts.orientation.unwrap_or(0)];
    let small: &'a [u8; 2] = small;
    if let (Some(id), Some(_)) = (map.id(ExtKind::AudioLevel), facts.audio_level) {
        block.push(id, &small[..1]);
    }
    if let (Some(id), Some(_)) = (map.id(ExtKind::VideoOrientation), facts.orientation) {
        block.push(id, &small[1..]);
    }
}

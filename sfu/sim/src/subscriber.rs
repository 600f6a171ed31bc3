//! A client's receiving side: its tracks, and the RTCP that a browser sends about them.
//!
//! Order, NACK, reports and feedback are the SFU's own receiving side, which asks as a browser does; what is
//! seen and heard is modelled apart from it, in `picture` and `sound`.

use std::time::{Duration, Instant};

use sfu_core::codec::{Codec as MediaCodec, red};
use sfu_core::names::{Mid, Ssrc};
use sfu_core::receive::{
    Accepted, EncodingIndex, Inbound, PayloadKind, Payloads, Reception, Section, SectionStreams,
};
use sfu_core::ring::PacketRef;
use sfu_core::rtcp::NtpTime;
use sfu_core::rtp::RtpHeader;
use sfu_core::sdp::{
    Candidate, CandidateProtocol, Codec, LocalDescription, MediaKind, Negotiated, NegotiatedSection,
    SessionDescription, answer,
};
use sfu_core::stats::ReceiveCounters;

use crate::leg::{Leg, SERVER};
use crate::mark::Mark;
use crate::picture::Picture;
use crate::sound::{Sound, since};

/// libwebrtc's `NackRequester` asks again after a round trip, at most ten times. Who only receives hears of none
/// (that takes RTCP XR, RFC 3611 §4.4, which nobody negotiates here), and it stays at `kDefaultRtt`.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// What is seen or heard of a track.
pub(crate) enum Sink {
    Picture(Box<Picture>),
    Sound(Sound),
}

/// One received track.
pub(crate) struct Track {
    pub(crate) mid: Mid,
    pub(crate) sid: String,
    pub(crate) ssrc: u32,
    pub(crate) rtx: Option<u32>,
    pub(crate) is_live: bool,
    pub(crate) sink: Sink,
    reception: Reception,
    /// When the newest packet was captured by the sender reports, less when it truly was: of sound and picture of
    /// one person the same number, if their lips fit what they say.
    pub(crate) clock_error_us: Option<i64>,
    /// The newest packet of a picture: index, layer, and whether its frame is a keyframe.
    newest: Option<(u64, u8)>,
}

pub(crate) struct Subscriber {
    inbound: Inbound<usize>,
    pub(crate) tracks: Vec<Track>,
    counters: ReceiveCounters,
    version: u64,
    began: Instant,
    /// Labels of packets that came, with their tracks: for the checks.
    pub(crate) heard: Vec<(usize, Mark)>,
    /// Packets of a new layer that did not begin with a keyframe.
    pub(crate) wrong_switches: u64,
}

impl Subscriber {
    pub(crate) fn new(began: Instant) -> Self {
        Self {
            inbound: Inbound::new(Ssrc(4_000)),
            tracks: Vec::new(),
            counters: ReceiveCounters::default(),
            version: 0,
            began,
            heard: Vec::new(),
            wrong_switches: 0,
        }
    }

    /// Takes the server's offer; returns our answer.
    pub(crate) fn handle_offer(&mut self, leg: &mut Leg, sdp: &str, now: Instant) -> String {
        let description = SessionDescription::parse(sdp).unwrap();
        leg.set_server(description.remote().unwrap(), now);
        let sdp = self.handle_sections(leg, &description, now);
        sdp.replace("a=setup:passive", &format!("a=setup:{}", leg.setup()))
    }

    /// Takes the sections in which the server sends; returns how an offer of them would be answered.
    pub(crate) fn handle_sections(
        &mut self,
        leg: &Leg,
        description: &SessionDescription,
        now: Instant,
    ) -> String {
        self.version += 1;
        let credentials = leg.transport.local().clone();
        let candidates = [Candidate { address: SERVER, protocol: CandidateProtocol::Udp }];
        let local = LocalDescription {
            session_id: 5,
            version: self.version,
            credentials: &credentials,
            fingerprint: leg.transport.fingerprint(),
            candidates: &candidates,
            lite: true,
        };
        let answered = answer(description, &local, &[]).unwrap();
        self.negotiate(&answered.negotiated, now);
        answered.sdp
    }

    /// Takes a decrypted RTP packet.
    pub(crate) fn handle_rtp(&mut self, now: Instant, packet: &[u8]) {
        // A section of a single peer connection may carry another track by now, and a late packet of the one before
        // names the same MID (RFC 8843 §9.2): browsers differ in what they make of it.
        let ssrc = RtpHeader::parse(packet).map_or(0, |header| header.ssrc.0);
        let of_ended = |track: &Track| !track.is_live && (track.ssrc == ssrc || track.rtx == Some(ssrc));
        if self.tracks.iter().any(of_ended) {
            return;
        }
        let Ok(routed) = self.inbound.route(now, packet, &mut self.counters) else { return };
        let place = routed.publication;
        let Some(track) = self.tracks.get_mut(place) else { return };
        if track.reception.handle_rtp(now, &routed, packet, &mut self.counters) == Accepted::Dropped {
            return;
        }
        for position in track.reception.fresh(EncodingIndex(0)) {
            let Some(packet) = track.reception.packet(EncodingIndex(0), PacketRef(position)) else {
                continue;
            };
            if packet.payload.is_empty() {
                continue;
            }
            let facts = packet.facts;
            let index = facts.index.0;
            let marks = match &mut track.sink {
                Sink::Picture(picture) => {
                    picture.handle(now, index, (facts.time.0, facts.marker), packet.payload);
                    picture_marks(packet.payload)
                }
                Sink::Sound(sound) => {
                    let marks = sound_marks(packet.payload, routed.red);
                    for mark in &marks {
                        sound.handle(since(self.began, now), mark);
                    }
                    marks
                }
            };
            // Behind redundant frames stands the one that the packet's time is of.
            if let (Some(mark), Some(clock)) = (marks.last(), track.reception.sender_clock(EncodingIndex(0)))
            {
                let rate = track.reception.codec().clock_rate();
                let ticks = i64::from(facts.time.0.wrapping_sub(clock.rtp_time.0).cast_signed());
                let at = micros(clock.ntp) + ticks * 1_000_000 / i64::from(rate);
                track.clock_error_us = Some(at - i64::try_from(mark.captured_us).unwrap());
            }
            for mark in marks {
                self.heard.push((place, mark));
                if mark.layer != Mark::SOUND {
                    let follows = track.newest.is_some_and(|(newest, _)| index == newest + 1);
                    let switches = track.newest.is_some_and(|(_, layer)| layer != mark.layer);
                    self.wrong_switches += u64::from(follows && switches && !mark.is_key);
                    if track.newest.is_none_or(|(newest, _)| index > newest) {
                        track.newest = Some((index, mark.layer));
                    }
                }
            }
        }
        track.reception.clear_fresh();
    }

    /// Takes a decrypted compound packet.
    pub(crate) fn handle_rtcp(&mut self, now: Instant, compound: &[u8]) {
        let tracks = &mut self.tracks;
        self.inbound.handle_rtcp(compound, &mut self.counters, |place, encoding, clock| {
            if let Some(track) = tracks.get_mut(place) {
                track.reception.handle_sender_clock(now, encoding, clock);
            }
        });
    }

    /// Everything that is due; call it after every input, too.
    pub(crate) fn turn(&mut self, leg: &mut Leg, now: Instant) {
        if !leg.connected || leg.closed {
            return;
        }
        let mut compound = Vec::new();
        for track in &mut self.tracks {
            if !track.is_live {
                continue;
            }
            match &mut track.sink {
                Sink::Picture(picture) => {
                    if picture.turn(now) {
                        track.reception.request_keyframe(EncodingIndex(0));
                    }
                }
                Sink::Sound(sound) => sound.turn(since(self.began, now)),
            }
            let due = track.reception.poll_timeout().is_some_and(|at| at <= now);
            if due || track.reception.is_urgent(now) {
                compound.clear();
                track.reception.poll_rtcp(now, &mut compound, &mut self.counters);
                if !compound.is_empty() {
                    leg.send_rtcp(&compound);
                }
            }
        }
        if self.inbound.poll_timeout().is_some_and(|at| at <= now) {
            compound.clear();
            self.inbound.poll_rtcp(now, &mut compound);
            if !compound.is_empty() {
                leg.send_rtcp(&compound);
            }
        }
    }

    pub(crate) fn poll_timeout(&self, leg: &Leg) -> Option<Instant> {
        if !leg.connected || leg.closed {
            return None;
        }
        let live = self.tracks.iter().filter(|track| track.is_live);
        let tracks = live.flat_map(|track| {
            let sink = match &track.sink {
                Sink::Picture(picture) => picture.poll_timeout(),
                Sink::Sound(sound) => sound.poll_timeout().map(|at| self.began + at),
            };
            [track.reception.poll_timeout(), sink]
        });
        tracks.chain([self.inbound.poll_timeout()]).flatten().min()
    }

    /// The track of an SSRC on this connection, media or retransmission.
    pub(crate) fn track_of(&self, ssrc: u32) -> Option<&Track> {
        self.tracks.iter().rev().find(|track| track.ssrc == ssrc || track.rtx == Some(ssrc))
    }

    fn negotiate(&mut self, negotiated: &Negotiated, now: Instant) {
        self.inbound.set_extensions(negotiated.receive_extensions);
        for track in &mut self.tracks {
            let lives = negotiated.section(track.mid).is_some_and(|s| !s.stopped && s.direction.receives());
            if track.is_live && !lives {
                track.is_live = false;
                self.inbound.remove_section(track.mid);
            }
        }
        for section in &negotiated.sections {
            let is_media = matches!(section.kind, MediaKind::Audio | MediaKind::Video);
            let known = self.tracks.iter().any(|track| track.is_live && track.mid == section.mid);
            if is_media && !known && !section.stopped && section.direction.receives() {
                self.add(section, now);
            }
        }
    }

    fn add(&mut self, section: &NegotiatedSection, now: Instant) {
        let is_video = section.kind == MediaKind::Video;
        let codec = if is_video { MediaCodec::Vp8 } else { MediaCodec::Opus };
        let ssrc = section.ssrcs[0];
        let rtx = section.fid_groups.first().map(|&(_, rtx)| rtx);
        let mut payloads = Vec::new();
        for codec in &section.codecs {
            let kind = match codec.codec {
                Codec::Red => PayloadKind::Red,
                Codec::Opus => PayloadKind::Media(MediaCodec::Opus),
                Codec::Vp8 | Codec::H264 | Codec::Vp9 | Codec::Av1 => PayloadKind::Media(MediaCodec::Vp8),
            };
            payloads.push((codec.pt, kind));
            payloads.extend(codec.rtx.map(|rtx| (rtx, PayloadKind::Rtx(codec.pt))));
        }
        self.inbound.set_section(Section {
            mid: section.mid,
            publication: self.tracks.len(),
            payloads: Payloads(payloads),
            streams: SectionStreams::Single { media: Some(ssrc), rtx },
        });
        self.tracks.push(Track {
            mid: section.mid,
            sid: section.msid.as_ref().map_or(String::new(), |msid| msid.track.clone()),
            ssrc: ssrc.0,
            rtx: rtx.map(|rtx| rtx.0),
            is_live: true,
            sink: if is_video {
                Sink::Picture(Box::new(Picture::new(self.began, now)))
            } else {
                Sink::Sound(Sound::default())
            },
            reception: Reception::new(codec, 1, Ssrc(4_000)).asking_each(ASK_AGAIN),
            clock_error_us: None,
            newest: None,
        });
    }
}

/// Any origin does, as long as it is that of all streams.
fn micros(time: NtpTime) -> i64 {
    i64::try_from((u128::from(time.0) * 1_000_000) >> 32).unwrap()
}

fn picture_marks(payload: &[u8]) -> Vec<Mark> {
    let descriptor = sfu_core::codec::Vp8Descriptor::parse(payload);
    let mark = descriptor.and_then(|d| Mark::read(&payload[usize::from(d.len) + 1..]));
    mark.into_iter().collect()
}

/// Every frame of a packet of sound, the redundant ones first.
fn sound_marks(payload: &[u8], is_red: bool) -> Vec<Mark> {
    if !is_red {
        return Mark::read(payload).into_iter().collect();
    }
    let redundant = red::redundant_blocks(payload).into_iter().flatten().map(|block| block.place);
    let places = redundant.chain(red::primary(payload));
    places.filter_map(|place| Mark::read(&payload[place])).collect()
}

//! A publisher of one scalable stream, and what its viewer could decode of it.

use std::collections::{BTreeMap, BTreeSet};

use super::scene::*;
use crate::codec::dependency::samples::{self, L2T2, L3T3_KEY, Sample};
use crate::codec::dependency::{Descriptor, Structure};
use crate::codec::{Codec, Vp9Descriptor};
use crate::forward::{ForwardingConfig, Target};
use crate::receive::{EncodingIndex, PayloadKind, Payloads, Section, SectionStreams};
use crate::rtp::{ExtKind, HeaderFields, Mid, RtpTime, SeqNo, Ssrc};

pub(super) const FRAME_US: u64 = 33_333;
const SSRC: Ssrc = Ssrc(3000);
const PACKETS: u8 = 2;

/// A scalability mode: templates of a key picture, then of each picture in the round.
pub(super) struct Mode {
    templates: &'static [Sample],
    spatial: u8,
    key: &'static [u8],
    round: &'static [&'static [u8]],
    /// Temporal layer of each picture in the round.
    temporal: &'static [u8],
    /// What a frame of each place in the round, and of a key picture (last), refers to.
    references: &'static [&'static [&'static [u32]]],
}

impl Mode {
    pub(super) const fn spatial_layers(&self) -> u8 {
        self.spatial
    }
}

pub(super) const KEY_MODE: Mode = Mode {
    templates: &L3T3_KEY,
    spatial: 3,
    key: &[0, 5, 10],
    round: &[&[1, 6, 11], &[3, 8, 13], &[2, 7, 12], &[4, 9, 14]],
    temporal: &[0, 2, 1, 2],
    references: &[
        &[&[12], &[12], &[12]],
        &[&[3], &[3], &[3]],
        &[&[6], &[6], &[6]],
        &[&[3], &[3], &[3]],
        &[&[], &[1], &[1]],
    ],
};

pub(super) const FULL_MODE: Mode = Mode {
    templates: &L2T2,
    spatial: 2,
    key: &[0, 4],
    round: &[&[1, 5], &[2, 6]],
    temporal: &[0, 1],
    references: &[&[&[4], &[1, 4]], &[&[2], &[1, 2]], &[&[], &[1]]],
};

/// How the stream says what its frames are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    Descriptor(Codec),
    /// VP9 payload descriptors only.
    Payload,
}

/// One publisher and one viewer.
pub(super) struct Show {
    pub(super) scene: Scene,
    pub(super) mode: &'static Mode,
    words: Words,
    seq: u16,
    /// Frames since the start; the wire has the low bits of it, shifted.
    frame: u32,
    picture: u16,
    tl0: u8,
    pub(super) pictures: u64,
    place: usize,
    key_count: u8,
    /// Given with each key picture and at each change.
    pub(super) active: Option<u32>,
    pub(super) highest_produced: u8,
    references: BTreeMap<u32, Vec<u32>>,
}

impl Show {
    pub(super) fn new(mode: &'static Mode, words: Words) -> Self {
        let codec = match words {
            Words::Descriptor(codec) => codec,
            Words::Payload => Codec::Vp9,
        };
        let mut config = ForwardingConfig { scalable: true, ..viewer_config(codec) };
        config.extensions = ext_map(&[(ExtKind::Mid, 4), (ExtKind::TransportCc, 7)]);
        if words != Words::Payload {
            config.extensions.set(ExtKind::DependencyDescriptor, crate::rtp::ExtId::new(9));
        }
        Self::with_config(mode, words, config)
    }

    pub(super) fn with_config(mode: &'static Mode, words: Words, config: ForwardingConfig) -> Self {
        let section = Section {
            mid: Mid::new(b"1").unwrap(),
            publication: 5,
            payloads: Payloads(vec![(pt(96), PayloadKind::Media(config.codec))]),
            streams: SectionStreams::Single { media: Some(SSRC), rtx: None },
        };
        let scene = Scene::new(section, config.codec, 1, config);
        Self {
            scene,
            mode,
            words,
            seq: 65_500,
            frame: 1_000,
            picture: 0x7ff0,
            tl0: 250,
            pictures: 0,
            place: 0,
            key_count: 0,
            active: None,
            highest_produced: mode.spatial - 1,
            references: BTreeMap::new(),
        }
    }

    pub(super) fn target(&mut self, spatial: u8, temporal: u8) {
        let target = Target { encoding: EncodingIndex(spatial), temporal };
        self.scene.forwarding.set_target(Some(target));
    }

    /// Captures a picture and returns its packets.
    pub(super) fn capture(&mut self, key: bool) -> Vec<Vec<u8>> {
        self.place = if key { 0 } else { (self.place + 1) % self.mode.round.len() };
        self.key_count = self.key_count.wrapping_add(u8::from(key));
        self.picture = self.picture.wrapping_add(1) & 0x7fff;
        let temporal = self.mode.temporal[self.place];
        self.tl0 = self.tl0.wrapping_add(u8::from(temporal == 0));
        let capture_us = self.pictures * FRAME_US;
        let mut packets = Vec::new();
        for spatial in 0..self.mode.spatial {
            // Frame numbers are taken even by layers that are not produced, as templates count on them.
            self.frame += 1;
            if spatial <= self.highest_produced {
                self.note_references(key, spatial);
                for part in 0..PACKETS {
                    packets.push(self.packet(key, (spatial, temporal), part, capture_us));
                }
            }
        }
        self.pictures += 1;
        packets
    }

    /// Captures and delivers a picture.
    pub(super) fn show(&mut self, key: bool) {
        let packets = self.capture(key);
        self.scene.now_us = self.pictures * FRAME_US;
        self.scene.send(packets);
    }

    fn note_references(&mut self, key: bool, spatial: u8) {
        let place = if key { self.mode.references.len() - 1 } else { self.place };
        let differences = self.mode.references[place][usize::from(spatial)];
        let references = differences.iter().map(|difference| self.frame - difference);
        self.references.insert(self.frame, references.collect());
    }

    fn packet(&mut self, key: bool, (spatial, temporal): (u8, u8), part: u8, capture_us: u64) -> Vec<u8> {
        let (first, last) = (part == 0, part + 1 == PACKETS);
        self.seq = self.seq.wrapping_add(1);
        let fields = HeaderFields {
            marker: last && spatial == self.highest_produced,
            padding: false,
            pt: pt(96),
            seq: SeqNo(self.seq),
            time: RtpTime(0xffff_0000_u32.wrapping_add(ticks(capture_us, 90_000))),
            ssrc: SSRC,
        };
        let codec = match self.words {
            Words::Descriptor(codec) => codec,
            Words::Payload => Codec::Vp9,
        };
        let mut payload = Vec::new();
        if codec == Codec::Vp9 {
            let flags = 0xa0 | u8::from(!key) << 6 | u8::from(first) << 3 | u8::from(last) << 2;
            let id = (0x8000 | self.picture).to_be_bytes();
            let (up, inter) = (u8::from(self.place < 3), u8::from(key || self.mode.spatial == 2));
            payload.extend([flags, id[0], id[1]]);
            payload.extend([temporal << 5 | up << 4 | spatial << 1 | inter, self.tl0]);
        } else {
            payload.push(u8::from(key && spatial == 0 && first) << 3);
        }
        payload.extend(self.frame.to_be_bytes());
        payload.extend(capture_us.to_be_bytes());
        payload.extend([spatial, temporal, part]);
        let descriptor = self.descriptor(key, spatial, (first, last));
        let extension: &[(u8, &[u8])] = &[(DESCRIPTOR, &descriptor)];
        rtp(&fields, if self.words == Words::Payload { &[] } else { extension }, &payload)
    }

    fn descriptor(&self, key: bool, spatial: u8, flags: (bool, bool)) -> Vec<u8> {
        // Ids of successive structures do not overlap.
        let first = if self.key_count.is_multiple_of(2) { 0 } else { 40 };
        let templates = if key { self.mode.key } else { self.mode.round[self.place] };
        let template = (first + templates[usize::from(spatial)]) % 64;
        let number = u16::try_from((self.frame + 0xfc00) & 0xffff).unwrap();
        let mut bits = samples::mandatory(flags, template, number);
        let starts = key && spatial == 0 && flags.0;
        if starts || self.active.is_some() {
            bits.put(starts.into(), 1);
            bits.put(self.active.is_some().into(), 1);
            bits.put(0, 3);
        }
        if starts {
            samples::put_structure(&mut bits, first, self.mode.templates);
        }
        if let Some(active) = self.active {
            bits.put(active, if self.mode.spatial == 3 { 9 } else { 4 });
        }
        bits.bytes()
    }

    /// What the viewer got since the last call, checked: see [`Viewer`].
    pub(super) fn watch(&mut self, viewer: &mut Viewer) -> Vec<Seen> {
        let codec = self.scene.forwarding.config().codec;
        let got = self.scene.take();
        let media = got.into_iter().filter(|got| got.ssrc == VIEWER_SSRC && got.payload.len() > 2);
        media.map(|got| viewer.see(codec, &got, &self.references)).collect()
    }
}

/// A packet as the viewer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) frame: u32,
    pub(super) capture_us: u64,
    pub(super) spatial: u8,
    pub(super) temporal: u8,
    pub(super) part: u8,
    pub(super) marker: bool,
    pub(super) seq: u16,
    pub(super) picture_id: Option<u16>,
    pub(super) tl0: Option<u8>,
    pub(super) number: Option<u16>,
    pub(super) active: Option<u32>,
}

/// Checks that each frame refers only to frames that came before it, and that its numbers tell just that.
#[derive(Default)]
pub(super) struct Viewer {
    frames: BTreeSet<u32>,
    /// By the publisher's frame: the number that it came under.
    numbers: BTreeMap<u32, u16>,
    structure: Option<Box<Structure>>,
    active: u32,
}

impl Viewer {
    fn see(&mut self, codec: Codec, got: &Got, references: &BTreeMap<u32, Vec<u32>>) -> Seen {
        let vp9 = (codec == Codec::Vp9).then(|| Vp9Descriptor::parse(&got.payload).unwrap());
        let at = vp9.map_or(1, |vp9| usize::from(vp9.len));
        let mark = &got.payload[at..];
        let frame = u32::from_be_bytes(*mark.first_chunk().unwrap());
        let referred = &references[&frame];
        assert!(referred.iter().all(|known| self.frames.contains(known)), "{frame} needs {referred:?}");
        let descriptor = (!got.descriptor.is_empty())
            .then(|| Descriptor::parse(&got.descriptor, self.structure.as_deref()).unwrap());
        if let Some(descriptor) = &descriptor {
            self.check(frame, referred, descriptor);
        }
        self.frames.insert(frame);
        Seen {
            frame,
            capture_us: u64::from_be_bytes(*mark[4..].first_chunk().unwrap()),
            spatial: mark[12],
            temporal: mark[13],
            part: mark[14],
            marker: got.marker,
            seq: got.seq,
            picture_id: vp9.and_then(|vp9| vp9.picture_id).map(crate::codec::PictureId::number),
            tl0: vp9.and_then(|vp9| vp9.tl0_picture),
            number: descriptor.as_ref().map(|descriptor| descriptor.frame_number),
            active: descriptor.map(|_| self.active),
        }
    }

    fn check(&mut self, frame: u32, referred: &[u32], descriptor: &Descriptor) {
        let number = descriptor.frame_number;
        let wanted = referred.iter().fold(0, |bits, known| {
            let back = number.wrapping_sub(self.numbers[known]);
            bits | 1 << (back - 1)
        });
        assert_eq!(descriptor.references, wanted, "frame {frame}");
        self.numbers.insert(frame, number);
        if let Some(structure) = &descriptor.structure {
            self.active = structure.all_targets();
            self.structure = Some(structure.clone());
        }
        self.active = descriptor.active_targets.unwrap_or(self.active);
    }
}

/// Each picture ends with its only marker.
pub(super) fn assert_marked(seen: &[Seen]) {
    for (place, packet) in seen.iter().enumerate() {
        let is_last = seen.get(place + 1).is_none_or(|next| next.capture_us != packet.capture_us);
        assert_eq!(packet.marker, is_last, "{packet:?}");
    }
}

/// The longest time between two pictures, in pictures of the publisher.
pub(super) fn longest_gap(seen: &[Seen]) -> u64 {
    let gap = |pair: &[Seen]| (pair[1].capture_us - pair[0].capture_us) / FRAME_US;
    seen.windows(2).map(gap).max().unwrap_or(0)
}

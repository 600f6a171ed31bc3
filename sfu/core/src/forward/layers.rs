//! ⑥ Which frames of a scalable stream a subscription gets: spatial and temporal layers of one stream.
//!
//! It decides per frame and remembers what it decided; whom which layers fit is decided in `bwe`. A frame is
//! sent only if nothing that it refers to was left out.
//!
//! ```text
//!                     a Switch indication for the wanted layers, its references sent,
//!                     and every base frame since the last key frame sent
//! current layers ─────────────────────────────────────────────────────────────────────▶ wanted layers
//!     └── fewer frames of the same size: at once
//! ```

use std::time::{Duration, Instant};

use super::Forwarding;
use super::forwarding::{Selection, Source};
use super::sent::Sent;
use crate::codec::PayloadForm;
use crate::codec::dependency::{ActiveTargets, MAX_DESCRIPTOR_BYTES, rewrite};
use crate::codec::layer::{Indication, LayerFrame, LayerId, LayerSet, MAX_SPATIAL};
use crate::receive::Reception;
use crate::ring::{PacketFacts, RingPacket};
use crate::rtp::RtpTime;
use crate::stats::ForwardCounters;

/// The layers that are sent of one source.
#[derive(Debug)]
pub(super) struct Layers {
    current: LayerId,
    /// Highest frame that was decided on.
    newest: u32,
    /// Bit n: frame `newest - n` is sent, or is left out; neither: nothing of it has come.
    sent: u128,
    left_out: u128,
    /// By spatial layer: no frame of its lowest decode target was left out since a frame that depends on nothing.
    intact: [bool; MAX_SPATIAL],
    /// Of this structure, not everything was sent: the subscriber is told which targets are.
    narrowed: Option<u8>,
    /// Of the newest picture.
    time: Option<RtpTime>,
    /// The publisher stopped to produce the current layers, and nobody has asked for a keyframe yet.
    is_starved: bool,
}

/// Frames of which the decision is remembered: more than a second of three layers at 30 frames a second.
const WINDOW: i32 = 128;

/// A lost structure is sent again within this time on most paths.
const STRUCTURE_WAIT: Duration = Duration::from_millis(200);

/// A smaller picture that needs a keyframe is coming: until then its predecessor goes on with so many frames.
const MEANWHILE_TEMPORAL: u8 = 1;

impl Layers {
    /// Begins with a key frame.
    pub(super) fn new(first: &LayerFrame) -> Self {
        Self {
            current: LayerId::default(),
            newest: first.number.wrapping_sub(1),
            sent: 0,
            left_out: 0,
            intact: [false; MAX_SPATIAL],
            narrowed: None,
            time: None,
            is_starved: false,
        }
    }

    /// The layers that are sent now.
    pub(super) const fn current(&self) -> LayerId {
        self.current
    }

    /// True when a switch to this spatial layer waits for a keyframe.
    pub(super) fn needs_keyframe_for(&self, spatial: u8) -> bool {
        self.current.spatial != spatial && !self.intact[usize::from(spatial).min(MAX_SPATIAL - 1)]
    }

    /// True once after the publisher stopped to produce what is sent.
    pub(super) fn take_starved(&mut self) -> bool {
        std::mem::take(&mut self.is_starved)
    }

    /// Whether a packet of this frame, of the picture at `time`, is sent to somebody who wants these layers; the
    /// same for all packets of the frame.
    pub(super) fn takes(&mut self, frame: &LayerFrame, time: RtpTime, wanted: LayerId) -> bool {
        let ahead = frame.number.wrapping_sub(self.newest).cast_signed();
        if ahead <= -WINDOW {
            return false;
        }
        if ahead > 0 {
            let shift = ahead.unsigned_abs();
            self.sent = self.sent.checked_shl(shift).unwrap_or(0);
            self.left_out = self.left_out.checked_shl(shift).unwrap_or(0);
            self.newest = frame.number;
            if let Some(aim) = nearest_active(frame, wanted) {
                let begins_picture = self.time.replace(time) != Some(time);
                self.switch(frame, begins_picture, aim);
            }
        }
        let bit = 1 << self.newest.wrapping_sub(frame.number);
        if (self.sent | self.left_out) & bit == 0 {
            self.decide(frame, bit);
        }
        self.sent & bit != 0
    }

    /// True when a packet that ends this frame is the last that this subscriber gets of its picture.
    pub(super) const fn ends_picture(&self, frame: &LayerFrame) -> bool {
        frame.ends_frame && frame.layer.spatial == self.current.spatial
    }

    /// The decode targets that are not above what is sent; `None`: all that the publisher produces, as the
    /// structure of this version says.
    pub(super) fn narrowed(&self, structure: u8) -> Option<LayerSet> {
        let is_sent = |target: &LayerId| {
            target.spatial <= self.current.spatial && target.temporal <= self.current.temporal
        };
        (self.narrowed == Some(structure)).then(|| LayerId::all().filter(is_sent).collect())
    }

    /// Changes the layers at a frame that allows it.
    fn switch(&mut self, frame: &LayerFrame, begins_picture: bool, aim: LayerId) {
        if frame.is_independent {
            for (spatial, intact) in (0..).zip(&mut self.intact) {
                *intact |= frame.indications.of(LayerId { spatial, temporal: 0 }) == Indication::Switch;
            }
        }
        if begins_picture {
            self.lower_temporal(aim);
        }
        if aim != self.current && self.allows(frame, aim) {
            self.current = aim;
        } else if aim.spatial > self.current.spatial {
            // Until the larger picture can begin, the smaller one has all its frames.
            let fuller = LayerId { temporal: aim.temporal, ..self.current };
            if fuller.temporal > self.current.temporal && self.allows(frame, fuller) {
                self.current = fuller;
            }
        }
        if !frame.active.contains(self.current) && aim.spatial != self.current.spatial {
            self.is_starved |= self.intact[usize::from(self.current.spatial)];
            self.intact[usize::from(self.current.spatial)] = false;
        }
        if frame.active.largest() != Some(self.current) {
            self.narrowed = Some(frame.structure);
        }
    }

    /// Fewer frames are wanted, or have to do until a smaller picture begins.
    fn lower_temporal(&mut self, aim: LayerId) {
        if aim.spatial == self.current.spatial {
            self.current.temporal = self.current.temporal.min(aim.temporal);
        } else if aim.spatial < self.current.spatial {
            self.current.temporal = self.current.temporal.min(MEANWHILE_TEMPORAL);
        }
    }

    fn allows(&self, frame: &LayerFrame, aim: LayerId) -> bool {
        frame.indications.of(aim) == Indication::Switch
            && self.intact[usize::from(aim.spatial)]
            && self.has_references(frame)
    }

    /// Nothing that the frame refers to was left out. What is lost on the way is repaired or asked for by others.
    fn has_references(&self, frame: &LayerFrame) -> bool {
        let back = self.newest.wrapping_sub(frame.number);
        let referred = self.left_out.checked_shr(back + 1).unwrap_or(0);
        u128::from(frame.references) & referred == 0
    }

    fn decide(&mut self, frame: &LayerFrame, bit: u128) {
        let is_part = frame.indications.of(self.current) != Indication::NotPresent;
        if is_part && self.has_references(frame) {
            self.sent |= bit;
        } else {
            self.left_out |= bit;
            for (spatial, intact) in (0..).zip(&mut self.intact) {
                let base = frame.indications.of(LayerId { spatial, temporal: 0 });
                *intact &= base == Indication::NotPresent;
            }
        }
    }
}

/// The largest layers up to the wanted ones that the publisher produces, or else the smallest that it does.
fn nearest_active(frame: &LayerFrame, wanted: LayerId) -> Option<LayerId> {
    let fits = |layer: &LayerId| layer.spatial <= wanted.spatial && layer.temporal <= wanted.temporal;
    let active = || LayerId::all().filter(|&layer| frame.active.contains(layer));
    active().filter(fits).last().or_else(|| active().next())
}

impl Source {
    /// True when the packet is the last that this subscriber gets of its picture.
    pub(super) fn ends_picture(&self, form: &PayloadForm) -> bool {
        match (form, &self.layers) {
            (PayloadForm::Scalable { frame: Some(frame), .. }, Some(layers)) => layers.ends_picture(frame),
            (
                PayloadForm::Scalable { .. } | PayloadForm::Plain | PayloadForm::Vp8(_) | PayloadForm::Red,
                _,
            ) => false,
        }
    }
}

impl Forwarding {
    /// Whether a packet of a scalable stream is sent.
    pub(super) fn select_layers(
        &mut self,
        frame: Option<&LayerFrame>,
        facts: &PacketFacts,
        counters: &mut ForwardCounters,
    ) -> Selection {
        if !self.config.takes_layers() {
            return Selection::Send;
        }
        let wanted = self.target().filter(|&t| Some(self.config.stream(t.encoding)) == self.current_stream());
        let scalable = self.config.scalable;
        let Some(source) = self.source_mut() else { return Selection::LeaveOut };
        let is_taken = frame.is_some_and(|frame| {
            let layers = source.layers.get_or_insert_with(|| Layers::new(frame));
            let wanted = match wanted {
                Some(target) if scalable => LayerId::new(target.encoding.0, target.temporal),
                Some(target) => LayerId::new(u8::MAX, target.temporal),
                None => layers.current(),
            };
            layers.takes(frame, facts.time, wanted)
        });
        let starved = source.layers.as_mut().is_some_and(Layers::take_starved);
        let selection = if is_taken {
            Selection::Send
        } else if source.map.skip(facts.index, false) {
            Selection::LeaveOut
        } else {
            Selection::Fill
        };
        counters.layers_skipped += u64::from(!is_taken);
        self.starve(starved);
        selection
    }

    /// The packet's layers may still become known: the structure that it names is on its way.
    pub(super) fn awaits_structure(&self, now: Instant, facts: &PacketFacts) -> bool {
        matches!(facts.payload.form, PayloadForm::Scalable { frame: None, .. })
            && self.config.takes_layers()
            && self.current_stream().is_some()
            && now.saturating_duration_since(facts.received_at) < STRUCTURE_WAIT
    }

    /// The packet's dependency descriptor as this subscriber gets it; empty when it gets none.
    pub(super) fn rewrite_descriptor<'a>(
        &self,
        reception: &Reception,
        sent: &Sent,
        packet: RingPacket<'_>,
        space: &'a mut Option<[u8; MAX_DESCRIPTOR_BYTES]>,
    ) -> &'a [u8] {
        let PayloadForm::Scalable { frame: Some(frame), .. } = &packet.facts.payload.form else { return &[] };
        if packet.dependency_descriptor.is_empty() {
            return &[];
        }
        let active = reception.structure(sent.encoding, frame.structure).and_then(|structure| {
            let narrowed = self.layers().and_then(|layers| layers.narrowed(frame.structure));
            let layers = narrowed.map_or(frame.active, |narrowed| narrowed.and(frame.active));
            let mask = structure.targets_of(layers);
            (narrowed.is_some() || mask != structure.all_targets())
                .then_some(ActiveTargets { mask, count: structure.targets() })
        });
        let space = space.insert([0; MAX_DESCRIPTOR_BYTES]);
        let descriptor = packet.dependency_descriptor;
        let len = rewrite(descriptor, sent.ids.frame, active, space)
            .or_else(|| rewrite(descriptor, sent.ids.frame, None, space));
        &space[..len.unwrap_or(0)]
    }
}

//! The SFU's end of a real link, with speakers made of fixtures: RTP at its pace, exact sender reports, and
//! a network whose delay and loss the test sets per track.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use auth::link::{LinkIdentity, MIXER_NAME, SFU_NAME};
use link::{Received, SfuSender};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::task::JoinHandle;
use wire::link::{Codec, ToMixer, ToSfu, TrackHandle, TrackSource, Watched};

use crate::media::Clip;

/// Certificates of both ends.
pub(crate) fn identities() -> (LinkIdentity, LinkIdentity) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let ca_key = KeyPair::generate().unwrap();
    let ca_der = params.self_signed(&ca_key).unwrap().der().to_vec();
    let issuer = Issuer::from_params(&params, &ca_key);
    let leaf = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = certificate.signed_by(&key, &issuer).unwrap();
        LinkIdentity {
            ca_der: ca_der.clone(),
            cert_chain_der: vec![certificate.der().to_vec()],
            key_der: key.serialize_der(),
        }
    };
    (leaf(SFU_NAME), leaf(MIXER_NAME))
}

/// What the mixer asked for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) watched: Vec<Watched>,
    pub(crate) keyframes: HashMap<u16, Vec<Instant>>,
}

/// A room with one mixer in it.
pub(crate) struct Sfu {
    pub(crate) addr: SocketAddr,
    pub(crate) asked: Arc<Mutex<Asked>>,
    sender: Arc<Mutex<Option<SfuSender>>>,
    accepting: JoinHandle<()>,
    next_track: u16,
}

/// One track that is being sent.
pub(crate) struct Sending {
    pub(crate) track: TrackHandle,
    task: JoinHandle<()>,
}

/// How a track travels.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Network {
    pub(crate) delay_ms: u64,
    /// Every n-th packet is lost.
    pub(crate) lose_every: Option<u64>,
}

impl Sfu {
    pub(crate) fn open(identity: &LinkIdentity) -> Self {
        let mut server = link::Server::bind(([127, 0, 0, 1], 0).into(), identity).unwrap();
        let addr = server.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Asked::default()));
        let sender = Arc::new(Mutex::new(None));
        let (asked_by_mixer, current) = (Arc::clone(&asked), Arc::clone(&sender));
        let accepting = tokio::spawn(async move {
            while let Some(connection) = server.accept().await {
                let (sender, mut receiver) = connection.split();
                *current.lock().unwrap() = Some(sender);
                while let Ok(Received::Message(message)) = receiver.recv().await {
                    let mut asked = asked_by_mixer.lock().unwrap();
                    match message {
                        ToSfu::Hello { .. } => {}
                        ToSfu::Watch { participants } => asked.watched = participants,
                        ToSfu::KeyframeRequest { track } => {
                            asked.keyframes.entry(track.0).or_default().push(Instant::now());
                        }
                    }
                }
            }
        });
        Self { addr, asked, sender, accepting, next_track: 1 }
    }

    pub(crate) fn tell(&self, message: &ToMixer) {
        self.sender.lock().unwrap().as_ref().expect("the mixer is there").send(message).unwrap();
    }

    pub(crate) async fn wait_for_mixer(&self) {
        while self.sender.lock().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Announces a track and plays `clip` on it in a loop; `from` is the moment of the clip's beginning.
    pub(crate) fn publish(
        &mut self,
        (identity, source, codec): (&str, TrackSource, Codec),
        clip: Clip,
        from: Instant,
        network: Network,
    ) -> Sending {
        let track = TrackHandle(self.next_track);
        self.next_track += 1;
        self.tell(&ToMixer::TrackStarted { track, identity: identity.into(), source, codec, muted: false });
        let sender = self.sender.lock().unwrap().clone().unwrap();
        Sending { track, task: tokio::spawn(play(sender, track, clip, from, network)) }
    }

    /// Stops sending without a word: a frozen camera.
    pub(crate) fn freeze(&self, sending: &Sending) {
        sending.task.abort();
    }

    pub(crate) fn unpublish(&self, sending: Sending) {
        sending.task.abort();
        self.tell(&ToMixer::TrackEnded { track: sending.track });
    }
}

impl Drop for Sfu {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn play(sender: SfuSender, track: TrackHandle, clip: Clip, from: Instant, network: Network) {
    // A start value near the wrap, so that every run passes it.
    let (rtp_zero, mut seq) = (u32::MAX - 200_000, 65_500_u16);
    let ntp_of = |at: Instant| {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() - at.elapsed();
        let since_1900 = unix.as_nanos() + 2_208_988_800 * 1_000_000_000;
        u64::try_from((since_1900 << 32) / 1_000_000_000).unwrap()
    };
    let rtp_of = |at_ms: u64| {
        let ticks = at_ms * u64::from(clip.clock_rate) / 1_000;
        rtp_zero.wrapping_add(u32::try_from(ticks & 0xffff_ffff).unwrap())
    };
    let begun = u64::try_from(from.elapsed().as_millis()).unwrap();
    let (mut sent, mut next_report) = (0_u64, begun);
    // Like an encoder that just started: the first frame is a keyframe.
    let mut need_keyframe = true;
    for round in 0.. {
        for frame in &clip.frames {
            let at_ms = round * clip.length_ms + frame.at_ms;
            if at_ms < begun || (need_keyframe && !frame.keyframe) {
                continue;
            }
            need_keyframe = false;
            let due = from + Duration::from_millis(at_ms + network.delay_ms);
            tokio::time::sleep_until(due.into()).await;
            if at_ms >= next_report {
                let captured = from + Duration::from_millis(at_ms);
                let report = ToMixer::SenderReport { track, ntp: ntp_of(captured), rtp_time: rtp_of(at_ms) };
                sender.send(&report).ok();
                next_report = at_ms + 1_000;
            }
            let last = frame.payloads.len() - 1;
            for (number, payload) in frame.payloads.iter().enumerate() {
                let marker = if number == last && clip.clock_rate == 90_000 { 0x80 } else { 0 };
                let mut rtp = vec![0x80, marker | 96];
                rtp.extend(seq.to_be_bytes());
                rtp.extend(rtp_of(at_ms).to_be_bytes());
                rtp.extend(u32::from(track.0).to_be_bytes());
                rtp.extend(payload);
                seq = seq.wrapping_add(1);
                sent += 1;
                if network.lose_every.is_none_or(|n| !sent.is_multiple_of(n)) {
                    sender.send_rtp(track, &rtp);
                }
            }
        }
    }
}

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use auth::link::{LinkIdentity, MIXER_NAME, SFU_NAME};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tokio::time::timeout;
use wire::link::{MAX_MESSAGE_BYTES, TrackHandle};

use super::*;

const TRACK: TrackHandle = TrackHandle(7);

/// A certificate authority that signs both ends.
struct Authority {
    params: CertificateParams,
    key: KeyPair,
    der: Vec<u8>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { params, key, der }
    }

    fn identity(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> LinkIdentity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let certificate = params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).unwrap();
        LinkIdentity {
            ca_der: self.der.clone(),
            cert_chain_der: vec![certificate.der().to_vec()],
            key_der: key.serialize_der(),
        }
    }

    fn sfu(&self) -> LinkIdentity {
        self.identity(SFU_NAME, ExtendedKeyUsagePurpose::ServerAuth)
    }

    fn mixer(&self) -> LinkIdentity {
        self.identity(MIXER_NAME, ExtendedKeyUsagePurpose::ClientAuth)
    }
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn hello() -> ToSfu {
    ToSfu::Hello { room: "main stage".into(), identity: "mixer".into() }
}

async fn pair() -> (SfuConnection, MixerConnection) {
    let authority = Authority::new();
    let mut server = Server::bind(loopback(), &authority.sfu()).unwrap();
    let mixer = Client::connect(server.local_addr().unwrap(), &authority.mixer()).await.unwrap();
    mixer.sender().send(&hello()).unwrap();
    let mut sfu = server.accept().await.unwrap();
    assert!(matches!(sfu.recv().await, Ok(Received::Message(message)) if message == hello()));
    (sfu, mixer)
}

async fn next_rtp(mixer: &mut MixerConnection) -> RtpPacket {
    match timeout(Duration::from_secs(5), mixer.recv()).await.expect("a packet in time") {
        Ok(Received::Rtp(packet)) => packet,
        other => panic!("wanted RTP, got {other:?}"),
    }
}

#[tokio::test]
async fn messages_and_rtp_cross_the_link() {
    let (sfu, mut mixer) = pair().await;
    let started = ToMixer::TrackMuted { track: TRACK, muted: true };
    sfu.sender().send(&started).unwrap();
    assert!(matches!(mixer.recv().await, Ok(Received::Message(message)) if message == started));
    for number in 0..100_u8 {
        sfu.sender().send_rtp(TRACK, &[number; 1200]);
    }
    for number in 0..100_u8 {
        assert_eq!(next_rtp(&mut mixer).await, RtpPacket { track: TRACK, rtp: vec![number; 1200].into() });
    }
    assert_eq!(sfu.sender().counters().rtp_sent, 100);
    assert_eq!(sfu.sender().counters().rtp_oversize_sent, 0);
}

/// 1,382 bytes fit from the first packet on: nothing waits for MTU discovery.
#[tokio::test]
async fn a_full_size_packet_is_a_datagram_at_once() {
    let (sfu, mut mixer) = pair().await;
    sfu.sender().send_rtp(TRACK, &[1; 1_370]);
    assert_eq!(next_rtp(&mut mixer).await.rtp.len(), 1_370);
    assert_eq!(sfu.sender().counters().rtp_oversize_sent, 0);
}

#[tokio::test]
async fn a_packet_too_large_for_a_datagram_goes_on_a_stream() {
    let (sfu, mut mixer) = pair().await;
    sfu.sender().send_rtp(TRACK, &[9; 9_000]);
    assert_eq!(next_rtp(&mut mixer).await, RtpPacket { track: TRACK, rtp: vec![9; 9_000].into() });
    assert_eq!(sfu.sender().counters().rtp_oversize_sent, 1);
}

#[tokio::test]
async fn more_than_a_batch_is_dropped_and_counted() {
    let (sfu, _mixer) = pair().await;
    for _ in 0..5_000 {
        sfu.sender().send_rtp(TRACK, &[0; 100]);
    }
    assert!(sfu.sender().counters().rtp_dropped_batch_full > 0);
}

#[tokio::test]
async fn a_mixer_of_another_authority_is_refused() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let mut server = Server::bind(loopback(), &ours.sfu()).unwrap();
    let intruder = LinkIdentity { ca_der: ours.der.clone(), ..theirs.mixer() };
    let refused = match Client::connect(server.local_addr().unwrap(), &intruder).await {
        Ok(mut mixer) => {
            mixer.sender().send(&hello()).ok();
            mixer.recv().await.map(drop)
        }
        Err(error) => Err(error),
    };
    assert!(matches!(refused, Err(LinkError::Transport(_))), "{refused:?}");
    assert!(timeout(Duration::from_millis(200), server.accept()).await.is_err());
}

#[tokio::test]
async fn an_sfu_of_another_authority_is_refused() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = Server::bind(loopback(), &theirs.sfu()).unwrap();
    let refused = Client::connect(server.local_addr().unwrap(), &ours.mixer()).await;
    assert!(matches!(refused, Err(LinkError::Transport(_))));
}

#[tokio::test]
async fn a_mixer_cannot_pose_as_an_sfu() {
    let authority = Authority::new();
    let posing = authority.identity(SFU_NAME, ExtendedKeyUsagePurpose::ClientAuth);
    let server = Server::bind(loopback(), &posing).unwrap();
    let refused = Client::connect(server.local_addr().unwrap(), &authority.mixer()).await;
    assert!(matches!(refused, Err(LinkError::Transport(_))));
}

#[tokio::test]
async fn a_message_over_the_limit_is_not_sent() {
    let (_sfu, mixer) = pair().await;
    let huge = ToSfu::Hello { room: "x".repeat(MAX_MESSAGE_BYTES), identity: String::new() };
    assert_eq!(mixer.sender().send(&huge), Err(SendError::TooLarge));
}

/// The other end announces a length over the limit: it is cut off without the memory being taken.
#[tokio::test]
async fn an_announced_length_over_the_limit_closes_the_link() {
    let authority = Authority::new();
    let mut server = Server::bind(loopback(), &authority.sfu()).unwrap();
    let mut endpoint = quinn::Endpoint::client(loopback()).unwrap();
    endpoint.set_default_client_config(tls::client_config(&authority.mixer()).unwrap());
    let connection = endpoint.connect(server.local_addr().unwrap(), SFU_NAME).unwrap().await.unwrap();
    let (mut send, _recv) = connection.open_bi().await.unwrap();
    send.write_all(&u32::MAX.to_be_bytes()).await.unwrap();
    let mut sfu = server.accept().await.unwrap();
    assert!(matches!(sfu.recv().await, Err(LinkError::MessageTooLarge(_))));
    let seen: LinkError = connection.closed().await.into();
    assert!(matches!(seen, LinkError::Closed { code: CloseCode::MessageTooLarge, .. }));
}

#[tokio::test]
async fn queued_messages_arrive_before_the_close_and_its_code() {
    let (sfu, mut mixer) = pair().await;
    sfu.sender().send(&ToMixer::RoomClosed).unwrap();
    sfu.sender().close(CloseCode::Refused, "no such room");
    assert!(matches!(mixer.recv().await, Ok(Received::Message(ToMixer::RoomClosed))));
    for _ in 0..2 {
        let end = mixer.recv().await;
        let Err(LinkError::Closed { code, reason }) = end else { panic!("wanted the close, got {end:?}") };
        assert_eq!((code, reason.as_str()), (CloseCode::Refused, "no such room"));
    }
}

#[tokio::test]
async fn dropping_the_last_sender_closes_the_link() {
    let (sfu, mut mixer) = pair().await;
    drop(sfu);
    assert!(matches!(mixer.recv().await, Err(LinkError::Closed { code: CloseCode::Done, .. })));
}

#[tokio::test]
async fn the_senders_work_after_the_receiver_is_gone() {
    let (sfu, mut mixer) = pair().await;
    let (sender, receiver) = sfu.split();
    drop(receiver);
    sender.send(&ToMixer::RoomClosed).unwrap();
    assert!(matches!(mixer.recv().await, Ok(Received::Message(ToMixer::RoomClosed))));
}

/// The SFU's runtime is frozen, as after SIGSTOP or a cut cable: no close is ever sent.
#[test]
fn a_vanished_peer_is_noticed_within_seconds() {
    let authority = Authority::new();
    let frozen = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let live = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut server = frozen.block_on(async { Server::bind(loopback(), &authority.sfu()).unwrap() });
    let addr = server.local_addr().unwrap();
    let identity = authority.mixer();
    let mixer = std::thread::spawn(move || {
        live.block_on(async {
            let mut mixer = Client::connect(addr, &identity).await.unwrap();
            mixer.sender().send(&hello()).unwrap();
            assert!(matches!(mixer.recv().await, Ok(Received::Message(ToMixer::RoomClosed))));
            let frozen_at = Instant::now();
            (mixer.recv().await.map(drop), frozen_at.elapsed())
        })
    });
    let sfu = frozen.block_on(async {
        let sfu = server.accept().await.unwrap();
        sfu.sender().send(&ToMixer::RoomClosed).unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        sfu
    });
    // `frozen` runs no more; its sockets stay open.
    let (end, after) = mixer.join().unwrap();
    assert!(matches!(end, Err(LinkError::Vanished)), "{end:?}");
    assert!(after < Duration::from_secs(8), "{after:?}");
    drop(frozen.enter());
    std::mem::forget(sfu);
    std::mem::forget(server);
}

//! The two peer connections of a participant: publisher (we offer) and subscriber (the server offers).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rtc::interceptor::Registry;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::{
    configure_nack, configure_rtcp_reports, configure_twcc,
};
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_VP8, MediaEngine,
};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCPeerConnectionState,
};
use webrtc::rtp_transceiver::RtpSender;
use webrtc::runtime::default_runtime;

use crate::clip::Codec;
use crate::participant::{ClientError, Event};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Publisher,
    Subscriber,
}

/// One peer connection.
pub(crate) struct Peer {
    connection: Box<dyn PeerConnection>,
    connected: watch::Receiver<bool>,
}

impl Peer {
    /// Media leaves from `local`.
    pub(crate) async fn new(
        side: Side,
        local: IpAddr,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, ClientError> {
        let mut engine = MediaEngine::default();
        engine.register_default_codecs().map_err(webrtc)?;
        let registry = configure_nack(Registry::new(), &mut engine);
        let registry = configure_twcc(registry, &mut engine).map_err(webrtc)?;
        // The publisher's sender reports are our own: both tracks' from one media clock.
        let registry = match side {
            Side::Publisher => registry,
            Side::Subscriber => configure_rtcp_reports(registry),
        };
        let runtime = default_runtime().ok_or(ClientError::NoRuntime)?;
        let (state, connected) = watch::channel(false);
        let connection = PeerConnectionBuilder::new()
            .with_media_engine(engine)
            .with_interceptor_registry(registry)
            .with_handler(Arc::new(Handler { state, events }))
            .with_runtime(runtime)
            .with_udp_addrs(vec![SocketAddr::new(local, 0)])
            .build()
            .await
            .map_err(webrtc)?;
        Ok(Self { connection: Box::new(connection), connected })
    }

    /// Adds a track; it carries packets once the connection is up.
    pub(crate) async fn add_track(
        &self,
        (stream_id, track_id): (&str, &str),
        codec: Codec,
        ssrc: u32,
    ) -> Result<(Arc<TrackLocalStaticRTP>, Arc<dyn RtpSender>), ClientError> {
        let kind = if codec.is_audio() { RtpCodecKind::Audio } else { RtpCodecKind::Video };
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
            codec: rtp_codec(codec),
            ..Default::default()
        };
        let track =
            MediaStreamTrack::new(stream_id.into(), track_id.into(), track_id.into(), kind, vec![encoding]);
        let track = Arc::new(TrackLocalStaticRTP::new(track));
        let sender =
            self.connection.add_track(Arc::clone(&track) as Arc<dyn TrackLocal>).await.map_err(webrtc)?;
        Ok((track, sender))
    }

    /// Takes a track out; the next offer shows it.
    pub(crate) async fn remove_track(&self, sender: &Arc<dyn RtpSender>) -> Result<(), ClientError> {
        self.connection.remove_track(sender).await.map_err(webrtc)
    }

    /// The payload type that the answer left for the track with this SSRC.
    pub(crate) async fn payload_type(&self, ssrc: u32, codec: Codec) -> Result<u8, ClientError> {
        for sender in self.connection.get_senders().await {
            if !sender.track().ssrcs().await.contains(&ssrc) {
                continue;
            }
            let wanted = rtp_codec(codec).mime_type;
            let parameters = sender.get_parameters().await.map_err(webrtc)?;
            let found = parameters
                .rtp_parameters
                .codecs
                .iter()
                .find(|c| c.rtp_codec.mime_type.eq_ignore_ascii_case(&wanted));
            return found.map(|c| c.payload_type).ok_or(ClientError::CodecRefused(codec));
        }
        Err(ClientError::CodecRefused(codec))
    }

    pub(crate) async fn offer(&self) -> Result<String, ClientError> {
        let offer = self.connection.create_offer(None).await.map_err(webrtc)?;
        let sdp = offer.sdp.clone();
        self.connection.set_local_description(offer).await.map_err(webrtc)?;
        Ok(sdp)
    }

    pub(crate) async fn accept_answer(&self, sdp: String) -> Result<(), ClientError> {
        let answer = RTCSessionDescription::answer(sdp).map_err(webrtc)?;
        self.connection.set_remote_description(answer).await.map_err(webrtc)
    }

    pub(crate) async fn answer(&self, offer: String) -> Result<String, ClientError> {
        let offer = RTCSessionDescription::offer(offer).map_err(webrtc)?;
        self.connection.set_remote_description(offer).await.map_err(webrtc)?;
        let answer = self.connection.create_answer(None).await.map_err(webrtc)?;
        let sdp = answer.sdp.clone();
        self.connection.set_local_description(answer).await.map_err(webrtc)?;
        Ok(sdp)
    }

    /// Waits until ICE and DTLS are done.
    pub(crate) async fn connected(&self) -> Result<(), ClientError> {
        let mut connected = self.connected.clone();
        connected.wait_for(|&up| up).await.map(drop).map_err(|_| ClientError::Closed)
    }

    pub(crate) async fn close(&self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "a peer connection did not close cleanly");
        }
    }
}

/// The address of this machine that the server at `url` is reached from.
///
/// Media leaves from there alone: the crate never leaves an interface that went away, and with every interface
/// of the machine it may have chosen one that was not to last, such as a container's.
pub(crate) async fn address_towards(url: &str) -> Result<IpAddr, ClientError> {
    let unreachable =
        |error: &dyn std::fmt::Display| ClientError::WebRtc(format!("no way to {url}: {error}"));
    let parsed = reqwest::Url::parse(url).map_err(|error| unreachable(&error))?;
    let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = parsed.port_or_known_default().unwrap_or_default();
    let server = tokio::net::lookup_host((host, port)).await.map_err(|error| unreachable(&error))?.next();
    let server = server.ok_or_else(|| unreachable(&"no address"))?;
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // Connecting a UDP socket chooses its address and sends nothing.
    let socket = UdpSocket::bind((any, 0)).await.map_err(|error| unreachable(&error))?;
    socket.connect(server).await.map_err(|error| unreachable(&error))?;
    socket.local_addr().map(|addr| addr.ip()).map_err(|error| unreachable(&error))
}

struct Handler {
    state: watch::Sender<bool>,
    events: mpsc::Sender<Event>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        tracing::debug!(?state, "peer connection");
        self.state.send_replace(state == RTCPeerConnectionState::Connected);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let track_id = track.track_id().await;
        let packets = Arc::new(AtomicU64::new(0));
        let event = Event::TrackReceived { track_id, packets: Arc::clone(&packets) };
        // A full queue means that nobody reads events; the track is still drained.
        let _ = self.events.try_send(event);
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if matches!(event, TrackRemoteEvent::OnRtpPacket(_)) {
                    packets.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
}

/// As browsers name them; the profile is constrained baseline 3.1, packetization mode 1 (RFC 6184 §8.1).
fn rtp_codec(codec: Codec) -> RTCRtpCodec {
    let (mime_type, channels, fmtp) = match codec {
        Codec::Opus => (MIME_TYPE_OPUS, 2, "minptime=10;useinbandfec=1"),
        Codec::Vp8 => (MIME_TYPE_VP8, 0, ""),
        Codec::H264 => {
            (MIME_TYPE_H264, 0, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f")
        }
    };
    RTCRtpCodec {
        mime_type: mime_type.to_owned(),
        clock_rate: codec.clock_rate(),
        channels,
        sdp_fmtp_line: fmtp.to_owned(),
        rtcp_feedback: vec![],
    }
}

fn webrtc(error: rtc::shared::error::Error) -> ClientError {
    ClientError::WebRtc(error.to_string())
}

//! A client's offers, as text.

use std::fmt::Write as _;

use sfu_core::room::message::Kind;

use crate::client::Client;
use crate::leg::Leg;
use crate::publisher::{EXTENSIONS, RED, RIDS, RTX, VP8};

impl Client {
    /// The sections in which it sends, then those in which it only receives.
    pub(crate) fn offer_text(&self, number: u32) -> String {
        let own = [(self.config.has_microphone, "0"), (self.config.camera.is_some(), "1")];
        let mut mids: Vec<String> =
            own.into_iter().filter(|(has, _)| *has).map(|(_, mid)| mid.to_owned()).collect();
        mids.extend((0..self.free_sections.len()).map(|place| format!("r{place}")));
        let mut text = format!(
            "v=0\r\no=- 9 {number} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n",
            mids.join(" ")
        );
        let leg = &self.publisher.leg;
        if self.config.has_microphone {
            let rest =
                format!("a=sendonly\r\na=msid:s sound\r\na=ssrc:{} cname:c\r\n", self.publisher.sound_ssrc());
            self.section(&mut text, leg, ("0", Kind::Audio), &rest);
        }
        if self.config.camera.is_some() {
            let rest = if self.is_withdrawn { "a=inactive\r\n".to_owned() } else { self.picture() };
            self.section(&mut text, leg, ("1", Kind::Video), &rest);
        }
        for (place, &kind) in self.free_sections.iter().enumerate() {
            self.section(&mut text, leg, (&format!("r{place}"), kind), "a=recvonly\r\n");
        }
        text
    }

    fn section(&self, text: &mut String, leg: &Leg, (mid, kind): (&str, Kind), rest: &str) {
        let red = self.config.red;
        let line = match kind {
            Kind::Audio if red => format!("audio 9 UDP/TLS/RTP/SAVPF {RED} 111"),
            Kind::Audio => "audio 9 UDP/TLS/RTP/SAVPF 111".to_owned(),
            Kind::Video => format!("video 9 UDP/TLS/RTP/SAVPF {VP8} {RTX}"),
        };
        let local = leg.transport.local();
        let _ = write!(
            text,
            "m={line}\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:{}\r\n\
             a=setup:actpass\r\na=mid:{mid}\r\na=rtcp-mux\r\na=rtcp-rsize\r\n",
            local.ufrag,
            local.pwd,
            leg.transport.fingerprint()
        );
        for (id, uri) in EXTENSIONS {
            let _ = write!(text, "a=extmap:{id} {uri}\r\n");
        }
        let _ = match kind {
            Kind::Audio => {
                let red = if red {
                    format!("a=rtpmap:{RED} red/48000/2\r\na=fmtp:{RED} 111/111\r\n")
                } else {
                    String::new()
                };
                write!(
                    text,
                    "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 useinbandfec=1\r\n{red}"
                )
            }
            Kind::Video => write!(
                text,
                "a=rtpmap:{VP8} VP8/90000\r\na=rtcp-fb:{VP8} transport-cc\r\na=rtcp-fb:{VP8} nack\r\n\
                 a=rtcp-fb:{VP8} nack pli\r\na=rtcp-fb:{VP8} ccm fir\r\na=rtpmap:{RTX} rtx/90000\r\n\
                 a=fmtp:{RTX} apt={VP8}\r\n"
            ),
        };
        text.push_str(rest);
    }

    fn picture(&self) -> String {
        let layers = self.config.camera.as_ref().map_or(0, |camera| camera.rates_bps.len());
        let mut rest = "a=sendonly\r\na=msid:s picture\r\n".to_owned();
        let rids = &RIDS[..layers];
        if rids.len() > 1 {
            for rid in rids {
                let _ = write!(rest, "a=rid:{rid} send\r\n");
            }
            let _ = write!(rest, "a=simulcast:send {}\r\n", rids.join(";"));
        } else {
            let (ssrc, rtx) = self.publisher.ssrcs(0);
            let _ = write!(
                rest,
                "a=ssrc-group:FID {ssrc} {rtx}\r\na=ssrc:{ssrc} cname:c\r\na=ssrc:{rtx} cname:c\r\n"
            );
        }
        rest
    }
}

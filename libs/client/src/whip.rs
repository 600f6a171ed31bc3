//! A publisher over WHIP (RFC 9725): one `POST`, media, one `DELETE`.

use std::sync::Arc;

use reqwest::{Client, Method, RequestBuilder, header};
use tokio::sync::mpsc;

use crate::participant::{ANSWER, ClientError, Publication, random_hex, random_u32};
use crate::peer::{Peer, Side, address_towards};
use crate::sending::Sending;

/// One WHIP session. Dropping it ends media without a word; [`WhipPublisher::end`] deletes the session.
pub struct WhipPublisher {
    http: Client,
    token: String,
    session: String,
    peer: Arc<Peer>,
    _sending: Sending,
}

impl WhipPublisher {
    /// Publishes clips at a WHIP endpoint, and returns once media flows.
    ///
    /// # Errors
    /// When the server refuses, cannot be reached, or does not answer in time.
    pub async fn publish(
        endpoint: &str,
        token: &str,
        publications: Vec<Publication>,
    ) -> Result<Self, ClientError> {
        let http = Client::new();
        let (events, _) = mpsc::channel(1);
        let peer = Arc::new(Peer::new(Side::Publisher, address_towards(endpoint).await?, events).await?);
        let (stream, mut tracks) = (random_hex(), Vec::new());
        for publication in publications {
            let ssrc = random_u32();
            let (track, sender) =
                peer.add_track((&stream, &random_hex()), publication.clip.codec, ssrc).await?;
            tracks.push((track, sender, ssrc, publication.clip));
        }
        let offer = peer.offer().await?;
        let request = http.post(endpoint).bearer_auth(token).header(header::CONTENT_TYPE, "application/sdp");
        let response = request.body(offer).send().await.map_err(http_error)?;
        let status = response.status();
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let session = response.url().join(location.unwrap_or_default()).map(String::from).unwrap_or_default();
        let answer = response.text().await.map_err(http_error)?;
        if status.as_u16() != 201 {
            return Err(ClientError::Refused { status: status.as_u16(), body: answer });
        }
        peer.accept_answer(answer).await?;
        let connected = tokio::time::timeout(ANSWER, peer.connected()).await;
        connected.map_err(|_| ClientError::Timeout("ICE and DTLS"))??;
        let sending = Sending::start(&peer, tracks).await?;
        Ok(Self { http, token: token.to_owned(), session, peer, _sending: sending })
    }

    /// The session's URL.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Deletes the session; returns the status.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn end(self) -> Result<u16, ClientError> {
        let response = self.request(Method::DELETE).send().await.map_err(http_error)?;
        self.peer.close().await;
        Ok(response.status().as_u16())
    }

    /// Closes the peer connection and says nothing over HTTP.
    pub async fn hang_up(self) {
        self.peer.close().await;
    }

    fn request(&self, method: Method) -> RequestBuilder {
        self.http.request(method, &self.session).bearer_auth(&self.token)
    }
}

fn http_error(error: reqwest::Error) -> ClientError {
    ClientError::WebRtc(error.to_string())
}

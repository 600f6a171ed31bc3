//! The demo's cast: who speaks, with which fixtures.

use std::time::Duration;

use client::control::RoomJoin;
use client::{ClientError, Clip, Options, Participant, Publication, Source};

/// One synthetic speaker.
pub(crate) struct Cast {
    /// Name on the plate.
    pub(crate) name: &'static str,
    /// Camera and microphone.
    pub(crate) publications: Vec<Publication>,
}

/// Ada and Luis talk; the clock flashes and beeps, so that sound and picture can be compared.
pub(crate) fn cast() -> anyhow::Result<Vec<Cast>> {
    let ada = Clip::from_ivf(include_bytes!("../../../testdata/media/ada.ivf"))?;
    let luis = Clip::from_h264(include_bytes!("../../../testdata/media/luis.h264"), 25, (640, 360))?;
    let clock = Clip::from_ivf(include_bytes!("../../../testdata/media/clock.ivf"))?;
    Ok(vec![
        speaker("Ada", ada, include_bytes!("../../../testdata/media/ada.ogg"))?,
        speaker("Luis", luis, include_bytes!("../../../testdata/media/luis.ogg"))?,
        speaker("Clock", clock, include_bytes!("../../../testdata/media/clock.ogg"))?,
    ])
}

/// Joins the room and publishes.
pub(crate) async fn publish(
    join: &RoomJoin,
    publications: Vec<Publication>,
) -> Result<Participant, ClientError> {
    let options =
        Options { url: join.room_url.clone(), token: join.room_token.clone(), auto_subscribe: false };
    let mut participant = Participant::join(&options).await?;
    participant.publish(publications).await?;
    Ok(participant)
}

fn speaker(name: &'static str, picture: Clip, sound: &[u8]) -> anyhow::Result<Cast> {
    // Both loops turn together, or lips and words would part.
    let sound = Clip::from_ogg_opus(sound)?.cut_to(LOOP);
    let publication = |name: &str, source, clip| Publication { name: name.to_owned(), source, clip };
    Ok(Cast {
        name,
        publications: vec![
            publication("camera", Source::Camera, picture.cut_to(LOOP)),
            publication("microphone", Source::Microphone, sound),
        ],
    })
}

const LOOP: Duration = Duration::from_secs(10);

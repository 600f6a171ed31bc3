//! The four services as four processes, on PostgreSQL and an S3 server that is not ours.

use std::path::Path;

use testkit::process::Spec;
use testkit::{Postgres, Process, VersityGateway, free_port, wait_for};

use crate::running::{
    PATIENCE, clock_on_stage, end, folder, go_live, place, playlist_until, plays, segments,
};

struct Shared {
    database: String,
    s3: VersityGateway,
    ports: [u16; 4],
    link_port: u16,
}

const SERVICES: [&str; 4] = ["sfu", "mixer", "media", "control-api"];

fn service(shared: &Shared, data: &Path, index: usize) -> Process {
    let url = |index: usize| format!("http://127.0.0.1:{}", shared.ports[index]);
    let spec = Spec::new(env!("CARGO_BIN_EXE_dais"), data.join(format!("{}.log", SERVICES[index])))
        .args([SERVICES[index]])
        .env("DAIS_HTTP_ADDR", format!("127.0.0.1:{}", shared.ports[index]))
        .env("DAIS_DATA_DIR", data.join(SERVICES[index]))
        .env("DAIS_AUTH_KEYS_DIR", data.join("keys"))
        .env("DAIS_SFU_MEDIA_PORT", "0")
        .env("DAIS_SFU_SHARDS", "1")
        .env("DAIS_SFU_LINK_ADDR", format!("127.0.0.1:{}", shared.link_port))
        .env("DAIS_DATABASE_URL", &shared.database)
        .env("DAIS_S3_ENDPOINT", shared.s3.endpoint())
        .env("DAIS_S3_BUCKET", VersityGateway::BUCKET)
        .env("DAIS_S3_ACCESS_KEY", shared.s3.access_key())
        .env("DAIS_S3_SECRET_KEY", shared.s3.secret_key())
        .env("DAIS_SFU_URL", url(0))
        .env("DAIS_MIXER_URL", url(1))
        .env("DAIS_MEDIA_URL", url(2))
        .env("DAIS_CONTROL_API_URL", url(3));
    Process::start(spec).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn four_processes_take_two_stages_to_their_replays() {
    let _alone = testkit::alone();
    let data = folder();
    let shared = Shared {
        database: Postgres::fresh_database(),
        s3: VersityGateway::start().unwrap(),
        ports: [free_port(), free_port(), free_port(), free_port()],
        link_port: free_port(),
    };
    let services: Vec<Process> = (0..4).map(|index| service(&shared, data.path(), index)).collect();
    let url = format!("http://127.0.0.1:{}", shared.ports[3]);
    let token = wait_for("all services", PATIENCE, || {
        for service in &services {
            anyhow::ensure!(service.is_running(), "one ended: {}", service.log());
            anyhow::ensure!(service.log().contains("Dais runs at"), "not yet");
        }
        let log = services[3].log();
        let link = log.lines().find_map(|line| line.split_once("#token="));
        Ok(link.ok_or_else(|| anyhow::anyhow!("no link"))?.1.trim().to_owned())
    })
    .unwrap();
    let organiser = client::control::Organiser::sign_in_with_link(&url, &token).await.unwrap();
    let place_a = place(&organiser).await;
    let mut place_b = place(&organiser).await;
    // Two stages of one event, both with a speaker, both live at once.
    place_b.event_id.clone_from(&place_a.event_id);
    place_b.stage_id = organiser.create_stage(&place_a.event_id, "Second stage").await.unwrap();
    let speakers =
        [clock_on_stage(&url, &organiser, &place_a).await, clock_on_stage(&url, &organiser, &place_b).await];
    let live_a = go_live(&organiser, &place_a.stage_id).await;
    let live_b = go_live(&organiser, &place_b.stage_id).await;
    assert_ne!(live_a, live_b);
    for live in [&live_a, &live_b] {
        playlist_until(live, "three segments", |playlist| segments(playlist) >= 3).await;
    }
    for place in [&place_a, &place_b] {
        plays(&end(&organiser, &place.stage_id).await);
    }
    for speaker in speakers {
        speaker.leave().await;
    }
}

//! `dais doctor`: what this machine lacks, and how to get it.
//!
//! Looks; changes nothing.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;

use crate::args::Settings;

/// One line of the report.
struct Check {
    what: String,
    result: Result<String, String>,
}

/// Runs all checks; true when all is well.
pub(crate) async fn run(settings: &Settings, out: &mut impl std::io::Write) -> std::io::Result<bool> {
    let mut checks = vec![data_dir(&settings.data_dir), http_port(settings.http_addr)];
    checks.extend(media_ports(settings));
    checks.extend(elements());
    checks.push(public_url(settings));
    checks.push(database(settings).await);
    checks.push(storage(settings).await);
    let well = checks.iter().all(|check| check.result.is_ok());
    for check in checks {
        match check.result {
            Ok(found) => writeln!(out, "  ok    {}: {found}", check.what)?,
            Err(problem) => writeln!(out, "  FAIL  {}: {problem}", check.what)?,
        }
    }
    Ok(well)
}

fn check(what: impl Into<String>, result: Result<String, String>) -> Check {
    Check { what: what.into(), result }
}

fn data_dir(dir: &Path) -> Check {
    let result = std::fs::create_dir_all(dir)
        .and_then(|()| tempfile::tempfile_in(dir))
        .map(|_| format!("{} can be written", dir.display()))
        .map_err(|e| format!("{} cannot be written ({e}); set DAIS_DATA_DIR", dir.display()));
    check("data folder", result)
}

fn http_port(addr: SocketAddr) -> Check {
    let result = TcpListener::bind(addr)
        .map(|_| format!("{addr} is free"))
        .map_err(|e| format!("{addr}: {e}; is Dais running already? Else set DAIS_HTTP_ADDR"));
    check("HTTP port", result)
}

fn media_ports(settings: &Settings) -> Vec<Check> {
    let shards = crate::start::shards(settings);
    (0..shards)
        .filter_map(|shard| settings.sfu_media_port.checked_add(u16::try_from(shard).ok()?))
        .map(|port| {
            let udp = UdpSocket::bind(("0.0.0.0", port)).map(drop);
            let tcp = TcpListener::bind(("0.0.0.0", port)).map(drop);
            let result = udp
                .and(tcp)
                .map(|()| format!("{port} is free (UDP and TCP)"))
                .map_err(|e| format!("{port}: {e}; set DAIS_SFU_MEDIA_PORT"));
            check("media port", result)
        })
        .collect()
}

/// Every GStreamer element that a stage needs, with the Debian package that brings it.
const ELEMENTS: &[(&str, &str)] = &[
    ("appsrc", "gstreamer1.0-plugins-base"),
    ("compositor", "gstreamer1.0-plugins-base"),
    ("audiomixer", "gstreamer1.0-plugins-base"),
    ("opusdec", "gstreamer1.0-plugins-base"),
    ("audioconvert", "gstreamer1.0-plugins-base"),
    ("audioresample", "gstreamer1.0-plugins-base"),
    ("audiotestsrc", "gstreamer1.0-plugins-base"),
    ("videotestsrc", "gstreamer1.0-plugins-base"),
    ("videoconvert", "gstreamer1.0-plugins-base"),
    ("videoscale", "gstreamer1.0-plugins-base"),
    ("audiodynamic", "gstreamer1.0-plugins-good"),
    ("vp8dec", "gstreamer1.0-plugins-good"),
    ("level", "gstreamer1.0-plugins-good"),
    ("h264parse", "gstreamer1.0-plugins-bad"),
    ("aacparse", "gstreamer1.0-plugins-good"),
    ("x264enc", "gstreamer1.0-plugins-ugly"),
    ("avdec_h264", "gstreamer1.0-libav"),
    ("avenc_aac", "gstreamer1.0-libav"),
    ("textoverlay", "gstreamer1.0-x"),
];

fn elements() -> Vec<Check> {
    if let Err(error) = gst::init() {
        return vec![check("GStreamer", Err(format!("{error}; install libgstreamer1.0-0")))];
    }
    let mut packages: Vec<&str> = ELEMENTS
        .iter()
        .filter(|(element, _)| gst::ElementFactory::find(element).is_none())
        .map(|&(_, package)| package)
        .collect();
    packages.sort_unstable();
    packages.dedup();
    let result = if packages.is_empty() {
        Ok(format!("{} and all {} elements", gst::version_string(), ELEMENTS.len()))
    } else {
        Err(format!("elements are missing: apt-get install {}", packages.join(" ")))
    };
    vec![check("GStreamer", result)]
}

fn public_url(settings: &Settings) -> Check {
    let result = match crate::start::public_url_warning(settings) {
        None => Ok(settings.public_url.clone().unwrap_or_else(|| "the HTTP address".to_owned())),
        Some(warning) => Err(warning),
    };
    check("public URL", result)
}

async fn database(settings: &Settings) -> Check {
    if settings.database_url.is_none() {
        return check("database", Ok("SQLite in the data folder".to_owned()));
    }
    let result = crate::wiring::database(settings, "doctor")
        .map_err(anyhow::Error::new)
        .map(|location| async move { location.ping().await });
    let result = match result {
        Ok(answer) => answer.await.map_err(anyhow::Error::new),
        Err(error) => Err(error),
    };
    let result = result
        .map(|()| "PostgreSQL answers".to_owned())
        .map_err(|e| format!("{e:#}; check DAIS_DATABASE_URL"));
    check("database", result)
}

async fn storage(settings: &Settings) -> Check {
    let Some(endpoint) = &settings.s3_endpoint else {
        return check("storage", Ok("embedded, in the data folder".to_owned()));
    };
    let bucket = bucket::Bucket::new(&crate::wiring::external_bucket(settings, endpoint));
    let result = bucket
        .ping()
        .await
        .map(|()| format!("bucket {} answers", settings.s3_bucket))
        .map_err(|e| format!("{:#}; check DAIS_S3_*", anyhow::Error::new(e)));
    check("storage", result)
}

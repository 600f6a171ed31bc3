//! What the demo tells: sentences for people, or one JSON line a step for programs.

use std::io::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

/// Where steps are told.
pub(crate) struct Report {
    json: bool,
}

impl Report {
    /// With `json`, standard output carries only JSON lines, and sentences go to standard error.
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// A sentence about a step.
    pub(crate) fn say(&self, sentence: &str) {
        if self.json {
            tracing::info!("{sentence}");
        } else {
            print(&format!("demo: {sentence}"));
        }
    }

    /// The stage is live.
    pub(crate) fn live(&self, watch_url: &str, hls_url: &str, control_url: &str, after: Duration) {
        let step = json!({
            "step": "live", "watch_url": watch_url, "hls_url": hls_url, "control_url": control_url,
            "seconds_after_go_live": seconds(after),
        });
        self.step(
            &step,
            &format!(
                "live after {:.1} s\n  watch    {watch_url}\n  control  {control_url}\n  HLS      {hls_url}",
                after.as_secs_f64()
            ),
        );
    }

    /// The replay plays.
    pub(crate) fn replay(&self, watch_url: &str, hls_url: &str, duration: Duration, after_end: Duration) {
        let step = json!({
            "step": "replay", "watch_url": watch_url, "hls_url": hls_url,
            "duration_s": seconds(duration), "seconds_after_end": seconds(after_end),
        });
        self.step(
            &step,
            &format!(
                "the replay of {:.1} s plays, {:.1} s after the end\n  watch    {watch_url}\n  HLS      {hls_url}",
                duration.as_secs_f64(),
                after_end.as_secs_f64()
            ),
        );
    }

    fn step(&self, step: &Value, sentence: &str) {
        if self.json {
            print(&step.to_string());
        } else {
            self.say(sentence);
        }
    }
}

fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever closed our output does not want to read it.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

//! What a run found, as text and as a value for programs.

use serde::Serialize;

/// Figures of one run. `None`: it was not asked for, or there was nothing to measure.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Who published to whom.
    pub shape: String,
    /// Everybody in the room.
    pub participants: usize,
    /// How long packets were measured.
    pub measured_s: f64,
    /// Media packets that all subscribers received.
    pub packets: u64,
    /// Of these, per second.
    pub packets_per_second: f64,
    /// Packets missing in the middle of a stream, in percent of all that were sent.
    pub lost_percent: f64,
    /// From a packet's send call to its receive call, both in this process.
    pub delay_p50_ms: Option<f64>,
    /// The same.
    pub delay_p99_ms: Option<f64>,
    /// From opening the signalling socket to the first packet of media.
    pub first_packet_p50_ms: Option<f64>,
    /// The same.
    pub first_packet_p95_ms: Option<f64>,
    /// Share of one core that the generator's media thread used; above 0.8 it measures itself.
    pub generator_core: f64,
    /// The server's process.
    pub server: Option<ServerReport>,
}

/// What the server's process used.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ServerReport {
    /// Processor time of the joins (all threads), divided by the participants. Media that already flows
    /// while others join is in it: without publishers it is the join alone.
    pub cpu_per_join_ms: f64,
    /// Share of one core while packets were measured.
    pub core: f64,
    /// Processor time divided by the packets that subscribers received.
    pub cpu_per_packet_us: Option<f64>,
    /// The same, as packets of one core in a second.
    pub packets_per_core_second: Option<f64>,
    /// Resident memory before the first join.
    pub rss_before_mb: f64,
    /// Resident memory at the end.
    pub rss_mb: f64,
    /// What it grew by, divided by the participants.
    pub rss_per_participant_kb: f64,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let or_none =
            |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        writeln!(f, "{} ({} participants, {:.0} s)", self.shape, self.participants, self.measured_s)?;
        writeln!(
            f,
            "  received       {} packets, {:.0}/s, {:.3} % lost",
            self.packets, self.packets_per_second, self.lost_percent
        )?;
        writeln!(
            f,
            "  delay          p50 {} ms, p99 {} ms",
            or_none(self.delay_p50_ms),
            or_none(self.delay_p99_ms)
        )?;
        writeln!(
            f,
            "  first packet   p50 {} ms, p95 {} ms after the join began",
            or_none(self.first_packet_p50_ms),
            or_none(self.first_packet_p95_ms)
        )?;
        writeln!(f, "  generator      {:.2} of a core", self.generator_core)?;
        let Some(server) = &self.server else { return Ok(()) };
        writeln!(
            f,
            "  server         {:.2} of a core, {} µs per packet, {:.0} packets per core-second",
            server.core,
            or_none(server.cpu_per_packet_us),
            server.packets_per_core_second.unwrap_or_default()
        )?;
        writeln!(
            f,
            "  server memory  {:.1} MB, {:.0} KB per participant (before: {:.1} MB)",
            server.rss_mb, server.rss_per_participant_kb, server.rss_before_mb
        )?;
        writeln!(f, "  joins          {:.2} ms processor time each", server.cpu_per_join_ms)
    }
}

//! Every metric of the SFU, named in this one place; no label holds a participant, room or track.

use std::fmt::Write;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use sfu_core::shard::ShardStats;

use crate::service::Shared;

/// All figures of all shards in Prometheus' text format.
pub(crate) fn render(shared: &Shared) -> String {
    let mut sum = ShardStats::default();
    for shard in &shared.shards {
        let stats = shard.figures().stats.lock().unwrap_or_else(PoisonError::into_inner).clone();
        add(&mut sum, &stats);
    }
    let total = |pick: fn(&crate::shard::Figures) -> &AtomicU64| -> u64 {
        shared.shards.iter().map(|shard| pick(shard.figures()).load(Ordering::Relaxed)).sum()
    };
    let mut text = String::new();
    // `sfu_forwarded_packets_total` (RTP with retransmissions, no RTCP, STUN or padding) is the media path's
    // count of packets and of retransmissions together.
    for (name, value) in sum.media.iter() {
        let value = if name == "forwarded_packets" { value + sum.media.forward.rtx } else { value };
        counter(&mut text, name, value);
    }
    let [received, sent, refused] = sum.messages;
    for (name, value) in [
        ("received_messages", received),
        ("sent_messages", sent),
        ("dropped_messages", refused),
        ("dropped_datagrams", sum.dropped_datagrams),
        ("transport_panics", sum.panics),
        ("room_panics", sum.room_panics),
        ("relayed_packets", sum.relay.packets),
        ("dropped_relay_packets", sum.relay.dropped),
        ("joins", sum.joins),
        ("resumes", sum.resumes),
        ("received_datagrams", total(|f| &f.received_datagrams)),
        ("sent_datagrams", total(|f| &f.sent_datagrams)),
        ("sent_runs", total(|f| &f.sent_runs)),
        ("send_calls", total(|f| &f.send_calls)),
        ("turns", total(|f| &f.turns)),
        ("send_failures", total(|f| &f.send_failures)),
        ("dropped_tcp_packets", total(|f| &f.tcp_dropped)),
        ("cut_signal_connections", total(|f| &f.words_dropped)),
    ] {
        counter(&mut text, name, value);
    }
    let turn = &shared.turn;
    for (name, value) in turn.counters.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        counter(&mut text, name, value);
    }
    counter(&mut text, "turn_dropped_tcp_messages", turn.dropped.load(Ordering::Relaxed));
    counter(&mut text, "turn_refused_tcp_connections", turn.refused.load(Ordering::Relaxed));
    counter(&mut text, "turn_lost_departures", turn.lost_departures.load(Ordering::Relaxed));
    gauge(&mut text, "turn_open_allocations", turn.allocations.load(Ordering::Relaxed));
    gauge(&mut text, "turn_tcp_connections", turn.connections.load(Ordering::Relaxed));
    let webhooks = &shared.webhooks;
    for (name, value) in [
        ("delivered_webhooks", &webhooks.delivered),
        ("failed_webhook_attempts", &webhooks.failures),
        ("given_up_webhooks", &webhooks.given_up),
        ("dropped_webhooks", &webhooks.dropped),
        ("webhook_journal_failures", &webhooks.journal_failures),
    ] {
        counter(&mut text, name, value.load(Ordering::Relaxed));
    }
    gauge(&mut text, "waiting_webhooks", webhooks.waiting.load(Ordering::Relaxed));
    for (name, value) in [
        ("rooms", sum.rooms),
        ("participants", sum.participants),
        ("away_participants", sum.away_participants),
        ("transports", sum.transports),
        ("publications", sum.publications),
        ("subscriptions", sum.subscriptions),
        ("shards", shared.shards.len()),
    ] {
        gauge(&mut text, name, u64::try_from(value).unwrap_or(u64::MAX));
    }
    gauge(&mut text, "http_sessions", u64::try_from(shared.sessions.len()).unwrap_or(u64::MAX));
    gauge(&mut text, "tcp_connections", total(|f| &f.tcp_connections));
    text
}

fn add(sum: &mut ShardStats, stats: &ShardStats) {
    sum.media.receive.add(&stats.media.receive);
    sum.media.forward.add(&stats.media.forward);
    for (total, count) in sum.messages.iter_mut().zip(stats.messages) {
        *total += count;
    }
    sum.dropped_datagrams += stats.dropped_datagrams;
    sum.panics += stats.panics;
    sum.room_panics += stats.room_panics;
    sum.relay.packets += stats.relay.packets;
    sum.relay.dropped += stats.relay.dropped;
    sum.joins += stats.joins;
    sum.resumes += stats.resumes;
    sum.rooms += stats.rooms;
    sum.participants += stats.participants;
    sum.away_participants += stats.away_participants;
    sum.transports += stats.transports;
    sum.publications += stats.publications;
    sum.subscriptions += stats.subscriptions;
}

fn counter(text: &mut String, name: &str, value: u64) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# TYPE sfu_{name}_total counter\nsfu_{name}_total {value}");
}

fn gauge(text: &mut String, name: &str, value: u64) {
    let _ = writeln!(text, "# TYPE sfu_{name} gauge\nsfu_{name} {value}");
}

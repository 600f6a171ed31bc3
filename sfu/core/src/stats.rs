//! Counters of the media path as plain numbers; the edge gives them their metric names.
//!
//! Every drop has its own counter. A shard owns one [`MediaCounters`] and passes it down; nothing is shared
//! between threads.

/// What a shard did with packets since it started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaCounters {
    /// Receiving from publishers.
    pub receive: ReceiveCounters,
    /// Sending to subscribers.
    pub forward: ForwardCounters,
}

impl MediaCounters {
    /// Name (without prefix and `_total`) and value of every counter, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.receive.iter().chain(self.forward.iter())
    }
}

macro_rules! counters {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident => $metric:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: u64,)*
        }

        impl $name {
            /// Name (without prefix and `_total`) and value of every counter, in a fixed order.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$(($metric, self.$field),)*].into_iter()
            }

            /// Adds the counts of `other`, for sums over shards.
            pub fn add(&mut self, other: &Self) {
                $(self.$field += other.$field;)*
            }
        }
    };
}

counters! {
    /// The publishers' side.
    ReceiveCounters {
        /// Packets that entered a ring.
        packets => "received_packets",
        /// Bytes of them, headers included.
        bytes => "received_bytes",
        /// Retransmissions that filled a gap.
        recovered => "received_rtx_recovered_packets",
        /// Retransmissions of packets that were there, or too old.
        rtx_useless => "received_rtx_useless_packets",
        /// Packets with padding only.
        padding_only => "received_padding_packets",
        /// Packets that came twice.
        duplicate => "dropped_duplicate_packets",
        /// Packets older than the window in which late ones are taken.
        too_old => "dropped_old_packets",
        /// Not RTP, or lengths that contradict each other.
        malformed => "dropped_malformed_packets",
        /// A source that no section announces.
        unknown_ssrc => "dropped_unknown_ssrc_packets",
        /// More sources than a transport may have.
        too_many_ssrcs => "dropped_excess_ssrc_packets",
        /// A payload type that its section does not have.
        unknown_payload_type => "dropped_unknown_payload_type_packets",
        /// A payload larger than the ring takes.
        oversized => "dropped_oversized_packets",
        /// RTCP packets with a wrong length.
        malformed_rtcp => "dropped_malformed_rtcp_packets",
        /// Sequence numbers asked for again.
        nacks => "sent_nacked_packets",
        /// Keyframe requests sent to publishers.
        plis => "sent_keyframe_requests",
        /// Keyframes that began.
        keyframes => "received_keyframes",
    }
}

counters! {
    /// The subscribers' side.
    ForwardCounters {
        /// Packets sent on, each subscriber counted.
        packets => "forwarded_packets",
        /// Bytes of them, as they leave in the datagram.
        bytes => "forwarded_bytes",
        /// Of them, sound rebuilt from RED.
        red_recovered => "forwarded_red_recovered_packets",
        /// Packets without media that keep a promised sequence number.
        fillers => "forwarded_filler_packets",
        /// Switches from one encoding to another.
        switches => "forwarded_layer_switches",
        /// Frames of a higher temporal layer left out.
        temporal_skipped => "skipped_temporal_packets",
        /// Packets of other layers of a scalable stream left out.
        layers_skipped => "skipped_layer_packets",
        /// Late packets from before a switch.
        before_switch => "dropped_before_switch_packets",
        /// Packets whose number had been sent.
        already_sent => "dropped_already_sent_packets",
        /// Packets so late that their number is no longer known, or may have been used.
        forgotten => "dropped_forgotten_packets",
        /// Packets that were overwritten in the ring before they were forwarded.
        overwritten => "dropped_overwritten_packets",
        /// Packets that had no room in the send arena.
        arena_full => "dropped_arena_full_packets",
        /// Packets that waited for the pacer.
        held => "held_packets",
        /// Packets that waited so long that they were given up for a keyframe.
        held_too_long => "dropped_held_packets",
        /// Packets that could not be sealed or written.
        unsealed => "dropped_unsealed_packets",
        /// Sequence numbers that subscribers asked for.
        nacks => "received_nacked_packets",
        /// Retransmissions sent.
        rtx => "sent_rtx_packets",
        /// Retransmissions refused because the budget was used up.
        rtx_over_budget => "dropped_rtx_over_budget_packets",
        /// Asked for again before the last answer could arrive.
        rtx_under_way => "dropped_rtx_under_way_packets",
        /// Asked for, but gone from the ring or never sent.
        rtx_missing => "dropped_rtx_missing_packets",
        /// Packets sent to measure the bandwidth.
        probes => "sent_probe_packets",
        /// Keyframe requests from subscribers.
        keyframe_requests => "received_keyframe_requests",
        /// Transport-wide feedback messages.
        feedbacks => "received_transport_feedbacks",
        /// RTCP packets with a wrong length.
        malformed_rtcp => "dropped_malformed_subscriber_rtcp_packets",
    }
}
counters! {
    /// A TURN server.
    TurnCounters {
        /// Allocations that were made.
        allocations => "turn_allocations",
        /// Allocations that a quota or a missing port refused.
        refused_allocations => "turn_refused_allocations",
        /// Allocations that ended because their participant left.
        ended_allocations => "turn_ended_allocations",
        /// Permissions and channels towards addresses that no relay may reach.
        refused_peers => "turn_refused_peers",
        /// Requests with a signature or nonce that does not count.
        strangers => "turn_refused_signatures",
        /// Answers to clients that did not say who they are; each client starts so.
        challenges => "turn_challenges",
        /// The same, not given: too many in a second to one address.
        dropped_challenges => "turn_dropped_challenges",
        /// Datagrams for peers.
        packets_to_peers => "turn_packets_to_peers",
        /// Bytes of them.
        bytes_to_peers => "turn_bytes_to_peers",
        /// Datagrams for clients.
        packets_to_clients => "turn_packets_to_clients",
        /// Bytes of them.
        bytes_to_clients => "turn_bytes_to_clients",
        /// Datagrams beyond an allocation's bytes per second, or longer than any may be.
        over_rate => "turn_dropped_excess_packets",
        /// Datagrams without a permission or a channel.
        not_permitted => "turn_dropped_unpermitted_packets",
        /// What is no TURN message.
        malformed => "turn_dropped_malformed_messages",
    }
}

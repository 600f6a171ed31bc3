//! What one participant may do, from its token and from administrators' changes.

use super::message::Source;

/// Rights of a participant inside one room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "LiveKit's grants are independent rights, not states")]
pub struct Permission {
    /// May receive tracks.
    pub can_subscribe: bool,
    /// May publish tracks.
    pub can_publish: bool,
    /// May send messages on data channels.
    pub can_publish_data: bool,
    /// Sources that it may publish; empty: every one.
    pub sources: Vec<Source>,
    /// Nobody sees it.
    pub hidden: bool,
    /// It records.
    pub recorder: bool,
    /// It is an agent.
    pub agent: bool,
    /// May change its own name, metadata and attributes.
    pub can_update_metadata: bool,
    /// May receive metrics of others.
    pub can_subscribe_metrics: bool,
}

impl Permission {
    /// Everything that an ordinary speaker may do.
    #[must_use]
    pub fn speaker() -> Self {
        Self {
            can_subscribe: true,
            can_publish: true,
            can_publish_data: true,
            sources: Vec::new(),
            hidden: false,
            recorder: false,
            agent: false,
            can_update_metadata: false,
            can_subscribe_metrics: false,
        }
    }

    /// A hidden receiver.
    #[must_use]
    pub fn listener() -> Self {
        Self { can_publish: false, can_publish_data: false, hidden: true, ..Self::speaker() }
    }

    /// Whether a track of this source may be published.
    #[must_use]
    pub fn may_publish(&self, source: Source) -> bool {
        self.can_publish && (self.sources.is_empty() || self.sources.contains(&source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_sources_close_every_other() {
        let permission = Permission { sources: vec![Source::Microphone], ..Permission::speaker() };
        assert!(permission.may_publish(Source::Microphone));
        assert!(!permission.may_publish(Source::Camera));
        assert!(!Permission::listener().may_publish(Source::Microphone));
    }
}

//! The people of the mesh, by what happens to a direct message for them.

/// What becomes of a text sent to somebody's radio.
///
/// Packets between a radio that bridges attach to and a person are not lost by chance: what happens to a text is what the
/// kind of person says, so that a test can rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Person {
    /// Their radio acknowledges, and a little later they answer, naming the packet.
    Answers,
    /// Their radio acknowledges, and they say nothing.
    Silent,
    /// Their radio is switched off: nobody relays the text, and the sender's radio gives up.
    Off,
    /// They are out of reach but for a relay: the relay is heard first, then their radio's acknowledgement.
    BehindRelay,
    /// As behind a relay, but switched off: the relay is heard, and then nothing, not even a failure.
    OffBehindRelay,
    /// Their radio has no such channel, and says so (NO_CHANNEL).
    Refuses,
    /// Their radio does not know the sender's key, and says so (PKI_UNKNOWN_PUBKEY).
    RefusesKey,
    /// They are shown the text at once, but the acknowledgement comes three minutes after the sender's radio gave up.
    LateAck,
    /// They are shown the text at once, but all that is heard of them is an answer three minutes after that.
    LateAnswer,
    /// Their radio's first acknowledgement is lost; the text is sent again, known again, and acknowledged again.
    Faint,
    /// They are switched off, and the [`Person::Forger`] acknowledges in its own name.
    AckedByAnother,
    /// They are switched off, and an acknowledgement in their name comes over MQTT: once by a gateway that put it on the
    /// air, once by the radio's own connection to a broker.
    AckedOverMqtt,
    /// Their radio acknowledges the first text it ever gets and is then switched off; for each later text the
    /// [`Person::Forger`] sends that acknowledgement again.
    AckReplayed,
    /// They are switched off, and the text itself comes back to the radio over MQTT, which passes for an implicit
    /// acknowledgement.
    EchoedOverMqtt,
    /// No radio knows their key, so none sends them anything.
    NoKey,
    /// The third radio, which forges acknowledgements for texts to others. It acknowledges what it gets itself.
    Forger,
}

impl Person {
    /// One of each.
    pub const ALL: [Self; 16] = [
        Self::Answers,
        Self::Silent,
        Self::Off,
        Self::BehindRelay,
        Self::OffBehindRelay,
        Self::Refuses,
        Self::RefusesKey,
        Self::LateAck,
        Self::LateAnswer,
        Self::Faint,
        Self::AckedByAnother,
        Self::AckedOverMqtt,
        Self::AckReplayed,
        Self::EchoedOverMqtt,
        Self::NoKey,
        Self::Forger,
    ];

    /// Tells whether nothing ever reaches them.
    pub(crate) const fn is_off(self) -> bool {
        match self {
            Self::Off | Self::OffBehindRelay | Self::AckedByAnother | Self::AckedOverMqtt | Self::EchoedOverMqtt => true,
            Self::Answers
            | Self::Silent
            | Self::BehindRelay
            | Self::Refuses
            | Self::RefusesKey
            | Self::LateAck
            | Self::LateAnswer
            | Self::Faint
            | Self::AckReplayed
            | Self::NoKey
            | Self::Forger => false,
        }
    }

    /// Tells whether the way to them leads over a relay.
    pub(crate) const fn is_behind_relay(self) -> bool {
        matches!(self, Self::BehindRelay | Self::OffBehindRelay)
    }
}

//! What can be wrong with a bridge: a stable word, a sentence, and what to do about it.
//!
//! The same findings are in the status that goes to the cloud, in `kosmo bridge status`, and in `kosmo doctor`.

use serde::{Deserialize, Serialize};

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It works in part.
    Limited,
    /// It does not do what it is there for.
    Broken,
}

macro_rules! troubles {
    ($($(#[$doc:meta])* $variant:ident $severity:ident $code:literal $remedy:literal;)*) => {
        /// What can be wrong with a bridge.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Trouble { $($(#[$doc])* $variant,)* }

        impl Trouble {
            /// Everything that can be wrong.
            pub const ALL: [Self; [$(Self::$variant),*].len()] = [$(Self::$variant),*];

            /// Returns the stable word for it.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// Returns how bad it is.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// Returns what to do about it.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
}

troubles! {
    /// There is none where it should be.
    NoRadio Broken "no_radio" "plug the radio in with a cable that carries data, or correct its address; `dmesg | tail` shows whether this machine sees it";
    /// Several devices may be it.
    SeveralRadios Broken "several_radios" "name one: `serial:/dev/serial/by-id/…` stays the same wherever it is plugged in";
    /// Another program of this machine has its port.
    RadioBusy Broken "radio_busy" "end the other program (`fuser -v DEVICE` names it); ModemManager is best removed from a machine with a radio";
    /// This user may not open its port.
    NoPermission Broken "no_permission" "`usermod -aG dialout USER`, then start the bridge again";
    /// Another client takes its only place.
    RadioTaken Broken "radio_taken" "close the app or the second bridge that uses this radio's network port; let apps connect to the bridge's `--share` address instead";
    /// It takes or gives no bytes though its link stands.
    RadioStalled Broken "radio_stalled" "nothing to do if it comes back by itself; else press its reset button or pull its power";
    /// Its connection ended.
    RadioLost Broken "radio_lost" "nothing to do if it comes back by itself; if it recurs, look at its power supply";
    /// What comes from it makes no sense.
    WrongBaud Broken "wrong_baud" "a radio's console speaks 115200; its serial module has a speed of its own: write it behind the device as `?baud=38400`, or set it to 115200";
    /// Nothing comes from it.
    RadioMute Broken "radio_mute" "is it a Meshtastic radio, and is its serial console enabled (`meshtastic --set security.serial_enabled true`)? Then press its reset button";
    /// It is locked with a passphrase.
    RadioLocked Broken "radio_locked" "switch its lockdown off in the Meshtastic app: each connection to a locked radio wants the passphrase, and a bridge has none";
    /// The handshake is being done.
    RadioConnecting Limited "radio_connecting" "wait half a minute";
    /// It has no region.
    RegionUnset Broken "region_unset" "`meshtastic --set lora.region EU_868` (or yours), with the bridge stopped, or in the app";
    /// It is set not to send.
    TransmitOff Limited "transmit_off" "`meshtastic --set lora.tx_enabled true`, with the bridge stopped, or in the app";
    /// It has no primary channel.
    NoPrimaryChannel Broken "no_primary_channel" "set up channel 0 as the mesh has it: scan the channels' QR code of another node with the app";
    /// It relays nothing.
    ClientMute Note "client_mute" "right beside a router; else `meshtastic --set device.role CLIENT`";
    /// It transmits under an amateur licence.
    Licensed Limited "licensed" "`meshtastic --set-owner NAME` ends the mode, and the channels need their keys again; or sell no plan for this bridge";
    /// Its clock is far from this machine's.
    RadioClock Note "radio_clock" "a radio without GPS takes its time from the app; the bridge does without";
    /// It is another one than before.
    OtherRadio Note "other_radio" "nothing, if it was replaced; else somebody swapped it, or its firmware gave it another number";
    /// It takes no packets.
    QueueStuck Limited "queue_stuck" "the channel is full, or the radio cannot send: look at its antenna and at `lora.region`, and restart it";
    /// This machine does not know the time.
    Clock Limited "clock" "`timedatectl` shows whether the time is synchronised; a Pi without network needs a clock module";
    /// The broker takes the login for wrong.
    BrokerRefused Broken "broker_refused" "compare name and secret file with what `kosmo bridge add` printed; `kosmo bridge list` on the server shows whether it was revoked";
    /// The broker cannot be reached.
    BrokerAway Limited "broker_away" "nothing, if the network comes back; what is heard is kept. Else compare `mqtt.url` with the server's address and port";
    /// The broker keeps answers back.
    NoAnswers Broken "no_answers" "let the login read `kosmo/bridge/NAME/ack`: `kosmo bridge add` writes the rules for Mosquitto";
    /// The broker keeps offers back.
    NoOffers Limited "no_offers" "let the login read `kosmo/mesh/outbound/+`: `kosmo bridge add` writes the rules for Mosquitto";
    /// The radio wants its MQTT carried, and nobody does.
    ProxyMissing Note "proxy_missing" "name a broker for it in a `[[bridge.proxy]]` of the settings, or switch the radio's MQTT module off";
    /// The broker for the radio's MQTT cannot be reached, or refuses its login.
    ProxyAway Limited "proxy_away" "nothing, if the network comes back. Else compare `url`, `login` and password of its `[[bridge.proxy]]` with what the broker knows";
    /// The broker for the radio's MQTT keeps something back.
    ProxyDeaf Limited "proxy_deaf" "let its login read what its channels take: on a KosmoConnect server `kosmo uplink add NAME --node NODE --downlink`; or switch *downlink* off";
    /// The spool cannot be written.
    DiskFull Broken "disk_full" "make room on the disk: `df -h` and `du -xsh /var/*` show where it went";
    /// Old telemetry is being dropped.
    SpoolAtCap Limited "spool_at_cap" "bring the connection to the broker back, or give the spool more room with `bridge.spool_max_mb`";
    /// It does not run.
    NotRunning Broken "not_running" "`systemctl start kosmo-bridge`; `journalctl -u kosmo-bridge -n 50` says why it ended";
}

/// Something that is wrong, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub trouble: Trouble,
    /// What is wrong, in a sentence without a full stop.
    pub says: String,
}

impl Finding {
    /// Returns a finding in these words.
    pub fn new(trouble: Trouble, says: impl Into<String>) -> Self {
        Self { trouble, says: says.into() }
    }

    /// Returns it as it is shown.
    pub fn shown(&self) -> Shown {
        let Self { trouble, says } = self;
        Shown { code: trouble.code().to_owned(), severity: trouble.severity(), says: says.clone(), remedy: trouble.remedy().to_owned() }
    }
}

/// A finding as it is shown, and as it travels between programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The stable word for what is wrong.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub says: String,
    /// What to do about it.
    pub remedy: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_trouble_has_a_word_of_its_own_and_a_remedy() {
        let words: BTreeSet<_> = Trouble::ALL.map(Trouble::code).into();
        assert_eq!(words.len(), Trouble::ALL.len());
        for trouble in Trouble::ALL {
            assert!(trouble.remedy().len() > 10 && !trouble.remedy().ends_with('.'), "{}", trouble.code());
        }
    }
}

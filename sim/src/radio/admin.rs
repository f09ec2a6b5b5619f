//! Administration of a radio (`AdminModule.cpp`): by its own client, which is trusted, and by other nodes, which need a key
//! that the radio was given and a passkey of the session.

use crate::{
    noise,
    radio::{
        Moment, Radio, config,
        requests::outcome,
        settings::{Effect, NotKept},
    },
};
use kosmo_domain::Uptime;
use kosmo_meshtastic::{
    Message as _,
    admin::is_question,
    proto::{
        self, PortNum, admin_message::PayloadVariant as Admin, config::PayloadVariant as Section, mesh_packet::PayloadVariant,
        routing::Error,
    },
};
use std::time::Duration;

/// How long firmware waits before it restarts for a change (`DEFAULT_REBOOT_SECONDS`).
const BEFORE_RESTART: Duration = Duration::from_secs(7);
/// The longest wait before a restart that a client can ask for here.
const LONGEST_WAIT: Duration = Duration::from_hours(24);
/// How long a passkey is good for, and from what age on a new one is given out.
const PASSKEY_VALID: Duration = Duration::from_mins(5);
const PASSKEY_FRESH: Duration = Duration::from_secs(150);
const STREAM_PASSKEY: u64 = 75;

/// What administration leaves behind between two packets.
#[derive(Debug, Default)]
pub(crate) struct Office {
    passkey: Option<(Uptime, [u8; 8])>,
    /// Changes are gathered, and a restart for them waits.
    editing: bool,
    owes_restart: bool,
    restart_at: Option<Uptime>,
}

/// What comes of a message.
enum Outcome {
    Done(Effect),
    Refused(Error),
}

impl Office {
    /// Returns when the radio restarts, if it will.
    pub(crate) fn restart_at(&self) -> Option<Uptime> {
        self.restart_at
    }
}

impl Radio {
    /// Takes an administrative message of a packet for this radio, and returns the answer's content, if there is one.
    pub(crate) fn administer(&mut self, packet: &proto::MeshPacket, data: &proto::Data, now: Moment) -> Option<proto::Data> {
        let refused = |error| Some(outcome(error));
        let Ok(message) = proto::AdminMessage::decode(&data.payload[..]) else { return refused(Error::BadRequest) };
        let asked = message.payload_variant?;
        if packet.from != self.identity.number {
            if !packet.pki_encrypted || !self.settings.admin_keys().contains(&packet.public_key) {
                return refused(Error::AdminPublicKeyUnauthorized);
            }
            if !is_question(&asked) && !self.office.knows(&message.session_passkey, now.at) {
                return refused(Error::AdminBadSessionKey);
            }
        }
        if is_question(&asked) {
            let Some(answer) = self.answer(&asked) else { return refused(Error::BadRequest) };
            let session_passkey = self.passkey(now.at).to_vec();
            let message = proto::AdminMessage { session_passkey, payload_variant: Some(answer) };
            return Some(proto::Data { portnum: PortNum::AdminApp.into(), payload: message.encode_to_vec(), ..Default::default() });
        }
        match self.carry_out(asked, now) {
            Outcome::Done(effect) => {
                if effect == Effect::AfterRestart {
                    self.restart_for_change(now.at);
                }
                self.apply_settings();
                data.want_response.then(|| outcome(Error::None))
            }
            Outcome::Refused(error) => refused(error),
        }
    }

    /// Is set up at its own buttons, or by whoever had it before: at once, and without a restart.
    pub(crate) fn set_up(&mut self, change: Admin, now: Moment) {
        self.carry_out(change, now);
        self.apply_settings();
    }

    /// Returns the answer to a question, if there is one.
    fn answer(&self, asked: &Admin) -> Option<Admin> {
        let settings = &self.settings;
        Some(match *asked {
            Admin::GetOwnerRequest(_) => Admin::GetOwnerResponse(self.identity.user.clone()),
            // Numbered from one, so that none is told from the first.
            Admin::GetChannelRequest(number) => {
                Admin::GetChannelResponse(settings.channels().get(usize::try_from(number).ok()?.checked_sub(1)?)?.clone())
            }
            Admin::GetConfigRequest(kind) => Admin::GetConfigResponse(settings.sections().get(usize::try_from(kind).ok()?)?.clone()),
            Admin::GetModuleConfigRequest(kind) => {
                Admin::GetModuleConfigResponse(settings.modules().get(usize::try_from(kind).ok()?)?.clone())
            }
            Admin::GetCannedMessageModuleMessagesRequest(_) => Admin::GetCannedMessageModuleMessagesResponse(settings.canned().to_owned()),
            Admin::GetRingtoneRequest(_) => Admin::GetRingtoneResponse(settings.ringtone().to_owned()),
            Admin::GetDeviceMetadataRequest(_) => Admin::GetDeviceMetadataResponse(config::metadata(self.firmware)),
            Admin::GetUiConfigRequest(_) => Admin::GetUiConfigResponse(settings.screen().clone()),
            Admin::GetDeviceConnectionStatusRequest(_) => {
                Admin::GetDeviceConnectionStatusResponse(proto::DeviceConnectionStatus::default())
            }
            Admin::GetNodeRemoteHardwarePinsRequest(_) => {
                Admin::GetNodeRemoteHardwarePinsResponse(proto::NodeRemoteHardwarePinsResponse::default())
            }
            _ => return None,
        })
    }

    fn carry_out(&mut self, asked: Admin, now: Moment) -> Outcome {
        let kept = |result: Result<Effect, NotKept>| match result {
            Ok(effect) => Outcome::Done(effect),
            Err(NotKept) => Outcome::Refused(Error::BadRequest),
        };
        let done = Outcome::Done(Effect::AtOnce);
        match asked {
            Admin::SetOwner(user) => self.set_owner(user),
            Admin::SetChannel(channel) => kept(self.settings.set_channel(channel)),
            Admin::SetConfig(config) => kept(config.payload_variant.ok_or(NotKept).and_then(|section| self.set_section(section))),
            Admin::SetModuleConfig(config) => {
                kept(config.payload_variant.ok_or(NotKept).and_then(|module| self.settings.set_module(module)))
            }
            Admin::SetCannedMessageModuleMessages(messages) => kept(self.settings.set_canned(messages)),
            Admin::SetRingtoneMessage(tune) => kept(self.settings.set_ringtone(tune)),
            Admin::StoreUiConfig(screen) => {
                self.settings.set_screen(screen);
                done
            }
            Admin::SetFixedPosition(position) => {
                self.identity.position = position;
                done
            }
            Admin::RemoveFixedPosition(_) => {
                self.identity.position = proto::Position::default();
                done
            }
            Admin::SetTimeOnly(seconds) => {
                self.told_time = Some((now.at, seconds)).filter(|&(_, seconds)| seconds > 0);
                done
            }
            Admin::RemoveByNodenum(number) => {
                self.nodes.forget(number);
                done
            }
            Admin::SetFavoriteNode(number) => self.mark(number, |info| info.is_favorite = true),
            Admin::RemoveFavoriteNode(number) => self.mark(number, |info| info.is_favorite = false),
            Admin::SetIgnoredNode(number) => self.mark(number, |info| info.is_ignored = true),
            Admin::RemoveIgnoredNode(number) => self.mark(number, |info| info.is_ignored = false),
            Admin::ToggleMutedNode(number) => self.mark(number, |info| info.is_muted = !info.is_muted),
            Admin::AddContact(contact) => self.add_contact(contact),
            Admin::BeginEditSettings(_) => {
                self.office.editing = true;
                done
            }
            Admin::CommitEditSettings(_) => {
                self.office.editing = false;
                let owes = std::mem::take(&mut self.office.owes_restart);
                Outcome::Done(if owes { Effect::AfterRestart } else { Effect::AtOnce })
            }
            Admin::NodedbReset(_) => {
                self.nodes.clear();
                Outcome::Done(Effect::AfterRestart)
            }
            Admin::FactoryResetConfig(_) | Admin::FactoryResetDevice(_) => {
                self.settings = self.factory_settings();
                self.nodes.clear();
                Outcome::Done(Effect::AfterRestart)
            }
            Admin::RebootSeconds(seconds) => {
                let wait = u64::try_from(seconds).map(Duration::from_secs).ok();
                self.office.restart_at = wait.map(|wait| now.at.plus(self.pace.of(wait.min(LONGEST_WAIT))));
                done
            }
            // What is left does not show at a client, is an answer, or was given up by firmware.
            _ => Outcome::Refused(Error::BadRequest),
        }
    }

    fn set_owner(&mut self, new: proto::User) -> Outcome {
        if new.long_name.len() > self.firmware.longest_name() || new.short_name.len() > 4 {
            return Outcome::Refused(Error::BadRequest);
        }
        let user = &mut self.identity.user;
        if !new.long_name.is_empty() {
            user.long_name = new.long_name;
        }
        if !new.short_name.is_empty() {
            user.short_name = new.short_name;
        }
        user.is_licensed = new.is_licensed;
        user.is_unmessagable = new.is_unmessagable.or(user.is_unmessagable);
        Outcome::Done(Effect::AtOnce)
    }

    fn set_section(&mut self, section: Section) -> Result<Effect, NotKept> {
        if let Section::Security(security) = &section
            && security.private_key.len() == 32
            && security.public_key.len() == 32
        {
            self.identity.user.public_key.clone_from(&security.public_key);
        }
        if let Section::Device(device) = &section {
            self.identity.user.role = device.role;
        }
        self.settings.set_section(section)
    }

    fn mark(&mut self, number: u32, change: impl FnOnce(&mut proto::NodeInfo)) -> Outcome {
        // Of a node that nobody heard of there is nothing to mark, which firmware passes over.
        self.nodes.change(number, change);
        Outcome::Done(Effect::AtOnce)
    }

    fn add_contact(&mut self, contact: proto::SharedContact) -> Outcome {
        let Some(user) = contact.user.filter(|user| user.public_key.len() == 32) else { return Outcome::Refused(Error::BadRequest) };
        self.nodes.know(proto::NodeInfo { num: contact.node_num, user: Some(user), is_favorite: true, ..Default::default() });
        Outcome::Done(Effect::AtOnce)
    }

    fn restart_for_change(&mut self, now: Uptime) {
        if self.office.editing {
            self.office.owes_restart = true;
        } else {
            self.office.restart_at = Some(now.plus(self.pace.of(BEFORE_RESTART)));
        }
    }

    /// Returns the passkey of the session, a new one if the last is old.
    fn passkey(&mut self, now: Uptime) -> [u8; 8] {
        match self.office.passkey {
            Some((since, passkey)) if now.since(since) < PASSKEY_FRESH => passkey,
            _ => {
                let nanos = u64::try_from(now.0.as_nanos()).unwrap_or(u64::MAX);
                let passkey = noise::hash(u64::from(self.identity.number), &[STREAM_PASSKEY, nanos]).to_le_bytes();
                self.office.passkey = Some((now, passkey));
                passkey
            }
        }
    }

    /// Restarts if it is time to; tells whether it did.
    pub(crate) fn restart_if_due(&mut self, now: Uptime) -> bool {
        let due = self.office.restart_at.is_some_and(|at| at <= now);
        if due {
            self.office = Office::default();
            self.restart();
        }
        due
    }
}

impl Office {
    fn knows(&self, passkey: &[u8], now: Uptime) -> bool {
        self.passkey.is_some_and(|(since, known)| known == passkey && now.since(since) < PASSKEY_VALID)
    }
}

/// Returns the content of a packet that a radio can read.
pub(crate) fn content(packet: &proto::MeshPacket) -> Option<&proto::Data> {
    match &packet.payload_variant {
        Some(PayloadVariant::Decoded(data)) => Some(data),
        Some(PayloadVariant::Encrypted(_)) | None => None,
    }
}

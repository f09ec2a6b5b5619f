//! What a radio keeps in its flash: its configuration, module by module, and its channels. Administration changes it, and
//! it outlives a restart.

use crate::radio::{Identity, config};
use kosmo_meshtastic::{
    airtime::Modem,
    proto::{self, Config, ModuleConfig, channel::Role, config::PayloadVariant as Section, module_config::PayloadVariant as Module},
};
use std::mem::discriminant;

/// The longest list of prepared messages (`cannedmessages.options`) and the longest ringtone (`rtttl.options`).
const MAX_CANNED: usize = 200;
const MAX_RINGTONE: usize = 230;
/// What a radio beeps that was never told otherwise.
const RINGTONE: &str = "24:d=32,o=5,b=565:f6,p,f6,4p,p,f6,p,f6,2p,p,b6,p,b6,p,b6,p,b6,p,b,p,b,p,b,p,b,p,b,p,b,p,b,p,b,1p.,2p.,p";

/// Why a change is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotKept;

/// Whether a change takes effect at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It does.
    AtOnce,
    /// Only a restart brings it.
    AfterRestart,
}

/// The configuration of a radio.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    sections: Vec<Config>,
    modules: Vec<ModuleConfig>,
    channels: Vec<proto::Channel>,
    screen: proto::DeviceUiConfig,
    canned: String,
    ringtone: String,
}

impl Settings {
    /// Returns what a radio comes with.
    pub(crate) fn of_factory(identity: &Identity, preset: &str) -> Self {
        Self {
            sections: config::sections(identity, preset).collect(),
            modules: config::modules().collect(),
            channels: config::channels().collect(),
            screen: config::screen(),
            canned: String::new(),
            ringtone: RINGTONE.to_owned(),
        }
    }

    /// Returns the sections of the configuration, in the firmware's order.
    pub(crate) fn sections(&self) -> &[Config] {
        &self.sections
    }

    /// Returns the configuration of the modules, in the firmware's order.
    pub(crate) fn modules(&self) -> &[ModuleConfig] {
        &self.modules
    }

    /// Returns the eight channels.
    pub(crate) fn channels(&self) -> &[proto::Channel] {
        &self.channels
    }

    /// Returns how its screen is set up.
    pub(crate) fn screen(&self) -> &proto::DeviceUiConfig {
        &self.screen
    }

    /// Returns the prepared messages, separated by bars.
    pub(crate) fn canned(&self) -> &str {
        &self.canned
    }

    /// Returns the tune it plays.
    pub(crate) fn ringtone(&self) -> &str {
        &self.ringtone
    }

    /// Returns how it uses the air.
    pub(crate) fn lora(&self) -> proto::config::LoRaConfig {
        let lora = self.sections.iter().find_map(|section| match &section.payload_variant {
            Some(Section::Lora(lora)) => Some(lora.clone()),
            _ => None,
        });
        lora.unwrap_or_default()
    }

    /// Returns how it publishes.
    pub(crate) fn mqtt(&self) -> proto::module_config::MqttConfig {
        let mqtt = self.modules.iter().find_map(|module| match &module.payload_variant {
            Some(Module::Mqtt(mqtt)) => Some(mqtt.clone()),
            _ => None,
        });
        mqtt.unwrap_or_default()
    }

    /// Returns how it modulates.
    pub(crate) fn modem(&self) -> Modem {
        let lora = self.lora();
        let preset = proto::config::lo_ra_config::ModemPreset::try_from(lora.modem_preset).map(|preset| preset.as_str_name());
        let modem = if lora.use_preset {
            preset.ok().and_then(Modem::from_preset)
        } else {
            Modem::from_parameters(lora.spread_factor, lora.bandwidth, lora.coding_rate)
        };
        modem.unwrap_or(Modem::SLOWEST)
    }

    /// Returns whose owner may set it up from afar.
    pub(crate) fn admin_keys(&self) -> Vec<Vec<u8>> {
        let keys = self.sections.iter().find_map(|section| match &section.payload_variant {
            Some(Section::Security(security)) => Some(security.admin_key.clone()),
            _ => None,
        });
        keys.unwrap_or_default()
    }

    /// Tells whether a channel is set up.
    pub(crate) fn has_channel(&self, index: u32) -> bool {
        let channel = usize::try_from(index).ok().and_then(|index| self.channels.get(index));
        channel.is_some_and(|channel| channel.role != i32::from(Role::Disabled))
    }

    /// Replaces a section of the configuration.
    pub(crate) fn set_section(&mut self, mut new: Section) -> Result<Effect, NotKept> {
        let place = self
            .sections
            .iter_mut()
            .find_map(|section| section.payload_variant.as_mut().filter(|known| discriminant(*known) == discriminant(&new)));
        let Some(known) = place else { return Err(NotKept) };
        if let (Section::Security(new), Section::Security(known)) = (&mut new, &*known)
            && new.private_key.is_empty()
        {
            // Without a key firmware draws a new one; one that is not told is kept, as apps expect that hide it.
            new.private_key.clone_from(&known.private_key);
            new.public_key.clone_from(&known.public_key);
        }
        if let Section::Lora(new) = &mut new {
            new.hop_limit = new.hop_limit.min(7);
        }
        let effect = effect(known, &new);
        *known = new;
        Ok(effect)
    }

    /// Replaces a module's configuration, which takes effect with the next start.
    pub(crate) fn set_module(&mut self, new: Module) -> Result<Effect, NotKept> {
        let place = self
            .modules
            .iter_mut()
            .find_map(|module| module.payload_variant.as_mut().filter(|known| discriminant(*known) == discriminant(&new)));
        *place.ok_or(NotKept)? = new;
        Ok(Effect::AfterRestart)
    }

    /// Replaces a channel. There is one primary channel at any time.
    pub(crate) fn set_channel(&mut self, new: proto::Channel) -> Result<Effect, NotKept> {
        let index = usize::try_from(new.index).ok().filter(|&index| index < self.channels.len()).ok_or(NotKept)?;
        let proto::Channel { settings, role, .. } = new;
        let settings = settings.unwrap_or_default();
        if settings.name.len() > 11 || ![0, 1, 16, 32].contains(&settings.psk.len()) {
            return Err(NotKept);
        }
        if role == i32::from(Role::Primary) {
            for other in self.channels.iter_mut().filter(|other| other.role == i32::from(Role::Primary)) {
                other.role = Role::Secondary.into();
            }
        }
        self.channels[index] = proto::Channel { index: new.index, settings: Some(settings), role };
        Ok(Effect::AtOnce)
    }

    /// Replaces how its screen is set up.
    pub(crate) fn set_screen(&mut self, screen: proto::DeviceUiConfig) {
        self.screen = screen;
    }

    /// Replaces the prepared messages.
    pub(crate) fn set_canned(&mut self, messages: String) -> Result<Effect, NotKept> {
        if messages.len() > MAX_CANNED {
            return Err(NotKept);
        }
        self.canned = messages;
        Ok(Effect::AtOnce)
    }

    /// Replaces the tune it plays.
    pub(crate) fn set_ringtone(&mut self, tune: String) -> Result<Effect, NotKept> {
        if tune.len() > MAX_RINGTONE {
            return Err(NotKept);
        }
        self.ringtone = tune;
        Ok(Effect::AtOnce)
    }
}

/// Returns what firmware's `handleSetConfig` restarts for: whatever touches the hardware.
fn effect(known: &Section, new: &Section) -> Effect {
    let at_once = match (known, new) {
        (Section::Device(known), Section::Device(new)) => {
            (known.button_gpio, known.buzzer_gpio, known.role, known.rebroadcast_mode)
                == (new.button_gpio, new.buzzer_gpio, new.role, new.rebroadcast_mode)
        }
        (Section::Lora(known), Section::Lora(new)) => {
            let modulation = |lora: &proto::config::LoRaConfig| {
                (lora.use_preset, lora.region, lora.modem_preset, lora.bandwidth, lora.spread_factor, lora.coding_rate, lora.tx_power)
            };
            modulation(known) == modulation(new) && known.channel_num == new.channel_num
        }
        (Section::Security(known), Section::Security(new)) => {
            (known.debug_log_api_enabled, known.serial_enabled) == (new.debug_log_api_enabled, new.serial_enabled)
        }
        (Section::Position(_), _) => true,
        _ => known == new,
    };
    if at_once { Effect::AtOnce } else { Effect::AfterRestart }
}

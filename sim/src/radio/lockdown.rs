//! A radio that is locked with a passphrase, which none of its clients here ever gives: it tells who it is and little else, takes no
//! administration, and keeps what it hears to itself (`PhoneAPI.cpp` of 2.8, `getAdminAuthorized`).

use crate::radio::{ONLY_NODES, Radio, Said, Told};
use kosmo_meshtastic::{
    lockdown::Lockdown,
    proto::{self, Config, ModuleConfig, config::PayloadVariant as Section, module_config::PayloadVariant as Module},
};
use std::collections::VecDeque;

impl Radio {
    /// Locks it, or switches that off. It starts anew for either.
    pub(crate) fn lock(&mut self, locked: bool) {
        if self.locked != locked {
            self.locked = locked;
            self.restart();
        }
    }

    /// Returns the handshake of a client that has not given the passphrase.
    pub(super) fn locked_handshake(&self, nonce: u32) -> VecDeque<Told> {
        let own = Said::NodeInfo(self.own_info());
        let mut told = VecDeque::new();
        let mut say = |said| told.push_back(Told::Known(said));
        if nonce == ONLY_NODES {
            say(own);
        } else {
            say(Said::MyInfo(proto::MyNodeInfo { pio_env: String::new(), min_app_version: 0, ..self.my_info() }));
            say(Said::DeviceuiConfig(self.settings.screen().clone()));
            say(own);
            say(Said::Metadata(proto::DeviceMetadata::default()));
            told.push_back(Told::regions());
            let channels = self.settings.channels().iter().map(|_| Said::Channel(proto::Channel::default()));
            let sections = self.settings.sections().iter().cloned().map(blank_section).map(Said::Config);
            let modules = self.settings.modules().iter().cloned().chain([ModuleConfig::default()]);
            told.extend(channels.chain(sections).chain(modules.map(blank_module).map(Said::ModuleConfig)).map(Told::Known));
        }
        told.push_back(Told::Known(Said::ConfigCompleteId(nonce)));
        told.push_back(Told::Later(Lockdown::Locked.encode()));
        told
    }

    /// Keeps what was heard from a client that may not have it.
    pub(super) fn withhold(&mut self) {
        self.to_phone.clear();
        self.proxied.clear();
    }
}

/// Leaves of how the radio uses the air what anybody can hear, and of network and keys nothing.
fn blank_section(section: Config) -> Config {
    let payload_variant = section.payload_variant.map(|section| match section {
        Section::Lora(lora) => Section::Lora(proto::config::LoRaConfig {
            use_preset: lora.use_preset,
            modem_preset: lora.modem_preset,
            region: lora.region,
            channel_num: lora.channel_num,
            hop_limit: lora.hop_limit,
            ..Default::default()
        }),
        Section::Network(_) => Section::Network(proto::config::NetworkConfig::default()),
        Section::Security(_) => Section::Security(proto::config::SecurityConfig::default()),
        other => other,
    });
    Config { payload_variant }
}

fn blank_module(module: ModuleConfig) -> ModuleConfig {
    let payload_variant = module.payload_variant.map(|module| match module {
        Module::Mqtt(_) => Module::Mqtt(proto::module_config::MqttConfig::default()),
        other => other,
    });
    ModuleConfig { payload_variant }
}

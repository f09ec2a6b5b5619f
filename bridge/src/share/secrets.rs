//! What a client of the shared radio is not told: the radio's private key never, and other keys and passwords only if it may
//! administrate, as who changes a setting gives back what it was told.

use kosmo_meshtastic::{
    Message as _,
    proto::{self, admin_message::PayloadVariant as Admin, config::PayloadVariant as Section, module_config::PayloadVariant as Module},
};

/// Takes out of a section what is not told.
pub(crate) fn of_config(config: &mut proto::Config, is_admin: bool) {
    match &mut config.payload_variant {
        Some(Section::Security(security)) => security.private_key.clear(),
        Some(Section::Network(network)) if !is_admin => network.wifi_psk.clear(),
        Some(Section::Bluetooth(bluetooth)) if !is_admin => bluetooth.fixed_pin = 0,
        _ => {}
    }
}

/// Takes out of a module's configuration what is not told.
pub(crate) fn of_module(config: &mut proto::ModuleConfig, is_admin: bool) {
    if let Some(Module::Mqtt(mqtt)) = &mut config.payload_variant
        && !is_admin
    {
        mqtt.password.clear();
    }
}

/// Replaces a channel's key by zeros of its length, so that it still looks like one that has a key. What everybody knows, a single
/// byte, stays.
pub(crate) fn of_channel(channel: &mut proto::Channel, is_admin: bool) {
    if let Some(settings) = &mut channel.settings
        && settings.psk.len() > 1
        && !is_admin
    {
        settings.psk.fill(0);
    }
}

/// Takes out of an administrative message what is not told; one that cannot be read is not told at all.
pub(crate) fn of_admin(payload: &[u8], is_admin: bool) -> Option<Vec<u8>> {
    let mut message = proto::AdminMessage::decode(payload).ok()?;
    match &mut message.payload_variant {
        Some(Admin::GetConfigResponse(config)) => of_config(config, is_admin),
        Some(Admin::GetModuleConfigResponse(module)) => of_module(module, is_admin),
        Some(Admin::GetChannelResponse(channel)) => of_channel(channel, is_admin),
        _ => {}
    }
    Some(message.encode_to_vec())
}

/// Tells whether a message would take the radio's key from it: the client was not told the key, and gives none back.
pub(crate) fn loses_key(asked: &Admin) -> bool {
    matches!(asked, Admin::SetConfig(config) if matches!(config.payload_variant, Some(Section::Security(_))))
}

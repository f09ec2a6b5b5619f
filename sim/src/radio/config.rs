//! The configuration that a radio tells its clients: what firmware 2.7.26 comes with in Europe, as it was recorded.

use crate::{firmware::Firmware, radio::Identity};
use kosmo_meshtastic::proto::{
    self, Config, ModuleConfig,
    config::{self, PayloadVariant as Section},
    module_config::{self, PayloadVariant as Module},
};

/// Everything that is not excluded from a native build.
const EXCLUDED_MODULES: u32 = 13_632;
/// The hop limit that radios come with.
pub(crate) const HOP_LIMIT: u32 = 3;
const POSITION_FLAGS: u32 = 811;

pub(crate) fn metadata(firmware: Firmware) -> proto::DeviceMetadata {
    proto::DeviceMetadata {
        firmware_version: firmware.version().to_owned(),
        device_state_version: 24,
        has_wifi: true,
        position_flags: POSITION_FLAGS,
        hw_model: proto::HardwareModel::Portduino.into(),
        has_pkc: true,
        excluded_modules: EXCLUDED_MODULES,
        ..Default::default()
    }
}

pub(crate) fn screen() -> proto::DeviceUiConfig {
    proto::DeviceUiConfig { screen_brightness: 153, screen_timeout: 30, ..Default::default() }
}

/// Returns the eight channels: the default one, one of a community, and six that are not set up.
pub(crate) fn channels() -> impl Iterator<Item = proto::Channel> {
    use proto::channel::Role;
    (0..8).map(|index| {
        let (role, settings) = match index {
            0 => {
                let module_settings = Some(proto::ModuleSettings { position_precision: 13, is_muted: false });
                (Role::Primary, proto::ChannelSettings { psk: vec![1], module_settings, ..Default::default() })
            }
            1 => (Role::Secondary, proto::ChannelSettings { psk: (0..32).collect(), name: "bridge".to_owned(), ..Default::default() }),
            _ => (Role::Disabled, proto::ChannelSettings::default()),
        };
        proto::Channel { index, settings: Some(settings), role: role.into() }
    })
}

/// Returns the sections of the configuration, in the firmware's order.
pub(crate) fn sections(identity: &Identity, preset: &str) -> impl Iterator<Item = Config> {
    let sections = [
        Section::Device(config::DeviceConfig { node_info_broadcast_secs: 10_800, ..Default::default() }),
        Section::Position(config::PositionConfig {
            position_broadcast_secs: 3_600,
            position_broadcast_smart_enabled: true,
            gps_update_interval: 120,
            position_flags: POSITION_FLAGS,
            broadcast_smart_minimum_distance: 100,
            broadcast_smart_minimum_interval_secs: 300,
            gps_mode: config::position_config::GpsMode::NotPresent.into(),
            ..Default::default()
        }),
        Section::Power(config::PowerConfig {
            wait_bluetooth_secs: 60,
            sds_secs: u32::MAX,
            ls_secs: 300,
            min_wake_secs: 10,
            ..Default::default()
        }),
        Section::Network(config::NetworkConfig { ntp_server: "meshtastic.pool.ntp.org".to_owned(), ..Default::default() }),
        Section::Display(config::DisplayConfig { screen_on_secs: 600, ..Default::default() }),
        Section::Lora(lora(preset)),
        Section::Bluetooth(config::BluetoothConfig {
            enabled: true,
            mode: config::bluetooth_config::PairingMode::FixedPin.into(),
            fixed_pin: 123_456,
        }),
        Section::Security(config::SecurityConfig {
            public_key: identity.user.public_key.clone(),
            private_key: identity.private_key.to_vec(),
            serial_enabled: true,
            ..Default::default()
        }),
        Section::Sessionkey(config::SessionkeyConfig {}),
        Section::DeviceUi(proto::DeviceUiConfig::default()),
    ];
    sections.into_iter().map(|section| Config { payload_variant: Some(section) })
}

/// Returns the configuration of the modules, in the firmware's order. The last three are of modules that this firmware
/// knows the numbers of and has no content for.
pub(crate) fn modules() -> impl Iterator<Item = ModuleConfig> {
    let modules = [
        Module::Mqtt(module_config::MqttConfig {
            address: "mqtt.meshtastic.org".to_owned(),
            username: "meshdev".to_owned(),
            password: "large4cats".to_owned(),
            encryption_enabled: true,
            root: "msh/EU_868".to_owned(),
            ..Default::default()
        }),
        Module::Serial(module_config::SerialConfig::default()),
        Module::ExternalNotification(module_config::ExternalNotificationConfig::default()),
        Module::StoreForward(module_config::StoreForwardConfig::default()),
        Module::RangeTest(module_config::RangeTestConfig::default()),
        Module::Telemetry(module_config::TelemetryConfig { device_update_interval: 2_147_483_647, ..Default::default() }),
        Module::CannedMessage(module_config::CannedMessageConfig::default()),
        Module::Audio(module_config::AudioConfig::default()),
        Module::RemoteHardware(module_config::RemoteHardwareConfig::default()),
        Module::NeighborInfo(module_config::NeighborInfoConfig::default()),
        Module::AmbientLighting(module_config::AmbientLightingConfig { current: 10, red: 170, green: 16, blue: 1, ..Default::default() }),
        Module::DetectionSensor(module_config::DetectionSensorConfig {
            minimum_broadcast_secs: 45,
            detection_trigger_type: module_config::detection_sensor_config::TriggerType::LogicHigh.into(),
            ..Default::default()
        }),
        Module::Paxcounter(module_config::PaxcounterConfig::default()),
    ];
    modules.into_iter().map(Some).chain([None, None, None]).map(|payload_variant| ModuleConfig { payload_variant })
}

/// Returns the files of a radio that was used for a while.
pub(crate) fn files() -> impl Iterator<Item = proto::FileInfo> {
    const FILES: [(&str, u32); 6] = [
        ("/prefs/device.proto", 101),
        ("/prefs/nodes.proto", 476),
        ("/prefs/channels.proto", 101),
        ("/prefs/config.proto", 182),
        ("/prefs/module.proto", 103),
        ("/prefs/transmit_history.dat", 13),
    ];
    FILES.iter().map(|&(name, size_bytes)| proto::FileInfo { file_name: name.to_owned(), size_bytes })
}

fn lora(preset: &str) -> config::LoRaConfig {
    let modem_preset = config::lo_ra_config::ModemPreset::from_str_name(preset).unwrap_or_default();
    config::LoRaConfig {
        use_preset: true,
        modem_preset: modem_preset.into(),
        bandwidth: 250,
        spread_factor: 11,
        coding_rate: 5,
        region: config::lo_ra_config::RegionCode::Eu868.into(),
        hop_limit: HOP_LIMIT,
        tx_enabled: true,
        tx_power: 27,
        sx126x_rx_boosted_gain: true,
        ignore_mqtt: true,
        fem_lna_mode: config::lo_ra_config::FemLnaMode::NotPresent.into(),
        ..Default::default()
    }
}

//! Finds the radio that is plugged in: serial devices by who made their USB side, named as `/dev/serial/by-id` names them.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

/// Where a machine keeps its devices; a test has a machine of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The folder of devices.
    pub dev: PathBuf,
    /// The folder in which the system tells of them.
    pub sys: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self { dev: "/dev".into(), sys: "/sys".into() }
    }
}

/// USB identities (vendor, product; nothing: all of them) that Meshtastic boards show, as the official clients look for them.
const BOARDS: &[(u16, Option<u16>)] = &[
    // Adafruit's, which nRF52 boards bear: RAK4631, T-Echo.
    (0x239a, None),
    // Espressif's own USB: T-Deck, Heltec V3 and other ESP32-S3 boards.
    (0x303a, None),
    // Seeed: T1000-E, Wio Tracker, XIAO.
    (0x2886, None),
    // RP2040 boards: RAK11310, Pico.
    (0x2e8a, None),
    // CH9102 and CH340: T-Beam, T-Lora, RAK11200, station boards.
    (0x1a86, Some(0x55d4)),
    (0x1a86, Some(0x7523)),
    // CP210x: Heltec V1 and V2, older T-Beams.
    (0x10c4, Some(0xea60)),
];
/// What sticks of other radio nets, with the same chips, say of themselves.
const OTHERS: &[&str] = &["zigbee", "z-wave", "zwave", "conbee", "sonoff", "skyconnect", "j-link", "gps", "gnss"];
/// The most devices looked at.
const MAX_DEVICES: usize = 64;
/// The longest name of a device, in characters.
const MAX_NAME: usize = 60;

/// A serial device that may be a radio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// What stays the same when it is plugged in elsewhere.
    pub(crate) identity: String,
    /// What it says of itself.
    name: String,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.path.display(), self.name)
    }
}

/// Returns what may be a radio, in order of their names.
pub(crate) fn radios(places: &Places) -> Vec<Found> {
    let named = by_id(places);
    // A machine has dozens of consoles, which are no devices.
    let devices = entries(&places.sys.join("class/tty")).filter(|tty| tty.join("device").exists()).take(MAX_DEVICES);
    let mut found: Vec<_> = devices.filter_map(|tty| look_at(&places.dev, &tty, &named)).collect();
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// Returns the one radio there is; or the one among several that was had before.
pub(crate) fn choose(found: Vec<Found>, before: Option<&str>) -> Result<Found, Vec<Found>> {
    let is_same = |found: &&Found| before == Some(found.identity.as_str());
    match (&found[..], found.iter().filter(is_same).count()) {
        ([only], _) => Ok(only.clone()),
        (_, 1) => Ok(found.iter().find(is_same).expect("one was counted").clone()),
        _ => Err(found),
    }
}

fn look_at(dev: &Path, tty: &Path, named: &BTreeMap<PathBuf, String>) -> Option<Found> {
    let path = dev.join(tty.file_name()?);
    let device = fs::canonicalize(tty.join("device")).ok()?;
    // The chip is one of the folders above the port, the only one with a vendor.
    let chip = device.ancestors().take(6).find(|folder| folder.join("idVendor").exists())?;
    let number = |name| u16::from_str_radix(&read(chip, name)?, 16).ok();
    let (vendor, product) = (number("idVendor")?, number("idProduct")?);
    let is_board = BOARDS.iter().any(|(known, exact)| *known == vendor && exact.is_none_or(|exact| exact == product));
    let says = [read(chip, "manufacturer"), read(chip, "product")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let small = says.to_lowercase();
    if !is_board || OTHERS.iter().any(|other| small.contains(other)) || !path.exists() {
        return None;
    }
    let serial = read(chip, "serial").unwrap_or_default();
    let by_id = fs::canonicalize(&path).ok().and_then(|target| named.get(&target).cloned());
    let identity = format!("{vendor:04x}:{product:04x} {serial}");
    let name = by_id.unwrap_or_else(|| format!("{vendor:04x}:{product:04x} {says}").trim_end().to_owned());
    Some(Found { path, identity, name: name.chars().take(MAX_NAME).collect() })
}

/// Returns the lasting names of devices, by device.
fn by_id(places: &Places) -> BTreeMap<PathBuf, String> {
    let links = entries(&places.dev.join("serial/by-id"));
    let named = |link: PathBuf| Some((fs::canonicalize(&link).ok()?, plain(&link.file_name()?.to_string_lossy())));
    links.take(MAX_DEVICES).filter_map(named).collect()
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn read(folder: &Path, name: &str) -> Option<String> {
    let text = plain(fs::read_to_string(folder.join(name)).ok()?.trim());
    (!text.is_empty()).then_some(text)
}

/// What a device says of itself comes from outside.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    struct Machine {
        _folder: tempfile::TempDir,
        places: Places,
    }

    impl Machine {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let places = Places { dev: folder.path().join("dev"), sys: folder.path().join("sys") };
            fs::create_dir_all(places.dev.join("serial/by-id")).unwrap();
            fs::create_dir_all(places.sys.join("class/tty/tty1")).unwrap();
            Self { _folder: folder, places }
        }

        fn plug(&self, tty: &str, [vendor, product, maker, what]: [&str; 4]) {
            let Places { dev, sys } = &self.places;
            let chip = sys.join(format!("devices/usb1/{tty}"));
            let port = chip.join("1-1:1.0");
            fs::create_dir_all(&port).unwrap();
            for (name, text) in
                [("idVendor", vendor), ("idProduct", product), ("manufacturer", maker), ("product", what), ("serial", "AB\u{7}12")]
            {
                fs::write(chip.join(name), format!("{text}\n")).unwrap();
            }
            fs::create_dir_all(sys.join("class/tty").join(tty)).unwrap();
            symlink(&port, sys.join("class/tty").join(tty).join("device")).unwrap();
            fs::write(dev.join(tty), "").unwrap();
        }
    }

    const RAK: [&str; 4] = ["239a", "8029", "RAKwireless", "WisCore RAK4631 Board"];

    #[test]
    fn a_radio_is_found_among_other_devices_and_named() {
        let machine = Machine::new();
        machine.plug("ttyACM1", RAK);
        machine.plug("ttyUSB0", ["10c4", "ea60", "ITEAD", "SONOFF Zigbee 3.0 USB Dongle Plus V2"]);
        machine.plug("ttyUSB1", ["067b", "2303", "Prolific", "USB-Serial"]);
        let only = choose(radios(&machine.places), None).unwrap();
        assert_eq!(only.path, machine.places.dev.join("ttyACM1"));
        assert!(only.to_string().ends_with("/ttyACM1 (239a:8029 RAKwireless WisCore RAK4631 Board)"), "{only}");
        let by_id = "usb-RAKwireless_WisCore_RAK4631_Board_AB12-if00";
        symlink(machine.places.dev.join("ttyACM1"), machine.places.dev.join("serial/by-id").join(by_id)).unwrap();
        let named = choose(radios(&machine.places), None).unwrap();
        assert!(named.to_string().ends_with("/ttyACM1 (usb-RAKwireless_WisCore_RAK4631_Board_AB12-if00)"), "{named}");
    }

    #[test]
    fn of_several_radios_none_is_guessed_but_the_one_that_was_had_before_is_known_again() {
        let machine = Machine::new();
        machine.plug("ttyACM0", RAK);
        let before = choose(radios(&machine.places), None).unwrap();
        machine.plug("ttyACM3", ["303a", "1001", "Espressif", "USB JTAG/serial debug unit"]);
        let several = choose(radios(&machine.places), None).unwrap_err();
        assert_eq!(several.len(), 2);
        assert_eq!(choose(several, Some(&before.identity)).unwrap().path, machine.places.dev.join("ttyACM0"));
        assert_eq!(choose(Vec::new(), Some(&before.identity)), Err(Vec::new()));
    }

    #[test]
    fn a_machine_that_tells_nothing_has_no_radio() {
        let places = Places { dev: "/no/such/place".into(), sys: "/no/such/place".into() };
        assert_eq!(radios(&places), []);
    }
}

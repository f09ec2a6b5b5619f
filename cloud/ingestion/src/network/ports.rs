//! The names of Meshtastic's ports (`portnums.proto`), as pages and filters write them.

/// Numbers and names, by number.
const PORTS: [(u32, &str); 35] = [
    (0, "unknown"),
    (1, "text_message"),
    (2, "remote_hardware"),
    (3, "position"),
    (4, "nodeinfo"),
    (5, "routing"),
    (6, "admin"),
    (7, "text_message_compressed"),
    (8, "waypoint"),
    (9, "audio"),
    (10, "detection_sensor"),
    (11, "alert"),
    (12, "key_verification"),
    (32, "reply"),
    (33, "ip_tunnel"),
    (34, "paxcounter"),
    (35, "store_forward_plusplus"),
    (36, "node_status"),
    (64, "serial"),
    (65, "store_forward"),
    (66, "range_test"),
    (67, "telemetry"),
    (68, "zps"),
    (69, "simulator"),
    (70, "traceroute"),
    (71, "neighborinfo"),
    (72, "atak_plugin"),
    (73, "map_report"),
    (74, "powerstress"),
    (75, "lorawan_bridge"),
    (76, "reticulum_tunnel"),
    (77, "cayenne"),
    (112, "groupalarm"),
    (256, "private"),
    (257, "atak_forwarder"),
];

/// Returns the name of a port.
pub(crate) fn name(port: u32) -> Option<&'static str> {
    PORTS.iter().find(|(number, _)| *number == port).map(|(_, name)| *name)
}

/// Returns the port of a name.
pub(crate) fn number(name: &str) -> Option<u32> {
    PORTS.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_has_one_name_and_every_name_one_port() {
        for (port, known) in PORTS {
            assert_eq!((name(port), number(known)), (Some(known), Some(port)));
        }
        assert_eq!((name(4_000_000_000), number("telemetrie")), (None, None));
    }
}

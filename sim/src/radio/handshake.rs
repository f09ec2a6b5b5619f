//! What a radio tells a client that asks for its configuration.

use crate::radio::{ONLY_CONFIG, ONLY_NODES, Radio, Said, Told, config};
use kosmo_meshtastic::proto;
use std::collections::VecDeque;

/// The oldest app that firmware 2.7 works with.
const MIN_APP_VERSION: u32 = 30_200;

impl Radio {
    /// Returns the handshake for a nonce, in the order that apps rely on.
    pub(super) fn handshake(&self, nonce: u32) -> VecDeque<Told> {
        if self.locked {
            return self.locked_handshake(nonce);
        }
        let is_later = self.firmware.is_28();
        let own = Said::NodeInfo(self.own_info());
        let mut told = VecDeque::new();
        let mut say = |said| told.push_back(Told::Known(said));
        if nonce == ONLY_NODES {
            say(own);
        } else {
            say(Said::MyInfo(self.my_info()));
            say(Said::DeviceuiConfig(self.settings.screen().clone()));
            say(own);
            say(Said::Metadata(config::metadata(self.firmware)));
            if is_later {
                told.push_back(Told::regions());
            }
            let modules = self.settings.modules().iter().cloned().chain(is_later.then(proto::ModuleConfig::default));
            let settings = self.settings.channels().iter().cloned().map(Said::Channel);
            let settings = settings.chain(self.settings.sections().iter().cloned().map(Said::Config));
            told.extend(settings.chain(modules.map(Said::ModuleConfig)).map(Told::Known));
        }
        if nonce != ONLY_CONFIG {
            let thin = |info: &proto::NodeInfo| {
                if is_later { proto::NodeInfo { position: None, device_metrics: None, ..info.clone() } } else { info.clone() }
            };
            told.extend(self.nodes.infos().map(thin).map(Said::NodeInfo).map(Told::Known));
        }
        if nonce != ONLY_NODES {
            told.extend(config::files().map(Said::FileInfo).map(Told::Known));
        }
        told.push_back(Told::Known(Said::ConfigCompleteId(nonce)));
        if is_later && nonce != ONLY_CONFIG {
            told.extend(self.nodes.replay().map(Said::Packet).map(Told::Known));
        }
        told
    }

    pub(super) fn my_info(&self) -> proto::MyNodeInfo {
        proto::MyNodeInfo {
            my_node_num: self.identity.number,
            min_app_version: MIN_APP_VERSION,
            pio_env: "native".to_owned(),
            nodedb_count: u32::try_from(self.nodes.len() + 1).unwrap_or(u32::MAX),
            ..Default::default()
        }
    }

    pub(super) fn own_info(&self) -> proto::NodeInfo {
        proto::NodeInfo {
            num: self.identity.number,
            user: Some(self.identity.user.clone()),
            position: Some(self.identity.position),
            device_metrics: Some(self.device),
            is_favorite: true,
            ..Default::default()
        }
    }
}

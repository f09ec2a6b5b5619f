//! The part of the loop that carries the radio's own MQTT.

use crate::{counters::Counter, proxy::ProxyEvent, run::Bridge};
use kosmo_meshtastic::{proto, session::Input};

impl Bridge {
    /// Publishes what the radio wants published.
    pub(super) fn on_proxied(&mut self, message: proto::MqttClientProxyMessage) {
        let counter = self.carrier.publish(message);
        self.counters.one(counter);
    }

    pub(super) async fn on_proxy(&mut self, event: ProxyEvent) {
        let delivery = match event {
            ProxyEvent::Changed => return self.note_change(),
            ProxyEvent::Came(delivery) => delivery,
        };
        let now = self.now();
        // A radio that is away would be handed yesterday's weather.
        if !self.texts.has_radio() {
            return self.counters.one(Counter::ProxyLost);
        }
        let texts = &self.texts;
        match self.carrier.deliver(&delivery, |bytes| texts.room_for_others(bytes, now.uptime), now.uptime) {
            Err(counter) => self.counters.one(counter),
            Ok(message) => {
                self.counters.one(Counter::ProxyDown);
                self.tell_session(Input::Proxy(Box::new(message))).await;
            }
        }
    }
}

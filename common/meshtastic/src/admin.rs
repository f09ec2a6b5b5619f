//! Administrative messages, which change a radio or ask what it is set to.

use crate::proto::admin_message::PayloadVariant as Admin;

/// Tells whether an administrative message changes nothing.
pub const fn is_question(asked: &Admin) -> bool {
    matches!(
        asked,
        Admin::GetOwnerRequest(_)
            | Admin::GetChannelRequest(_)
            | Admin::GetConfigRequest(_)
            | Admin::GetModuleConfigRequest(_)
            | Admin::GetCannedMessageModuleMessagesRequest(_)
            | Admin::GetRingtoneRequest(_)
            | Admin::GetDeviceMetadataRequest(_)
            | Admin::GetUiConfigRequest(_)
            | Admin::GetDeviceConnectionStatusRequest(_)
            | Admin::GetNodeRemoteHardwarePinsRequest(_)
    )
}

import type { MessageDescriptor } from '@lingui/core'
import { msg } from '@lingui/core/macro'

/** Why something was refused, in a line and in a sentence. */
export interface RejectWords {
  readonly title: MessageDescriptor
  readonly about: MessageDescriptor
}

const WORDS: Record<string, RejectWords> = {
  not_json: { title: msg`Not readable`, about: msg`What came is not JSON. Something that is no bridge sends on its topics, or a bridge is broken.` },
  payload_too_large: { title: msg`Too large`, about: msg`What came is larger than anything a bridge sends.` },
  unknown_version: { title: msg`Of another version`, about: msg`A bridge speaks a version that this server does not know. Update the server, then replay.` },
  invalid_field: { title: msg`A field is not right`, about: msg`A field is missing or is not what it must be.` },
  unknown_topic: { title: msg`Topic without a meaning`, about: msg`It came on a topic that means nothing here.` },
  wrong_bridge: { title: msg`Of another bridge`, about: msg`It names another bridge than the one that sent it. The settings of two bridges are mixed up, or somebody is trying something.` },
  wrong_stream: { title: msg`On the wrong way`, about: msg`It came in a stream that is not for such records.` },
  reserved_node: { title: msg`No possible sender`, about: msg`It is about a node number that no node can have.` },
  not_a_number: { title: msg`No number`, about: msg`A sensor sent a value that is no number. The other values of the reading were stored.` },
  out_of_range: { title: msg`Not plausible`, about: msg`A value lies outside what can be. A sensor is broken or not calibrated. The other values were stored.` },
  unknown_metric: { title: msg`Unknown quantity`, about: msg`A bridge knows a quantity that this server does not. Update the server, then replay.` },
  no_values: { title: msg`Without values`, about: msg`A reading had no value that could be stored.` },
  clock_not_set: { title: msg`Clock not set`, about: msg`A device's clock was never set. The time of its radio or bridge was taken, and nothing is lost.` },
  clock_ahead: { title: msg`Clock runs ahead`, about: msg`A device's clock shows the future. The time of its radio or bridge was taken, and nothing is lost.` },
  too_old: { title: msg`Too old`, about: msg`It was measured before anything that is still kept.` },
  no_fix: { title: msg`No position yet`, about: msg`A receiver that does not know where it is sent a position of zeros.` },
  invalid_position: { title: msg`No such place`, about: msg`The coordinates are of no place on earth.` },
  invalid_key: { title: msg`No usable key`, about: msg`A public key is damaged or empty. The rest was stored.` },
  unprintable: { title: msg`Hidden characters`, about: msg`A name has characters that cannot be seen but change what is seen. They were taken out, and the rest was stored.` },
  not_storable: { title: msg`Not storable`, about: msg`The database would not have it. The server's log says more.` },
  too_many_gaps: { title: msg`Too many gaps`, about: msg`A bridge's records have more gaps than the server keeps account of.` },
  seq_too_large: { title: msg`Impossible number`, about: msg`A record has a number that no bridge reaches.` },
  not_granted: { title: msg`Not its text`, about: msg`A bridge told something of a text that it had not been given.` },
  unknown_message: { title: msg`Unknown text`, about: msg`A bridge told something of a text that there is not.` },
  not_destination: { title: msg`Not from the recipient`, about: msg`A confirmation came from a node that the text was not for, so it proves nothing.` },
  no_packet: { title: msg`Without a packet`, about: msg`A text came without the packet that says who sent it.` },
  no_packet_id: { title: msg`Packet without a number`, about: msg`A packet that was sent has to have a number.` },
  wrong_packet_id: { title: msg`Packet with a wrong number`, about: msg`A bridge told of a packet that is not the one of its text.` },
  no_text: { title: msg`Empty text`, about: msg`A text says nothing.` },
}

/** Returns the words for a reason; one that this page does not know is shown by its code. */
export const rejectWords = (code: string): RejectWords | undefined => WORDS[code]

/** What something that was refused was to be. */
export const TOPICS: Record<string, MessageDescriptor> = {
  reading: msg`reading`,
  node: msg`node report`,
  inbound: msg`text from the mesh`,
  receipt: msg`receipt of a text`,
  status: msg`status of a bridge`,
  other: msg`something else`,
}

// What the gateway counts: plain numbers on one object, added to where things happen, read by $SYS and the logs.
// Nothing is dropped silently: every loss has its field.

export class Counters {
  connectionsOpened = 0
  connectionsRefused = 0
  connectionsNow = 0
  protocolErrors = 0
  /** Clients that could not prove who they are. */
  loginsRefused = 0
  keepAliveTimeouts = 0
  bytesReceived = 0
  bytesSent = 0
  packetsReceived = 0
  publishReceived = 0
  publishSent = 0
  /** QoS 0 deliveries not made because the receiver did not read (its output was full). */
  droppedSlowReader = 0
  /** Deliveries to sessions without durability whose queue was full. */
  droppedQueueFull = 0
  /** Messages a destination's byte, count or age limit took from the store. */
  droppedQueueLimit = 0
  droppedExpired = 0
  /** Larger than the receiver's Maximum Packet Size [MQTT-3.1.2-25]. */
  droppedTooLarge = 0
  /** Refused because the store had no room: the publisher was told, or its acknowledgement withheld. */
  refusedStoreFull = 0
  /** A message that came back over an uplink it had left by. */
  droppedLoop = 0
  retainedRefused = 0
  /** Messages acknowledged by every destination before their commit: never written. */
  elided = 0
  committedMessages = 0
  commits = 0
}

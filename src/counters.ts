// What the gateway counts: plain numbers on one object, added to where things happen, read by $SYS and the logs.
// Nothing is dropped silently: every loss has its field.

export class Counters {
  /** Field by field, as a new object. */
  static sum(all: readonly Counters[]): Counters {
    const total = new Counters()
    for (const counters of all) for (const field of Object.keys(total) as (keyof Counters)[]) total[field] += counters[field]
    return total
  }

  connectionsOpened = 0
  /** Whatever the reason; those of limits are among them. */
  connectionsRefused = 0
  connectionsNow = 0
  protocolErrors = 0
  /** Clients that could not prove who they are. */
  loginsRefused = 0
  /** Messages that their publisher may not publish. */
  refusedPublishRights = 0
  /** Subscriptions that their client may not have. */
  refusedSubscribeRights = 0
  /** Wills that their client may not publish: refused with CONNECT, or, when the rules have changed since, not published. */
  refusedWillRights = 0
  /** Logins not looked at: too many of their address have failed. */
  refusedLoginRate = 0
  /** Logins refused because too many others were being checked. */
  refusedLoginsBusy = 0
  /** Refusals of logins that were held back: their address had failed before. */
  delayedLogins = 0
  /** Clients that asked for a session of another user. */
  refusedSessionOwners = 0
  keepAliveTimeouts = 0
  /** Commands by message of nobody who may give them, or without a right signature. */
  refusedRemoteCommands = 0
  /** Commands by message that came too often. */
  refusedRemoteRate = 0
  /** Commands by message that came twice. */
  refusedRemoteTwice = 0
  /** Commands by message, or answers to them, for which the bytes of the day were spent or that had no room in an answer. */
  refusedRemoteBytes = 0
  /** Reports that did not go when they were due: the one before still waited, or the bytes of the day were spent. */
  delayedReports = 0
  // Limits that were reached (docs/guide/clients.md, Limits). Those of queues and stores are below.
  /** Connections beyond what a listener takes at once. */
  refusedConnections = 0
  /** Connections beyond what one address may have at once. */
  refusedPerAddress = 0
  /** Connections beyond what one address may open in a minute. */
  refusedConnectionRate = 0
  /** Connections from others than the proxies of a listener, and from those without a well-formed PROXY header. */
  refusedProxyHeaders = 0
  refusedTlsHandshakes = 0
  /** Clients without a certificate where one is wanted, or with one that is not in order; among the handshakes above. */
  refusedClientCertificates = 0
  /** Clients disconnected because their certificate was revoked, or its authority is not trusted any more. */
  endedClientCertificates = 0
  /** HTTP requests that did not become a WebSocket for MQTT. */
  refusedWebSockets = 0
  /** Changed keys and certificates that could not be used: the old ones stayed. */
  refusedCertificates = 0
  /** Key sets for tokens that could not be fetched or used: the old ones stayed. */
  refusedKeySets = 0
  /** Changed configurations with a mistake: the one before stayed in force. */
  refusedConfigurations = 0
  /** Packets of multicast DNS that were not looked at or not answered: malformed, too large, too many. */
  refusedDiscovery = 0
  /** Connections that the system could not give us: no file descriptors. */
  refusedAccepts = 0
  /** Connections closed because their CONNECT did not come in time. */
  connectTimeouts = 0
  /** First packets that were announced to be too large. */
  refusedConnectSize = 0
  /** Later packets that were. */
  refusedPacketSize = 0
  /** Clients whose Maximum Packet Size leaves no room for an answer they must get. */
  refusedAnswerSize = 0
  /** Topic names and filters with too many bytes or levels. */
  refusedTopics = 0
  /** Messages and wills for `$SYS/`, which is the broker's own. */
  refusedSysTopics = 0
  /** Messages with a topic alias above the Topic Alias Maximum that their sender was told. */
  refusedTopicAliases = 0
  /** Topic filters beyond what a session may have, or one SUBSCRIBE name. */
  refusedSubscriptions = 0
  refusedSessions = 0
  /** Clients beyond what a tenant may have connected. */
  refusedTenantConnections = 0
  /** Clients that sent more QoS 1 and 2 messages at once than the Receive Maximum they were told. */
  refusedReceiveMaximum = 0
  /** CONNACKs that gave a shorter keep alive than was asked for. */
  keepAlivesShortened = 0
  /** Times a client was not read from because it published too often. */
  delayedPublishRate = 0
  /** Clients cut off because they went on without reading what was answered. */
  refusedUnread = 0
  bytesReceived = 0
  bytesSent = 0
  packetsReceived = 0
  /** All but PUBLISH, which has its own. */
  otherSent = 0
  connectReceived = 0
  publishReceived = 0
  publishSent = 0
  /** Bytes of payloads. */
  payloadReceived = 0
  payloadSent = 0
  /** Sessions whose client stayed away for longer than their expiry interval. */
  sessionsExpired = 0
  /** QoS 0 deliveries not made because the receiver did not read (its output was full). */
  droppedSlowReader = 0
  /** Deliveries to sessions without durability whose queue was full. */
  droppedQueueFull = 0
  /** Messages a destination's byte, count or age limit took from the store. */
  droppedQueueLimit = 0
  droppedExpired = 0
  /** Queued messages that the operator has taken away. */
  droppedByOperator = 0
  /** Queued messages whose receiver may not have their topic any more. */
  droppedReceiveRights = 0
  /** Larger than the receiver's Maximum Packet Size [MQTT-3.1.2-25]. */
  droppedTooLarge = 0
  /** Refused because the store had no room: the publisher was told, or its acknowledgement withheld. */
  refusedStoreFull = 0
  /** Queued messages that no route of their uplink takes any more. */
  droppedUnrouted = 0
  /** Messages that the filter of a route did not find worth carrying. */
  droppedByFilter = 0
  /** Messages of frames that had come before: a frame came again. */
  droppedUnpackedTwice = 0
  /** Frames that could not be read, and messages in them with topics that nobody may publish to. */
  droppedBadFrames = 0
  messagesUnpacked = 0
  /** Messages from the cloud that a satellite modem lost before they were read: it started anew. */
  droppedByModem = 0
  /** A message that came back over an uplink it had left by. */
  droppedLoop = 0
  retainedRefused = 0
  alarmsRaised = 0
  /** Messages acknowledged by every destination before their commit: never written. */
  elided = 0
  /** Values that the history had no series for: history.maxSeries. */
  historyValuesLeftOut = 0
  /** Steps of the history that could not be written to the card, and that memory had no more room for. */
  historyStepsLost = 0
  committedMessages = 0
  commits = 0
}

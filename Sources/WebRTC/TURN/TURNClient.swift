package import Media

/// One allocation at a TURN server (RFC 8656) with its channels, over UDP or a stream.
///
/// Messages and the time come in, ``Output`` goes out. Every peer gets a channel: binding one takes the same round trip as a
/// permission, and installs it too (RFC 8656 §12.1).
package struct TURNClient: Sendable {
    /// What came of it, and what to send. Taken with ``nextOutput()`` after every call.
    package enum Output: Sendable, Hashable {
        /// Send this to the server.
        case send([UInt8])
        /// The server relays for us at `relayed`, and sees us as `mapped`.
        case allocated(relayed: SocketAddress, mapped: SocketAddress)
        /// The channel to a peer is open.
        case bound(SocketAddress)
        case bindFailed(SocketAddress, TURNError)
        /// The server wants another to be asked: start anew there.
        case alternate(SocketAddress)
        /// The allocation is not, or no longer.
        case failed(TURNError)
    }

    package enum State: Sendable, Hashable {
        case idle, allocating, allocated, closed
    }

    package private(set) var state = State.idle
    package private(set) var relayed: SocketAddress?

    private let username: String
    private let password: String
    private let wantsIPv6: Bool
    private let isStream: Bool
    private let timings: ICETimings
    private var realm: [UInt8] = []
    private var nonce: [UInt8] = []
    /// Empty until the server has told its realm.
    private var key: [UInt8] = []
    private var requests: [Request] = []
    /// The peer at index n has the channel 0x4000 + n.
    private var peers: [Peer] = []
    private var refreshAt: MonotonicInstant?
    private var outputs: [Output] = []
    private var taken = 0

    private enum Purpose: Sendable, Hashable {
        case allocate
        case refresh
        case bind(Int)
    }

    private struct Request: Sendable {
        var purpose: Purpose
        var transaction: STUNMessage.Transaction
        var bytes: [UInt8]
        var begun: MonotonicInstant
        var sent: MonotonicInstant
        var interval: Duration
        /// How often it was made anew for a new realm or nonce.
        var renewals: Int
    }

    private struct Peer: Sendable {
        let address: SocketAddress
        var isBound = false
        /// Whether its binding is to be kept.
        var isWanted = true
        var bindAgainAt: MonotonicInstant?
    }

    /// - `wantsIPv6`: the family of the relayed address.
    /// - `isStream`: TCP or TLS: nothing is sent twice, and ChannelData is padded.
    package init(username: String, password: String, wantsIPv6: Bool, isStream: Bool, timings: ICETimings) {
        self.username = username
        self.password = password
        self.wantsIPv6 = wantsIPv6
        self.isStream = isStream
        self.timings = timings
    }

    // MARK: What is asked of it

    /// Asks for the allocation. The first answer is 401 with the realm and a nonce (RFC 8489 §9.2.3).
    package mutating func start(
        using generator: inout some RandomNumberGenerator, now: MonotonicInstant
    ) {
        precondition(state == .idle, "an allocation is asked for once")
        state = .allocating
        request(.allocate, using: &generator, now: now)
    }

    /// Opens a channel to a peer; `.bound` tells when it is, at once where it was.
    package mutating func bind(
        _ peer: SocketAddress, using generator: inout some RandomNumberGenerator, now: MonotonicInstant
    ) {
        guard state == .allocated else { return }
        if let index = peers.firstIndex(where: { $0.address == peer }) {
            peers[index].isWanted = true
            if peers[index].isBound {
                outputs.append(.bound(peer))
            } else if !requests.contains(where: { $0.purpose == .bind(index) }) {
                request(.bind(index), using: &generator, now: now)
            }
        } else if peers.count < TURNChannelData.numbers.count {
            peers.append(Peer(address: peer))
            request(.bind(peers.count - 1), using: &generator, now: now)
        } else {
            outputs.append(.bindFailed(peer, TURNError(.refused, "no channel number is left")))
        }
    }

    /// Asks whether the allocation is still there, where peers have gone silent: a server that was started anew has none,
    /// and drops what is sent through it without a word until it is asked.
    package mutating func probe(using generator: inout some RandomNumberGenerator, now: MonotonicInstant) {
        guard state == .allocated, !requests.contains(where: { $0.purpose == .refresh }) else { return }
        request(.refresh, using: &generator, now: now)
    }

    /// Lets the bindings of all but some peers run out.
    package mutating func keepOnly(_ kept: Set<SocketAddress>) {
        for index in peers.indices { peers[index].isWanted = kept.contains(peers[index].address) }
    }

    /// The channel to a peer, once it is bound.
    package func channel(to peer: SocketAddress) -> UInt16? {
        peers.firstIndex { $0.address == peer && $0.isBound }.map { TURNChannelData.numbers.lowerBound + UInt16($0) }
    }

    /// Sends data to a peer: through its channel, else as an indication, which a permission for its address lets pass.
    package mutating func send(
        _ data: [UInt8], to peer: SocketAddress, using generator: inout some RandomNumberGenerator
    ) {
        guard state == .allocated else { return }
        if let channel = channel(to: peer) {
            outputs.append(.send(TURNChannelData.wrap(data, channel: channel, isPadded: isStream)))
        } else {
            var writer = STUNWriter(
                .indication, .send, STUNMessage.Transaction(using: &generator), capacity: data.count + 64)
            writer.append(.xorPeerAddress, peer)
            writer.append(.data, data)
            outputs.append(.send(writer.finish()))
        }
    }

    /// Gives the allocation back (RFC 8656 §8); nobody waits for the answer.
    package mutating func close(using generator: inout some RandomNumberGenerator, now: MonotonicInstant) {
        guard state != .closed else { return }
        if state == .allocated { request(.refresh, lifetime: 0, using: &generator, now: now) }
        end()
    }

    package mutating func nextOutput() -> Output? {
        guard taken < outputs.count else {
            outputs.removeAll(keepingCapacity: true)
            taken = 0
            return nil
        }
        taken += 1
        return outputs[taken - 1]
    }

    // MARK: What comes in

    /// What the server relays to us.
    package struct Data: Sendable, Hashable {
        package var peer: SocketAddress
        /// Where in the message it is.
        package var range: Range<Int>
    }

    /// Takes ChannelData.
    package func receive(channelData bytes: Span<UInt8>) -> Data? {
        guard state == .allocated, let (channel, range) = TURNChannelData.parse(bytes),
            TURNChannelData.numbers.contains(channel)
        else { return nil }
        let index = Int(channel - TURNChannelData.numbers.lowerBound)
        return index < peers.count ? Data(peer: peers[index].address, range: range) : nil
    }

    /// Whether a response is to a request of this client.
    package func awaits(_ transaction: STUNMessage.Transaction) -> Bool {
        requests.contains { $0.transaction == transaction }
    }

    /// Takes a message of the server.
    /// - Returns: what it relays, if that is what the message is for.
    package mutating func receive(
        _ message: STUNMessage, _ bytes: Span<UInt8>, using generator: inout some RandomNumberGenerator,
        now: MonotonicInstant
    ) -> Data? {
        if message.messageClass == .indication {
            guard message.method == .data, state == .allocated, let peer = message.peerAddress,
                let range = message.data
            else { return nil }
            return Data(peer: peer, range: range)
        }
        guard let index = requests.firstIndex(where: { $0.transaction == message.transaction }) else { return nil }
        let request = requests[index]
        switch message.messageClass {
        case .success:
            // An answer that anybody could have made would let him choose where our data goes.
            guard message.verifies(bytes, key: key) else { return nil }
            requests.remove(at: index)
            succeed(request, message, now: now)
        case .error:
            requests.remove(at: index)
            receiveError(request, message, using: &generator, now: now)
        case .request, .indication: break
        }
        return nil
    }

    private mutating func succeed(_ request: Request, _ message: STUNMessage, now: MonotonicInstant) {
        switch request.purpose {
        case .allocate:
            guard let relayed = message.relayedAddress, let mapped = message.mappedAddress else {
                return fail(TURNError(.protocolViolation, "an allocation without an address (RFC 8656 §7.3)"))
            }
            self.relayed = relayed
            state = .allocated
            refreshAt = now + Self.refreshInterval(message.lifetime)
            outputs.append(.allocated(relayed: relayed, mapped: mapped))
        case .refresh: refreshAt = now + Self.refreshInterval(message.lifetime)
        case .bind(let index):
            let wasBound = peers[index].isBound
            peers[index].isBound = true
            peers[index].bindAgainAt = now + Self.bindInterval
            if !wasBound { outputs.append(.bound(peers[index].address)) }
        }
    }

    private mutating func receiveError(
        _ request: Request, _ message: STUNMessage, using generator: inout some RandomNumberGenerator,
        now: MonotonicInstant
    ) {
        let code = message.errorCode ?? 0
        // 401 asks for credentials that were not given, 438 for a fresher nonce (RFC 8489 §9.2.5).
        if code == 438 || (code == 401 && key.isEmpty), let nonce = message.nonce,
            request.renewals < Self.maximumRenewals,
            let realm = message.realm ?? (key.isEmpty ? nil : self.realm)
        {
            self.nonce = nonce
            if key.isEmpty || realm != self.realm {
                self.realm = realm
                key = STUNIntegrity.longTermKey(
                    username: username, realm: String(decoding: realm, as: UTF8.self), password: password)
            }
            return self.request(
                request.purpose, renewals: request.renewals + 1, using: &generator, now: now)
        }
        if code == 300, request.purpose == .allocate, let alternate = message.alternateServer {
            end()
            outputs.append(.alternate(alternate))
            return
        }
        let error = TURNError(.answer(code), "the server answers \(code) \(message.errorReason ?? "")")
        switch request.purpose {
        case .allocate, .refresh: fail(error)
        case .bind where code == 437: fail(error)
        case .bind(let index): bindFailed(index, error)
        }
    }

    // MARK: Time

    /// When ``handleTimeout(using:now:)`` is due; nil is never.
    package var deadline: MonotonicInstant? {
        guard state != .closed else { return nil }
        var deadline = refreshAt
        func consider(_ instant: MonotonicInstant) { deadline = min(deadline ?? instant, instant) }
        for request in requests {
            consider(request.begun + timings.gatheringTimeout)
            if !isStream { consider(request.sent + request.interval) }
        }
        for peer in peers where peer.isWanted { if let again = peer.bindAgainAt { consider(again) } }
        return deadline
    }

    package mutating func handleTimeout(using generator: inout some RandomNumberGenerator, now: MonotonicInstant) {
        guard state != .closed else { return }
        for var request in requests {
            if now >= request.begun + timings.gatheringTimeout {
                requests.removeAll { $0.transaction == request.transaction }
                timedOut(request)
            } else if !isStream, now >= request.sent + request.interval {
                request.sent = now
                request.interval = min(request.interval * 2, timings.maximumRetransmission)
                if let index = requests.firstIndex(where: { $0.transaction == request.transaction }) {
                    requests[index] = request
                }
                outputs.append(.send(request.bytes))
            }
        }
        if let refreshAt, now >= refreshAt {
            self.refreshAt = nil
            request(.refresh, using: &generator, now: now)
        }
        for index in peers.indices where peers[index].bindAgainAt.map({ now >= $0 }) ?? false {
            peers[index].bindAgainAt = nil
            if peers[index].isWanted {
                request(.bind(index), using: &generator, now: now)
            } else {
                peers[index].isBound = false
            }
        }
    }

    private mutating func timedOut(_ request: Request) {
        let error = TURNError(.timedOut, "the server does not answer")
        switch request.purpose {
        case .allocate, .refresh: fail(error)
        case .bind(let index): bindFailed(index, error)
        }
    }

    private mutating func bindFailed(_ index: Int, _ error: TURNError) {
        peers[index].isBound = false
        outputs.append(.bindFailed(peers[index].address, error))
    }

    private mutating func fail(_ error: TURNError) {
        guard state != .closed else { return }
        end()
        outputs.append(.failed(error))
    }

    private mutating func end() {
        state = .closed
        requests = []
        peers = []
        refreshAt = nil
    }

    // MARK: Requests

    private mutating func request(
        _ purpose: Purpose, lifetime: UInt32? = nil, renewals: Int = 0,
        using generator: inout some RandomNumberGenerator, now: MonotonicInstant
    ) {
        let transaction = STUNMessage.Transaction(using: &generator)
        var writer = STUNWriter(.request, Self.method(purpose), transaction, capacity: 256)
        switch purpose {
        case .allocate:
            writer.append(.requestedTransport, [17, 0, 0, 0])  // UDP
            if wantsIPv6 { writer.append(.requestedAddressFamily, [2, 0, 0, 0]) }
        case .refresh: if let lifetime { writer.append(.lifetime, lifetime) }
        case .bind(let index):
            writer.append(.channelNumber, UInt32(TURNChannelData.numbers.lowerBound + UInt16(index)) << 16)
            writer.append(.xorPeerAddress, peers[index].address)
        }
        if !key.isEmpty {
            writer.append(.username, username)
            writer.append(.realm, realm)
            writer.append(.nonce, nonce)
            writer.sign(key)
        }
        let bytes = writer.finish()
        requests.append(
            Request(
                purpose: purpose, transaction: transaction, bytes: bytes, begun: now, sent: now,
                interval: timings.retransmission * 2, renewals: renewals))
        outputs.append(.send(bytes))
    }

    private static func method(_ purpose: Purpose) -> STUNMessage.Method {
        switch purpose {
        case .allocate: .allocate
        case .refresh: .refresh
        case .bind: .channelBind
        }
    }

    /// A minute before the end, or halfway where there is less than two (RFC 8656 §8 leaves it to the client).
    private static func refreshInterval(_ lifetime: UInt32?) -> Duration {
        let seconds = Int64(lifetime ?? 600)
        return .seconds(max(1, seconds > 120 ? seconds - 60 : seconds / 2))
    }

    /// A permission lasts five minutes, a channel ten; binding again renews both (RFC 8656 §9, §12).
    private static let bindInterval = Duration.seconds(240)
    private static let maximumRenewals = 3
}

import Media

@testable import WebRTC

/// A STUN server.
func addSTUNServer(_ network: SimulatedNetwork, _ address: SocketAddress) {
    network.listen(address) { [unowned network] bytes, source in
        guard let request = try? STUNMessage(parsing: bytes.span), request.messageClass == .request else { return }
        var writer = STUNWriter(.success, .binding, request.transaction)
        writer.append(.xorMappedAddress, source)
        network.send(writer.finish(), from: address, to: source)
    }
}

/// A TURN server (RFC 8656) with one user, written apart from the client: permissions, channels, a nonce that grows stale.
final class SimulatedTURNServer {
    let address: SocketAddress
    /// What the next Allocate is answered with, in place of an allocation.
    var refusal: (code: Int, alternate: SocketAddress?)?
    /// Requests with another nonce are answered with 438.
    var nonce = "nonce-1"
    private(set) var log: [String] = []
    private(set) var allocations: [SocketAddress: Allocation] = [:]
    private let network: SimulatedNetwork
    private let key = STUNIntegrity.longTermKey(username: "user", realm: "example.org", password: "secret")
    private var nextPort: UInt16 = 60_000

    struct Allocation {
        var relayed: SocketAddress
        var permitted: Set<SocketAddress.Host> = []
        var channels: [UInt16: SocketAddress] = [:]
    }

    init(_ network: SimulatedNetwork, _ address: SocketAddress) {
        self.network = network
        self.address = address
        network.listen(address) { [unowned self] bytes, source in receive(bytes, source) }
    }

    static func server(_ address: SocketAddress) -> ICEServer {
        try! ICEServer(urls: ["turn:\(address)"], username: "user", credential: "secret")
    }

    /// Starts anew, without what it had, and with another nonce.
    func restart() {
        for allocation in allocations.values { network.silence(allocation.relayed) }
        allocations = [:]
        nonce += "+"
    }

    private func receive(_ bytes: [UInt8], _ client: SocketAddress) {
        if let (channel, range) = TURNChannelData.parse(bytes.span) {
            guard let allocation = allocations[client], let peer = allocation.channels[channel] else { return }
            network.send(Array(bytes[range]), from: allocation.relayed, to: peer)
            return
        }
        guard let message = try? STUNMessage(parsing: bytes.span) else { return }
        if message.messageClass == .indication {
            guard let allocation = allocations[client], let peer = message.peerAddress, let data = message.data,
                allocation.permitted.contains(peer.host)
            else { return }
            log.append("send")
            network.send(Array(bytes[data]), from: allocation.relayed, to: peer)
        } else {
            answer(message, bytes, client)
        }
    }

    private func answer(_ request: STUNMessage, _ bytes: [UInt8], _ client: SocketAddress) {
        guard request.verifies(bytes.span, key: key) else { return refuse(request, client, 401) }
        guard request.nonce == Array(nonce.utf8) else { return refuse(request, client, 438) }
        if request.method == .allocate, let refusal {
            self.refusal = nil
            return refuse(request, client, refusal.code, refusal.alternate)
        }
        var writer = STUNWriter(.success, request.method, request.transaction)
        switch request.method {
        case .allocate:
            log.append("allocate")
            let relayed = SocketAddress(host: address.host, port: nextPort)
            nextPort += 1
            allocations[client] = Allocation(relayed: relayed)
            network.listen(relayed) { [unowned self] bytes, peer in relay(bytes, peer, client) }
            writer.append(.xorRelayedAddress, relayed)
            writer.append(.xorMappedAddress, client)
            writer.append(.lifetime, UInt32(600))
        case .refresh:
            guard allocations[client] != nil else { return refuse(request, client, 437) }
            log.append(request.lifetime == 0 ? "release" : "refresh")
            if request.lifetime == 0 { allocations[client] = nil }
            writer.append(.lifetime, request.lifetime ?? 600)
        case .channelBind:
            guard allocations[client] != nil else { return refuse(request, client, 437) }
            guard let peer = request.peerAddress, let channel = request.channel else {
                return refuse(request, client, 400)
            }
            log.append("bind")
            allocations[client]?.channels[channel] = peer
            allocations[client]?.permitted.insert(peer.host)
        default: return refuse(request, client, 400)
        }
        writer.sign(key)
        network.send(writer.finish(), from: address, to: client)
    }

    private func refuse(
        _ request: STUNMessage, _ client: SocketAddress, _ code: Int, _ alternate: SocketAddress? = nil
    ) {
        log.append("\(code)")
        var writer = STUNWriter(.error, request.method, request.transaction)
        writer.append(errorCode: code, reason: "No")
        writer.append(.realm, "example.org")
        writer.append(.nonce, nonce)
        if let alternate { writer.append(.alternateServer, alternate) }
        network.send(writer.finish(), from: address, to: client)
    }

    private func relay(_ bytes: [UInt8], _ peer: SocketAddress, _ client: SocketAddress) {
        guard let allocation = allocations[client], allocation.permitted.contains(peer.host) else { return }
        if let channel = allocation.channels.first(where: { $0.value == peer })?.key {
            let message = TURNChannelData.wrap(bytes, channel: channel, isPadded: false)
            network.send(message, from: address, to: client)
        } else {
            var writer = STUNWriter(.indication, .data, STUNMessage.Transaction(high: 1, low: 2))
            writer.append(.xorPeerAddress, peer)
            writer.append(.data, bytes)
            network.send(writer.finish(fingerprint: false), from: address, to: client)
        }
    }
}

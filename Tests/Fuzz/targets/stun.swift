import Media

@testable import WebRTC

/// Any bytes: as a message, as a stream from a TURN server, and as datagrams to an agent that is connected.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSTUN(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    if let message = try? STUNMessage(parsing: bytes.span) {
        _ = message.verifies(bytes.span, key: [1, 2, 3])
        if let data = message.data { _ = bytes[data] }
    }
    if let (_, data) = TURNChannelData.parse(bytes.span) { _ = bytes[data] }
    checkStream(bytes)
    checkAgent(bytes)
    return 0
}

/// The first byte says how large the pieces are; however they are, the same messages come out.
private func checkStream(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let stream = Array(bytes.dropFirst())
    precondition(messages(stream, piece: stream.count) == messages(stream, piece: Int(first) + 1), "cut anywhere")
}

private func messages(_ stream: [UInt8], piece: Int) -> [[UInt8]] {
    var reader = TURNStreamReader()
    var messages: [[UInt8]] = []
    for start in stride(from: 0, to: stream.count, by: max(1, piece)) {
        reader.append(stream[start..<min(stream.count, start + max(1, piece))].span)
        do throws(TURNError) {
            while let range = try reader.next() { messages.append(Array(reader.bytes[range])) }
        } catch {
            return messages
        }
    }
    return messages
}

private struct Generator: RandomNumberGenerator, Sendable {
    var state: UInt64 = 1
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state
    }
}

private let ours = SocketAddress(ip: "192.0.2.1", port: 1)!
private let peers = SocketAddress(ip: "192.0.2.2", port: 2)!
private let turn = SocketAddress(ip: "192.0.2.3", port: 3478)!
private let start = MonotonicInstant(nanoseconds: 1_000_000_000)

/// An agent with a STUN and a TURN server over UDP and a TURN server over TCP, whose checks are under way.
private let prepared: ICEAgent = {
    let server = try! ICEServer(
        urls: ["stun:\(turn)", "turn:\(turn)", "turn:\(turn)?transport=tcp"], username: "u", credential: "c")
    var agent = ICEAgent(role: .controlling, servers: [server], generator: Generator())
    agent.addBase(0, address: ours, preference: 255, now: start)
    agent.streamOpened(1, now: start)
    agent.setRemote(ICECredentials(ufrag: "abcd", password: "efghijklmnopqrstuvwxyz"), isLite: false, now: start)
    agent.addRemote(ICECandidate(foundation: "1", priority: 1, address: .ip(peers), kind: .host), now: start)
    while agent.nextAction() != nil {}
    return agent
}()

private func checkAgent(_ bytes: [UInt8]) {
    var agent = prepared
    for source in [peers, turn, SocketAddress(ip: "198.51.100.1", port: 9)!] {
        let reception = agent.receive(bytes.span, from: source, on: 0, now: start + .milliseconds(1))
        if case .payload(let range) = reception {
            precondition(source == peers && range == 0..<bytes.count, "only the peer's data is data")
        }
    }
    agent.receiveStream(bytes.span, id: 1, now: start + .milliseconds(1)) { _ in
        fatalError("there is no allocation that data could come from")
    }
    precondition(agent.state == .checking && agent.selected == nil && agent.role == .controlling, "nothing was signed")
    var actions = 0
    while agent.nextAction() != nil { actions += 1 }
    precondition(actions <= 16, "an answer to each message at most")
    agent.handleTimeout(now: start + .seconds(1))
}

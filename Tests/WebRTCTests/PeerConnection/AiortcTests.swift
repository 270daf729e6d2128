import Foundation
import Media
import RTP
import Synchronization
import Testing

@testable import WebRTC

/// With a peer that is not ours (Debian's python3-aiortc), directly on loopback.
@Suite("Peer connection and aiortc", .timeLimit(.minutes(1)), .enabled(if: AiortcPeer.isInstalled))
struct AiortcTests {
    @Test("sound and pictures both ways, whoever offers", arguments: ["answer", "offer"])
    func exchange(role: String) async throws {
        let loop = NetworkLoop()
        let peer = try TestPeer(loop)
        let aiortc = try AiortcPeer(role)
        let mids: [String]
        if role == "answer" {
            mids = [peer.connection.addTransceiver(.audio), peer.connection.addTransceiver(.video)]
            try aiortc.say(peer.connection.makeOffer())
            try peer.connection.acceptAnswer(#require(await aiortc.next("sdp")))
        } else {
            let tracks = try peer.connection.acceptOffer(#require(await aiortc.next("sdp")))
            mids = tracks.map(\.mid)
            for mid in mids { try peer.connection.setDirection(.sendReceive, of: mid) }
            try aiortc.say(peer.connection.makeAnswer())
        }
        await peer.isConnected()
        // An Opus frame of silence every packet (RFC 6716 §3.1).
        for number in 0..<20 as Range<UInt16> {
            peer.connection.send(packet(111, number, [0xF8, 0xFF, 0xFE]), mid: mids[0])
        }
        #expect(await aiortc.next("received") == "audio")
        await peer.waits { record in mids.allSatisfy { mid in record.packets.contains { $0.mid == mid } } }
        #expect(Set(peer.seen.packets.map(\.packet.payloadType)) == [111, 96])
        let statistics = peer.connection.statistics
        print(
            "aiortc: \(statistics.protectionProfile ?? "-"), connected after \(statistics.timeToConnected!.milliseconds) ms"
        )
        #expect(statistics.unauthenticated == 0 && statistics.replayed == 0)
        aiortc.end()
        await peer.waits { $0.failure?.code == .closedByPeer }
        await peer.connection.close()
        await loop.close()
    }
}

/// The process behind Peers/aiortc_peer.py.
final class AiortcPeer {
    private let process = Process()
    private let input = Pipe()
    private let messages: AsyncStream<[String: String]>

    static let isInstalled: Bool = {
        let check = Process()
        check.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        check.arguments = ["python3", "-c", "import aiortc"]
        check.standardError = FileHandle.nullDevice
        guard (try? check.run()) != nil else { return false }
        check.waitUntilExit()
        return check.terminationStatus == 0
    }()

    init(_ role: String) throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Peers/aiortc_peer.py")
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script.path, role]
        process.standardInput = input
        let output = Pipe()
        process.standardOutput = output
        let (messages, continuation) = AsyncStream<[String: String]>.makeStream()
        self.messages = messages
        let pending = Mutex(Data())
        output.fileHandleForReading.readabilityHandler = { handle in
            let data = handle.availableData
            guard !data.isEmpty else {
                handle.readabilityHandler = nil
                continuation.finish()
                return
            }
            pending.withLock { pending in
                pending += data
                while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                    let line = pending[pending.startIndex..<end]
                    pending = Data(pending[pending.index(after: end)...])
                    if let message = try? JSONDecoder().decode([String: String].self, from: line) {
                        continuation.yield(message)
                    }
                }
            }
        }
        try process.run()
    }

    /// The value of the next message with a key; nil when the peer has ended.
    func next(_ key: String) async -> String? {
        for await message in messages {
            if let value = message[key] { return value }
        }
        return nil
    }

    func say(_ sdp: String) throws {
        let line = try JSONEncoder().encode(["sdp": sdp]) + Data([UInt8(ascii: "\n")])
        try input.fileHandleForWriting.write(contentsOf: line)
    }

    /// Has the peer close its connection, and end.
    func end() { try? input.fileHandleForWriting.close() }
}

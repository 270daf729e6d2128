import CTestSupport
import Foundation
import Media
import RTP
import Synchronization
import Testing

@testable import WebRTC

@Suite("Peer connection, endurance", .timeLimit(.minutes(5)), .serialized)
struct PeerConnectionEnduranceTests {
    private func entries(_ folder: String) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: folder).count
    }

    @Test("three hundred connections leave no descriptor, thread or memory behind")
    func cycles() async throws {
        let loop = NetworkLoop()
        var times: [Double] = []
        var before = (files: 0, threads: 0, heap: Int64(0))
        for cycle in 0..<300 {
            let offerer = try TestPeer(loop)
            let answerer = try TestPeer(loop)
            let audio = offerer.connection.addTransceiver(.audio)
            try answerer.connection.acceptOffer(offerer.connection.makeOffer())
            try offerer.connection.acceptAnswer(answerer.connection.makeAnswer())
            await offerer.isConnected()
            await answerer.isConnected()
            offerer.connection.send(packet(111, 1, [1]), mid: audio)
            await answerer.waits { !$0.packets.isEmpty }
            times.append(offerer.connection.statistics.timeToConnected!.milliseconds)
            await offerer.connection.close()
            await answerer.connection.close()
            // The first ones fill caches and the allocator's arenas.
            if cycle == 49 {
                before = (try entries("/proc/self/fd"), try entries("/proc/self/task"), test_heap_in_use())
            }
        }
        let heap = test_heap_in_use()
        #expect(try entries("/proc/self/fd") <= before.files)
        #expect(try entries("/proc/self/task") <= before.threads + 1)
        #expect(heap - before.heap < 250 * 1024, "\(heap - before.heap) bytes over 250 connections")
        times.sort()
        print(
            "offer to keys: median \(times[150]), p95 \(times[285]), longest \(times[299]) ms; heap grew by \(heap - before.heap)"
        )
        await loop.close()
    }

    @Test(
        "a steady stream allocates nothing to be sent and to be received, beside what libsrtp does",
        .enabled(if: test_allocations(0) >= 0))
    func allocations() async throws {
        let counter = AllocationCounter()
        let loop = NetworkLoop()
        let sender = try TestPeer(loop)
        var configuration = PeerConnectionConfiguration(loop: loop)
        configuration.isLoopbackOnly = true
        let receiver = try PeerConnection(configuration) { _ in
        } onPacket: { _, _ in
            counter.note()
        }
        let audio = sender.connection.addTransceiver(.audio)
        try receiver.acceptOffer(sender.connection.makeOffer())
        try sender.connection.acceptAnswer(receiver.makeAnswer())
        await sender.isConnected()

        let packets = (0..<4000).map { packet(111, UInt16($0), [UInt8](repeating: 1, count: 80)) }
        var sent: Int64 = 0
        for start in stride(from: 0, to: 4000, by: 20) {
            let before = test_allocations(0)
            for packet in packets[start..<start + 20] { sender.connection.send(packet, mid: audio) }
            if start >= 1000 { sent += test_allocations(0) - before }
            await counter.waits(for: start + 20)
        }
        let received = counter.allocations(fromPacket: 1000)
        let (protecting, opening) = try libraryAllocations(packets.map { try $0.serialized() })
        print("allocations a packet: sent \(Double(sent) / 3000), of them libsrtp's \(protecting)")
        print("allocations a packet: received \(received), of them libsrtp's \(opening)")
        // Unoptimised code allocates for coroutines that are inlined otherwise.
        #expect(Double(sent) / 3000 - protecting < Self.tolerance)
        // Now and then there is a message of feedback, by time and not by packet.
        #expect(received - opening < Self.tolerance + 0.4)
        await sender.connection.close()
        await receiver.close()
        await loop.close()
    }

    #if DEBUG
        private static let tolerance = 40.0
    #else
        private static let tolerance = 0.1
    #endif

    /// What protecting and opening a packet allocates within libsrtp: Debian's encrypts by NSS.
    private func libraryAllocations(_ packets: [[UInt8]]) throws -> (protecting: Double, opening: Double) {
        let key = [UInt8](repeating: 1, count: 28)
        var protection = try MediaProtection(SRTPKeys(profile: .aeadAES128GCM, local: key, remote: key))
        var counts: (Int64, Int64) = (0, 0)
        var storage = [UInt8](repeating: 0, count: 2048)
        for packet in packets {
            storage.replaceSubrange(0..<packet.count, with: packet)
            unsafe storage.withUnsafeMutableBufferPointer { bytes in
                let before = test_allocations(0)
                let count = unsafe protection.protect(bytes, count: packet.count, isControl: false)
                let between = test_allocations(0)
                _ = unsafe protection.unprotect(
                    UnsafeMutableBufferPointer(rebasing: bytes[..<count!]), isControl: false)
                counts = (counts.0 + between - before, counts.1 + test_allocations(0) - between)
            }
        }
        return (Double(counts.0) / Double(packets.count), Double(counts.1) / Double(packets.count))
    }
}

/// Counts what the thread of a callback has allocated from packet to packet.
private final class AllocationCounter: Sendable {
    private struct State {
        var counts: [Int64] = []
        var waiter: (count: Int, resume: CheckedContinuation<Void, Never>)?
    }

    private let state: Mutex<State>

    init() {
        var initial = State()
        initial.counts.reserveCapacity(5000)
        state = Mutex(initial)
    }

    func note() {
        let met: CheckedContinuation<Void, Never>? = state.withLock { state in
            state.counts.append(test_allocations(0))
            guard let waiter = state.waiter, state.counts.count >= waiter.count else { return nil }
            state.waiter = nil
            return waiter.resume
        }
        met?.resume()
    }

    func waits(for count: Int) async {
        await withCheckedContinuation { continuation in
            let isMet = state.withLock { state in
                if state.counts.count < count { state.waiter = (count, continuation) }
                return state.counts.count >= count
            }
            if isMet { continuation.resume() }
        }
    }

    /// The mean, from a packet on.
    func allocations(fromPacket first: Int) -> Double {
        state.withLock { state in
            let packets = state.counts.count - 1 - first
            return Double(state.counts[first + packets] - state.counts[first]) / Double(packets)
        }
    }
}

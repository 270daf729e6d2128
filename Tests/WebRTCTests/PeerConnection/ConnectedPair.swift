import Media
import RTP
import Synchronization
import Testing

@testable import WebRTC

/// One side of a pair, with what it was told.
final class TestPeer: Sendable {
    struct Record: Sendable {
        var events: [PeerConnectionEvent] = []
        var packets: [(mid: String, packet: RTPPacket)] = []
        var waiters: [(isMet: @Sendable (Record) -> Bool, resume: CheckedContinuation<Void, Never>)] = []

        var states: [PeerConnectionState] {
            events.compactMap { if case .state(let state) = $0 { state } else { nil } }
        }
        var failure: PeerConnectionError? {
            for case .failed(let error) in states { return error }
            return nil
        }
        var tracks: [RemoteTrack] {
            events.compactMap { if case .remoteTrack(let track) = $0 { track } else { nil } }
        }
    }

    let connection: PeerConnection
    private let record: RecordBox

    private final class RecordBox: Sendable {
        let record = Mutex(Record())

        func giveUp() {
            Issue.record("waited in vain; told: \(record.withLock { $0.events })")
            let waiters = record.withLock { record in
                defer { record.waiters = [] }
                return record.waiters.map(\.resume)
            }
            for waiter in waiters { waiter.resume() }
        }

        func change(_ body: (inout Record) -> Void) {
            let met = record.withLock { record in
                body(&record)
                let waiters = record.waiters
                record.waiters = []
                let state = record
                record.waiters = waiters.filter { !$0.isMet(state) }
                return waiters.filter { $0.isMet(state) }.map(\.resume)
            }
            for waiter in met { waiter.resume() }
        }
    }

    init(_ loop: NetworkLoop, configure: (inout PeerConnectionConfiguration) -> Void = { _ in }) throws {
        var configuration = PeerConnectionConfiguration(loop: loop)
        configuration.isLoopbackOnly = true
        configure(&configuration)
        let record = RecordBox()
        self.record = record
        connection = try PeerConnection(configuration) { event in
            record.change { $0.events.append(event) }
        } onPacket: { mid, packet in
            record.change { $0.packets.append((mid, packet)) }
        }
    }

    var seen: Record { record.record.withLock { $0 } }

    /// Returns once what was told meets a condition; or when the test's time is up, as a failure.
    func waits(until isMet: @escaping @Sendable (Record) -> Bool) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                record.change { $0.waiters.append((isMet, continuation)) }
            }
        } onCancel: {
            record.giveUp()
        }
    }

    func isConnected() async { await waits { $0.states.contains(.connected) } }
}

/// Two connections of this process, over loopback.
struct ConnectedPair {
    let loop: NetworkLoop
    let offerer: TestPeer
    let answerer: TestPeer

    init(offerer configure: (inout PeerConnectionConfiguration) -> Void = { _ in }) throws {
        loop = NetworkLoop()
        offerer = try TestPeer(loop, configure: configure)
        answerer = try TestPeer(loop)
    }

    /// One round of offer and answer; the answerer sends what it receives too.
    func negotiate(iceRestart: Bool = false, answererSends: Bool = true) throws {
        let offer = try offerer.connection.makeOffer(iceRestart: iceRestart)
        let tracks = try answerer.connection.acceptOffer(offer)
        if answererSends {
            for track in tracks where track.isActive {
                try answerer.connection.setDirection(.sendReceive, of: track.mid)
            }
        }
        try offerer.connection.acceptAnswer(answerer.connection.makeAnswer())
    }

    func connect() async throws {
        try negotiate()
        await offerer.isConnected()
        await answerer.isConnected()
    }

    func close() async {
        await offerer.connection.close()
        await answerer.connection.close()
        await loop.close()
    }
}

func packet(_ payloadType: UInt8, _ number: UInt16, _ payload: [UInt8], ssrc: SSRC = 77) -> RTPPacket {
    RTPPacket(
        payloadType: payloadType, sequenceNumber: SequenceNumber(rawValue: number),
        timestamp: RTPTimestamp(rawValue: UInt32(number) * 960), ssrc: ssrc, payload: payload)
}

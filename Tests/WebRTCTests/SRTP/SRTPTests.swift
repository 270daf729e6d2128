import Foundation
import RTP
import Testing

@testable import WebRTC

@Suite("SRTP")
struct SRTPTests {
    private func pair(_ profile: SRTPProfile) throws -> (MediaProtection, MediaProtection) {
        let count = profile.keyCount + profile.saltCount
        let keys = [UInt8(1), 2].map { [UInt8](repeating: $0, count: count) }
        return (
            try MediaProtection(SRTPKeys(profile: profile, local: keys[0], remote: keys[1])),
            try MediaProtection(SRTPKeys(profile: profile, local: keys[1], remote: keys[0]))
        )
    }

    private func protect(_ protection: inout MediaProtection, _ bytes: [UInt8], isControl: Bool = false) -> [UInt8]? {
        var storage = bytes + [UInt8](repeating: 0, count: SRTPSession.trailerCount)
        let count = unsafe storage.withUnsafeMutableBufferPointer {
            unsafe protection.protect($0, count: bytes.count, isControl: isControl)
        }
        return count.map { Array(storage.prefix($0)) }
    }

    private func open(_ protection: inout MediaProtection, _ bytes: [UInt8], isControl: Bool = false) -> [UInt8]? {
        var storage = bytes
        let count = unsafe storage.withUnsafeMutableBufferPointer {
            unsafe protection.unprotect($0, isControl: isControl)
        }
        return count.map { Array(storage.prefix($0)) }
    }

    private static let receiverReport: [UInt8] = [0x80, 201, 0, 1, 0, 0, 0, 77]

    @Test("a packet is opened once: replayed it is refused, and counted", arguments: SRTPProfile.allCases)
    func replay(profile: SRTPProfile) throws {
        var (sender, receiver) = try pair(profile)
        let plain = try packet(111, 5, [1, 2, 3]).serialized()
        let sealed = try #require(protect(&sender, plain))
        #expect(sealed.count == plain.count + (profile == .aeadAES128GCM ? 16 : 10))
        #expect(open(&receiver, sealed) == plain)
        #expect(open(&receiver, sealed) == nil)
        #expect(receiver.replayed == 1 && receiver.unauthenticated == 0)
        let control = try #require(protect(&sender, Self.receiverReport, isControl: true))
        #expect(open(&receiver, control, isControl: true) == Self.receiverReport)
        #expect(open(&receiver, control, isControl: true) == nil)
        #expect(receiver.replayed == 2)
    }

    @Test("a packet that was changed, or is of another key, is refused", arguments: SRTPProfile.allCases)
    func forged(profile: SRTPProfile) throws {
        var (sender, receiver) = try pair(profile)
        let sealed = try #require(protect(&sender, try packet(111, 5, [1, 2, 3]).serialized()))
        for index in sealed.indices {
            var forged = sealed
            forged[index] ^= 0x40
            #expect(open(&receiver, forged) == nil, "byte \(index)")
        }
        #expect(open(&sender, sealed) == nil)
        #expect(receiver.unauthenticated == Int64(sealed.count) && sender.unauthenticated == 1)
        for count in 0..<sealed.count { #expect(open(&receiver, Array(sealed.prefix(count))) == nil) }
        #expect(open(&receiver, sealed) != nil)
    }

    @Test("under GCM no number is used twice; in counter mode a packet may be repeated")
    func repetition() throws {
        let plain = try packet(96, 5, [1, 2, 3]).serialized()
        var (gcm, _) = try pair(.aeadAES128GCM)
        #expect(protect(&gcm, plain) != nil)
        #expect(protect(&gcm, plain) == nil)
        var (counter, _) = try pair(.aes128CMSHA1Tag80)
        #expect(protect(&counter, plain) == protect(&counter, plain))
    }

    @Test(
        "RTCP is told from RTP by its packet type",
        arguments: [(200, true), (207, true), (96, false), (0x80 | 111, false)])
    func control(second: Int, isControl: Bool) {
        var bytes: [UInt8] = [0x80, UInt8(second)]
        #expect(unsafe bytes.withUnsafeMutableBufferPointer { unsafe MediaProtection.isControl($0) } == isControl)
    }

    @Test("the cipher library stays in memory when the last session ends: a join does not load it anew")
    func cipherLibrary() throws {
        func libraries() throws -> Set<Substring> {
            let maps = try String(contentsOfFile: "/proc/self/maps", encoding: .utf8)
            return Set(
                maps.split(separator: "\n").compactMap { $0.split(separator: " ").last }.filter { $0.contains(".so") })
        }
        var during: Set<Substring> = []
        do {
            let protection = try pair(.aeadAES128GCM)
            during = try libraries()
            withExtendedLifetime(protection) {}
        }
        #expect(try libraries().isSuperset(of: during))
    }
}

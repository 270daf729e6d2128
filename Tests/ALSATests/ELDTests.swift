import Testing

@testable import ALSA

@Suite("What a monitor tells of itself")
struct ELDTests {
    /// ELD of version 2 with a name of seven letters, as the kernel's ELD control gives it.
    private static let screen: [UInt8] =
        [0x10, 0, 8, 0, 0x67, 0x10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x1E, 0x6D, 0x07, 0x77] + Array("LG HDR4".utf8)
        + Array(repeating: 0, count: 64)

    @Test("The name is read")
    func name() { #expect(ELD(Self.screen)?.monitor == "LG HDR4") }

    @Test("Without a monitor, and of what is no ELD, nothing is read and nothing traps")
    func none() {
        #expect(ELD([]) == nil)
        #expect(ELD(Array(repeating: 0, count: 256)) == nil)
        #expect(ELD(Array(repeating: 0xFF, count: 256)) == nil)
        for length in 0..<27 { #expect(ELD(Array(Self.screen.prefix(length))) == nil) }
    }
}

import Codecs
import Foundation
import Testing

@Suite("WAV files")
struct WAVFileTests {
    private func temporaryPath() -> String {
        FileManager.default.temporaryDirectory.appending(path: "reprise-\(UUID().uuidString).wav").path
    }

    @Test("A file holds the header of RIFF and the samples in little-endian order", arguments: [1, 2])
    func contents(channels: Int) throws {
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        var file = try WAVFile(path: path, rate: 48_000, channels: channels)
        let samples: [Int16] = [0, 1, -1, 32767, -32768, 258]
        try file.write(samples.span)
        #expect(file.sampleFrames == Int64(6 / channels))
        try file.close()
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let header: [UInt8] = [
            0x52, 0x49, 0x46, 0x46, 48, 0, 0, 0, 0x57, 0x41, 0x56, 0x45, 0x66, 0x6D, 0x74, 0x20, 16, 0, 0, 0, 1, 0,
            UInt8(channels), 0, 0x80, 0xBB, 0, 0, 0, UInt8(channels == 1 ? 0x77 : 0xEE), UInt8(channels), 0,
            UInt8(2 * channels), 0, 16, 0, 0x64, 0x61, 0x74, 0x61, 12, 0, 0, 0,
        ]
        #expect(Array(bytes.prefix(28)) == Array(header.prefix(28)))
        let byteRate = bytes[28..<32].reversed().reduce(0) { $0 << 8 | Int($1) }
        #expect(byteRate == 96_000 * channels)
        #expect(Array(bytes[32..<44]) == Array(header[32..<44]))
        #expect(Array(bytes[44...]) == [0, 0, 1, 0, 255, 255, 255, 127, 0, 128, 2, 1])
    }

    @Test("A long recording is written as it goes, and its lengths are right")
    func long() throws {
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        var file = try WAVFile(path: path, channels: 1)
        let second = [Int16](repeating: 7, count: 48_000)
        for _ in 0..<5 { try file.write(second.span) }
        let sizeMeanwhile = try Data(contentsOf: URL(fileURLWithPath: path)).count
        #expect(sizeMeanwhile > 400_000)
        try file.close()
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        #expect(bytes.count == 44 + 480_000)
        #expect(bytes[40..<44].reversed().reduce(0) { $0 << 8 | Int($1) } == 480_000)
        #expect(bytes[4..<8].reversed().reduce(0) { $0 << 8 | Int($1) } == 480_036)
    }

    @Test("A full disk is told at once, with what to do")
    func fullDisk() {
        let error = codecError { () throws(CodecError) in _ = try WAVFile(path: "/dev/full", channels: 1) }
        #expect(error?.code == .fileNotWritten)
        #expect(error?.description.contains("No space left on device") == true)
        #expect(error?.advice?.contains("Make room") == true)
    }

    @Test(
        "A path that cannot be written is an error that says why",
        arguments: [
            ("/nowhere/at/all.wav", "No such file or directory"), ("/tmp", "Is a directory"),
        ])
    func badPath(path: String, reason: String) {
        let error = codecError { () throws(CodecError) in _ = try WAVFile(path: path, channels: 1) }
        #expect(error?.code == .fileNotWritten)
        #expect(error?.operation == "open(\(path))")
        #expect(error?.reason == reason)
    }

    @Test("Impossible forms are refused", arguments: [(0, 1), (-1, 1), (48_000, 0), (48_000, 70_000)])
    func badForm(rate: Int, channels: Int) {
        let error = codecError { () throws(CodecError) in
            _ = try WAVFile(path: "/dev/null", rate: rate, channels: channels)
        }
        #expect(error?.code == .invalidArgument)
    }

    @Test("What has no beginning to go back to is written all the same")
    func noSeeking() throws {
        var file = try WAVFile(path: "/dev/null", channels: 1)
        let samples = [Int16](repeating: 1, count: 100)
        try file.write(samples.span)
        try file.close()
    }
}

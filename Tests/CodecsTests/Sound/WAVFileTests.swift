import Codecs
import Foundation
import Media
import Testing

@Suite("WAV files")
struct WAVFileTests {
    private let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).wav").path

    private func bytes() throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

    private func number(_ bytes: [UInt8], at offset: Int, _ count: Int) -> Int {
        (0..<count).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }

    @Test("hold what was appended, with its format and length in the header", arguments: [(48_000, 1), (44_100, 2)])
    func wholeFile(rate: Int, channels: Int) throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = try WAVFile(path, format: AudioFormat(rate: rate, channels: channels))
        try file.append([1, -2, 258, Int16.min])
        try file.append([Int16.max, 0])
        try file.finish()
        let bytes = try bytes()
        #expect(bytes.count == 44 + 12)
        #expect(String(decoding: bytes[0..<4], as: UTF8.self) == "RIFF")
        #expect(number(bytes, at: 4, 4) == bytes.count - 8)
        #expect(String(decoding: bytes[8..<16], as: UTF8.self) == "WAVEfmt ")
        #expect(number(bytes, at: 20, 2) == 1)
        #expect(number(bytes, at: 22, 2) == channels)
        #expect(number(bytes, at: 24, 4) == rate)
        #expect(number(bytes, at: 28, 4) == rate * channels * 2)
        #expect(number(bytes, at: 32, 2) == channels * 2)
        #expect(number(bytes, at: 34, 2) == 16)
        #expect(number(bytes, at: 40, 4) == 12)
        #expect(Array(bytes[44...]) == [1, 0, 0xFE, 0xFF, 2, 1, 0, 0x80, 0xFF, 0x7F, 0, 0])
        #expect(file.sampleFrames == Int64(6 / channels))
    }

    @Test("can be played before they are finished, up to the last ten seconds")
    func unfinishedFile() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = try WAVFile(path, format: AudioFormat(rate: 8000))
        for _ in 0..<11 { try file.append([Int16](repeating: 1, count: 8000)) }
        #expect(number(try bytes(), at: 40, 4) == 11 * 16_000)
    }

    @Test("on a full disk throw, naming the file and the reason")
    func fullDisk() {
        let error = #expect(throws: CodecError.self) { try WAVFile("/dev/full", format: AudioFormat()) }
        #expect(error?.code == .fileNotWritten)
        #expect(error?.description.contains("write(/dev/full): No space left on device") == true)
    }

    @Test("in a folder that is not there throw")
    func missingFolder() {
        let error = #expect(throws: CodecError.self) { try WAVFile("/nowhere/a.wav", format: AudioFormat()) }
        #expect(error?.description == "open(/nowhere/a.wav): No such file or directory. Make the folder first")
    }
}

import Foundation
import Media
import Testing

@testable import Codecs

@Suite("Snapshots")
final class ImageFileTests {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func bytes(_ name: String) throws -> [UInt8] {
        try Array(Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))
    }

    @Test("A JPEG snapshot shows the picture", arguments: ["a.jpg", "b.jpeg", "c.JPG"])
    func jpeg(_ name: String) throws {
        try ImageFile.write(halves(64, 48, .red, .white), to: folder + "/" + name)
        let back = try PixelConverter().convert(frame(.mjpeg, 64, 48, [(try bytes(name), 0)]))
        #expect(YUV(back, 4, 4).isNear(.red, by: 4))
        #expect(YUV(back, 60, 40).isNear(.white, by: 4))
    }

    @Test("A PNG snapshot has the signature, the size and RGB pixels")
    func png() throws {
        try ImageFile.write(halves(65, 33, .red, .white), to: folder + "/a.png")
        let bytes = try bytes("a.png")
        #expect(bytes.prefix(8) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
        // IHDR: width, height, 8 bits, colour type 2 (RGB).
        #expect(Array(bytes[16..<26]) == [0, 0, 0, 65, 0, 0, 0, 33, 8, 2])
    }

    @Test("A snapshot replaces an older, longer one")
    func replaces() throws {
        try Data(repeating: 1, count: 1_000_000).write(to: URL(fileURLWithPath: folder + "/a.jpg"))
        try ImageFile.write(halves(16, 16, .red, .white), to: folder + "/a.jpg")
        #expect(try bytes("a.jpg").count < 10_000)
    }

    @Test("Another extension is refused before anything is written", arguments: ["a.gif", "a", ".png", "a.", "jpg/"])
    func extensions(_ name: String) throws {
        guard name != ".png" else { return try ImageFile.check(path: name) }
        let error = #expect(throws: CodecError.self) {
            try ImageFile.write(halves(16, 16, .red, .white), to: folder + "/" + name)
        }
        #expect(error?.code == .unsupported)
        #expect(error?.description.contains("Use .jpg, .jpeg or .png") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }

    @Test("A folder that is not there is named")
    func noFolder() throws {
        let error = #expect(throws: CodecError.self) {
            try ImageFile.write(halves(16, 16, .red, .white), to: folder + "/none/a.jpg")
        }
        #expect(error?.code == .fileNotWritten)
        #expect(error?.description == "open(\(folder)/none/a.jpg): No such file or directory. Make the folder first")
    }

    @Test("A full disk is told", arguments: ["full.jpg", "full.png"])
    func fullDisk(_ name: String) throws {
        try FileManager.default.createSymbolicLink(atPath: folder + "/" + name, withDestinationPath: "/dev/full")
        let error = #expect(throws: CodecError.self) {
            try ImageFile.write(halves(16, 16, .red, .white), to: folder + "/" + name)
        }
        #expect(error?.code == .fileNotWritten)
        #expect(error?.description.contains("No space left on device") == true)
    }

    @Test("A folder in the place of the file is told")
    func folderInPlace() throws {
        let error = #expect(throws: CodecError.self) {
            try FileManager.default.createDirectory(atPath: folder + "/d.png", withIntermediateDirectories: true)
            try ImageFile.write(halves(16, 16, .red, .white), to: folder + "/d.png")
        }
        #expect(error?.description.contains("Is a directory") == true)
    }
}

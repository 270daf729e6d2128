import Foundation
import Testing

@Suite("README")
struct ReadmeTests {
    @Test("The example of the README is the one that the compiler has read")
    func exampleIsCompiled() throws {
        let tests = URL(filePath: #filePath).deletingLastPathComponent()
        let source = try lines(tests.appending(path: "ReadmeExample.swift"))
        let readme = try lines(tests.appending(path: "../../README.md"))
        let begin = try #require(readme.firstIndex(of: "```swift"))
        let end = try #require(readme[(begin + 1)...].firstIndex(of: "```"))
        let shown = readme[(begin + 1)..<end].filter { !$0.isEmpty && !$0.hasPrefix("import") }
        let open = try #require(source.firstIndex { $0.hasPrefix("func readmeExample()") })
        let compiled = source[(open + 1)...].prefix { $0 != "}" }.map { String($0.dropFirst(4)) }
        #expect(Array(shown) == compiled)
    }

    private func lines(_ file: URL) throws -> [String] {
        try String(contentsOf: file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false).map(
            String.init)
    }
}

/// Cuts text into lines `x=value`, within bounds.
///
/// RFC 8866 §5 ends lines with CRLF and lets parsers accept LF; a lone CR ends one too, so that no value holds one.
struct SDPReader {
    /// More than any peer writes: 100 m-lines of a browser come to 400 KiB.
    static let maximumByteCount = 1 << 20
    static let maximumSectionCount = 512
    static let maximumLineCount = 20_000
    static let maximumFormatCount = 256

    struct Line {
        var number: Int
        /// A letter of ASCII.
        var type: UInt8
        var value: Substring
    }

    private let text: Substring.UTF8View
    private var position: Substring.UTF8View.Index
    private var number = 0

    init(_ text: String) throws(SDPError) {
        guard text.utf8.count <= Self.maximumByteCount else {
            throw SDPError(.tooLarge, line: 0, "longer than \(Self.maximumByteCount) bytes")
        }
        self.text = Substring(text).utf8
        position = self.text.startIndex
    }

    /// The next line that is not empty; nil at the end.
    mutating func next() throws(SDPError) -> Line? {
        while position < text.endIndex {
            let start = position
            while position < text.endIndex, !text[position].endsLine { text.formIndex(after: &position) }
            let line = text[start..<position]
            if position < text.endIndex { skipLineEnd() }
            number += 1
            if line.isEmpty { continue }
            guard number <= Self.maximumLineCount else {
                throw SDPError(.tooLarge, line: number, "more than \(Self.maximumLineCount) lines")
            }
            let equals = text.index(after: start)
            guard let type = line.first, type.isLetter, equals < line.endIndex, line[equals] == UInt8(ascii: "=") else {
                throw SDPError(.badLine, line: number, "not of the form x=… (RFC 8866 §5)")
            }
            return Line(number: number, type: type, value: Substring(line[text.index(after: equals)...]))
        }
        return nil
    }

    private mutating func skipLineEnd() {
        let isReturn = text[position] == UInt8(ascii: "\r")
        text.formIndex(after: &position)
        if isReturn, position < text.endIndex, text[position] == UInt8(ascii: "\n") {
            text.formIndex(after: &position)
        }
    }
}

extension UInt8 {
    fileprivate var endsLine: Bool { self == UInt8(ascii: "\n") || self == UInt8(ascii: "\r") }

    fileprivate var isLetter: Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self)
    }
}

extension SessionDescription {
    /// Reads a description from a network: any text is safe, and is read within bounds.
    ///
    /// The first line must be `v=0`; `o=` and `s=` may be missing; lines may come in another order than RFC 8866 §5 has.
    /// - Throws: ``SDPError`` for what is no description, or too large.
    package init(parsing text: String) throws(SDPError) {
        var reader = try SDPReader(text)
        guard let first = try reader.next(), first.type == UInt8(ascii: "v"), first.value.sdpTrimmed == "0" else {
            throw SDPError(.badVersion, line: 1, "does not begin with v=0 (RFC 8866 §5.1)")
        }
        self.init(origin: Origin(sessionID: 0, version: 0))
        otherLines = []
        while let line = try reader.next() {
            switch line.type {
            case UInt8(ascii: "m"):
                guard media.count < SDPReader.maximumSectionCount else {
                    throw SDPError(
                        .tooLarge, line: line.number, "more than \(SDPReader.maximumSectionCount) m-lines")
                }
                media.append(try MediaSection(line))
            case UInt8(ascii: "a"):
                let attribute = SDPAttribute(line: line.value)
                if media.isEmpty {
                    attributes.all.append(attribute)
                } else {
                    media[media.count - 1].attributes.all.append(attribute)
                }
            case UInt8(ascii: "o") where media.isEmpty: origin = try Origin(line)
            case UInt8(ascii: "s") where media.isEmpty: name = String(line.value)
            case UInt8(ascii: "v"): throw SDPError(.badLine, line: line.number, "a second v= (RFC 8866 §5.1)")
            default:
                let other = OtherLine(type: line.type, value: String(line.value))
                if media.isEmpty {
                    otherLines.append(other)
                } else {
                    media[media.count - 1].otherLines.append(other)
                }
            }
        }
    }

    /// The description as it is sent, lines ended with CRLF.
    package var text: String {
        var text = "v=0\r\n"
        text.append(
            line: "o",
            "\(origin.userName) \(origin.sessionID) \(origin.version) \(origin.address)")
        text.append(line: "s", name.isEmpty ? "-" : name)
        for line in otherLines { text.append(line) }
        for attribute in attributes.all { text.append(attribute) }
        for section in media { text.append(section) }
        return text
    }
}

extension SessionDescription.Origin {
    fileprivate init(_ line: SDPReader.Line) throws(SDPError) {
        let words = line.value.sdpWords
        guard words.count >= 3 else {
            throw SDPError(.badLine, line: line.number, "o= has fewer than three words (RFC 8866 §5.2)")
        }
        userName = String(words[0])
        // RFC 8866 bounds neither number; some peers write more digits than 64 bits hold.
        sessionID = UInt64(words[1]) ?? 0
        version = UInt64(words[2]) ?? 0
        address = words.count > 3 ? words[3...].joined(separator: " ") : "IN IP4 127.0.0.1"
    }
}

extension MediaSection {
    fileprivate init(_ line: SDPReader.Line) throws(SDPError) {
        let words = line.value.sdpWords
        guard words.count >= 3, let number = words[1].split(separator: "/").first, let port = UInt16(number) else {
            throw SDPError(.badLine, line: line.number, "m= is not “media port protocol formats” (RFC 8866 §5.14)")
        }
        guard words.count - 3 <= SDPReader.maximumFormatCount else {
            throw SDPError(.tooLarge, line: line.number, "more than \(SDPReader.maximumFormatCount) formats")
        }
        self.init(
            type: String(words[0]), port: port, transportProtocol: String(words[2]),
            formats: words[3...].map(String.init))
    }
}

extension SDPAttribute {
    fileprivate init(line: Substring) {
        if let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) {
            self.init(String(line[..<colon]), String(line[line.utf8.index(after: colon)...]))
        } else {
            self.init(String(line))
        }
    }
}

extension String {
    fileprivate mutating func append(line type: String, _ value: String) {
        append(type)
        append("=")
        // What a caller puts into a value cannot begin a line of its own.
        if value.utf8.contains(where: { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }) {
            append(contentsOf: String(value.unicodeScalars.filter { $0 != "\r" && $0 != "\n" }))
        } else {
            append(value)
        }
        append("\r\n")
    }

    fileprivate mutating func append(_ line: SessionDescription.OtherLine) {
        append(line: String(UnicodeScalar(line.type)), line.value)
    }

    fileprivate mutating func append(_ attribute: SDPAttribute) {
        append(line: "a", attribute.value.map { "\(attribute.name):\($0)" } ?? attribute.name)
    }

    fileprivate mutating func append(_ section: MediaSection) {
        let formats = section.formats.joined(separator: " ")
        append(line: "m", "\(section.type) \(section.port) \(section.transportProtocol) \(formats)")
        for line in section.otherLines { append(line) }
        // Every section needs a c= (RFC 8866 §5.7); ICE has the word on where to send.
        if !section.otherLines.contains(where: { $0.type == UInt8(ascii: "c") }) { append(line: "c", "IN IP4 0.0.0.0") }
        for attribute in section.attributes.all { append(attribute) }
    }
}

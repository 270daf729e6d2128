/// The part of a description that trickles: credentials and candidates (`application/trickle-ice-sdpfrag`, RFC 8840 §9).
package struct ICEFragment: Sendable, Hashable {
    /// The candidates of one m-line.
    package struct Section: Sendable, Hashable {
        package var mid: String
        /// The m-line's first words, which a fragment repeats: `audio 9 UDP/TLS/RTP/SAVPF 0`.
        package var mediaLine: String
        /// `candidate:…`, without `a=`.
        package var candidates: [String]

        package init(mid: String, mediaLine: String, candidates: [String]) {
            self.mid = mid
            self.mediaLine = mediaLine
            self.candidates = candidates
        }
    }

    package var ufrag: String?
    package var password: String?
    package var sections: [Section]
    package var hasAllCandidates: Bool

    package init(
        ufrag: String? = nil, password: String? = nil, sections: [Section] = [], hasAllCandidates: Bool = false
    ) {
        self.ufrag = ufrag
        self.password = password
        self.sections = sections
        self.hasAllCandidates = hasAllCandidates
    }

    /// Reads a fragment from a network: any text is safe. Attributes that do not belong to ICE are passed over.
    ///
    /// Candidates before the first m-line belong to a section of mid "": some peers write none.
    package init(parsing text: String) throws(SDPError) {
        self.init()
        var reader = try SDPReader(text)
        while let line = try reader.next() {
            switch line.type {
            case UInt8(ascii: "m"):
                guard !line.value.isEmpty else {
                    throw SDPError(.badLine, line: line.number, "m= is empty (RFC 8866 §5.14)")
                }
                guard sections.count < SDPReader.maximumSectionCount else {
                    throw SDPError(
                        .tooLarge, line: line.number, "more than \(SDPReader.maximumSectionCount) m-lines")
                }
                sections.append(Section(mid: "", mediaLine: String(line.value), candidates: []))
            case UInt8(ascii: "a"): take(line.value)
            default: break
            }
        }
    }

    private mutating func take(_ value: Substring) {
        func rest(_ name: String) -> String? {
            value.hasPrefix("\(name):") ? String(value.dropFirst(name.count + 1)) : nil
        }
        if let ufrag = rest("ice-ufrag") {
            self.ufrag = self.ufrag ?? ufrag
        } else if let password = rest("ice-pwd") {
            self.password = self.password ?? password
        } else if let mid = rest("mid"), !sections.isEmpty {
            sections[sections.count - 1].mid = mid
        } else if value.hasPrefix("candidate:") {
            if sections.isEmpty { sections.append(Section(mid: "", mediaLine: "", candidates: [])) }
            sections[sections.count - 1].candidates.append(String(value))
        } else if value == "end-of-candidates" {
            hasAllCandidates = true
        }
    }

    package var text: String {
        var lines: [String] = []
        if let ufrag { lines.append("a=ice-ufrag:\(ufrag)") }
        if let password { lines.append("a=ice-pwd:\(password)") }
        for section in sections {
            if !section.mediaLine.isEmpty { lines.append("m=\(section.mediaLine)") }
            if !section.mid.isEmpty { lines.append("a=mid:\(section.mid)") }
            lines += section.candidates.map { "a=\($0)" }
        }
        if hasAllCandidates { lines.append("a=end-of-candidates") }
        return lines.map { line in
            String(line.unicodeScalars.filter { $0 != "\r" && $0 != "\n" }) + "\r\n"
        }.joined()
    }
}

internal import WebRTC

/// The `Link` header (RFC 8288) as WHIP uses it: ICE servers (RFC 9725 §4.6).
enum LinkHeader {
    /// The servers of `<stun:…>; rel="ice-server"` and `<turn:…>; rel="ice-server"; username=…; credential=…`. What
    /// cannot be read is passed over.
    static func iceServers(_ value: String) -> [ICEServer] {
        split(value, at: ",").compactMap { link in
            let parts = split(link, at: ";").map(trimmed)
            guard let target = parts.first, target.hasPrefix("<"), target.hasSuffix(">") else { return nil }
            var parameters: [String: String] = [:]
            for part in parts.dropFirst() {
                let pair = part.split(separator: "=", maxSplits: 1)
                guard pair.count == 2 else { continue }
                parameters[trimmed(String(pair[0])).lowercased()] = unquoted(trimmed(String(pair[1])))
            }
            guard parameters["rel"] == "ice-server" else { return nil }
            return try? ICEServer(
                urls: [String(target.dropFirst().dropLast())], username: parameters["username"] ?? "",
                credential: parameters["credential"] ?? "")
        }
    }

    /// Splits where the separator stands neither in quotes nor in angle brackets.
    private static func split(_ text: String, at separator: Character) -> [String] {
        var parts = [""]
        var (isQuoted, isTarget, isEscaped) = (false, false, false)
        for character in text {
            if character == separator, !isQuoted, !isTarget {
                parts.append("")
                continue
            }
            if isEscaped {
                isEscaped = false
            } else if character == "\\" {
                isEscaped = isQuoted
            } else if character == "\"" {
                isQuoted.toggle()
            } else if !isQuoted {
                if character == "<" { isTarget = true }
                if character == ">" { isTarget = false }
            }
            parts[parts.count - 1].append(character)
        }
        return parts
    }

    private static func trimmed(_ text: String) -> String {
        String(text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }

    private static func unquoted(_ text: String) -> String {
        guard text.count >= 2, text.first == "\"", text.last == "\"" else { return text }
        var result = ""
        var isEscaped = false
        for character in text.dropFirst().dropLast() {
            if character == "\\", !isEscaped {
                isEscaped = true
            } else {
                result.append(character)
                isEscaped = false
            }
        }
        return result
    }
}

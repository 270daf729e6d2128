/// What a participant of ours writes into its display name, for others to know it by: the person's name, then the user's
/// and the session's id, then what is muted. Browsers' participants write only a name.
///
///     Ada <ada/4f1c>            Ada <ada/4f1c muted=audio,video>
package struct JanusDisplay: Sendable, Hashable {
    package var user: User
    package var session: SessionID
    package var muted: Set<TrackKind>

    package init(user: User, session: SessionID, muted: Set<TrackKind> = []) {
        self.user = user
        self.session = session
        self.muted = muted
    }

    /// - `id`: names those who say no more than a name, or nothing.
    package init(parsing text: String?, id: JanusID) {
        if let own = text.flatMap(Self.init(own:)) {
            self = own
        } else {
            self.init(
                user: User(id: "janus:\(id)", name: text.flatMap { $0.isEmpty ? nil : $0 } ?? "\(id)"),
                session: SessionID("janus:\(id)"))
        }
    }

    private init?(own text: String) {
        guard text.utf8.last == UInt8(ascii: ">"), let open = text.utf8.lastIndex(of: UInt8(ascii: "<")) else {
            return nil
        }
        let inside = text[text.utf8.index(after: open)...].dropLast()
        let words = inside.split(separator: " ")
        guard let ids = words.first?.split(separator: "/"), ids.count == 2 else { return nil }
        var name = String(text[..<open])
        if name.hasSuffix(" ") { name.removeLast() }
        user = User(id: Self.plain(ids[0]), name: name)
        session = SessionID(Self.plain(ids[1]))
        let prefix = "muted="
        let muted = words.dropFirst().first { $0.hasPrefix(prefix) }?.dropFirst(prefix.count) ?? ""
        self.muted = Set(muted.split(separator: ",").compactMap { TrackKind(rawValue: String($0)) })
    }

    package var text: String {
        let muted = TrackKind.allCases.filter(muted.contains).map(\.rawValue).joined(separator: ",")
        let ids = "\(Self.escaped(user.id))/\(Self.escaped(session.rawValue))"
        return "\(user.name) <\(ids)\(muted.isEmpty ? "" : " muted=\(muted)")>"
    }

    // The five characters that part the fields, and the escape itself, as in a URL (RFC 3986 §2.1).
    private static let escapes: [(Character, String)] = [
        ("%", "%25"), ("/", "%2F"), ("<", "%3C"), (">", "%3E"), (" ", "%20"),
    ]

    private static func escaped(_ id: String) -> String {
        escapes.reduce(id) { text, escape in
            text.split(separator: escape.0, omittingEmptySubsequences: false).joined(separator: escape.1)
        }
    }

    private static func plain(_ text: Substring) -> String {
        var result = ""
        var rest = text
        while let first = rest.first {
            if let escape = escapes.first(where: { rest.hasPrefix($0.1) }) {
                result.append(escape.0)
                rest = rest.dropFirst(escape.1.count)
            } else {
                result.append(first)
                rest = rest.dropFirst()
            }
        }
        return result
    }
}

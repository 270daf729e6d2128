/// A user name fragment and password: what an agent's checks are signed with (RFC 8445 §5.3).
package struct ICECredentials: Sendable, Hashable {
    /// 4–256 characters.
    package var ufrag: String
    /// 22–256 characters.
    package var password: String

    package init(ufrag: String, password: String) {
        self.ufrag = ufrag
        self.password = password
    }

    /// Fresh ones: 48 bits of user name and 144 of password, where 24 and 128 are asked for.
    init(using generator: inout some RandomNumberGenerator) {
        ufrag = Self.text(8, using: &generator)
        password = Self.text(24, using: &generator)
    }

    var key: [UInt8] { Array(password.utf8) }

    private static func text(_ count: Int, using generator: inout some RandomNumberGenerator) -> String {
        String(decoding: (0..<count).map { _ in alphabet.randomElement(using: &generator)! }, as: UTF8.self)
    }

    /// The ice-char of RFC 8839 §5.4.
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
}

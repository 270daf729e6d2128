/// Whom a TLS connection to a TURN server believes.
public enum TLSTrust: Sendable, Hashable {
    /// The certificate authorities that the system knows.
    case system
    /// Those in a PEM file.
    case file(String)
    /// Anybody: for tests.
    case anybody
}

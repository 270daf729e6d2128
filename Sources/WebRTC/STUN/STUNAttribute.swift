/// The type of an attribute (RFC 8489 §18.3, 8445 §20, 8656 §18). Types from 0x8000 on may be skipped by who does not know them.
package struct STUNAttribute: RawRepresentable, Sendable, Hashable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }
    private init(_ rawValue: UInt16) { self.rawValue = rawValue }

    package static let mappedAddress = STUNAttribute(0x0001)
    package static let username = STUNAttribute(0x0006)
    package static let messageIntegrity = STUNAttribute(0x0008)
    package static let errorCode = STUNAttribute(0x0009)
    package static let unknownAttributes = STUNAttribute(0x000A)
    package static let channelNumber = STUNAttribute(0x000C)
    package static let lifetime = STUNAttribute(0x000D)
    package static let xorPeerAddress = STUNAttribute(0x0012)
    package static let data = STUNAttribute(0x0013)
    package static let realm = STUNAttribute(0x0014)
    package static let nonce = STUNAttribute(0x0015)
    package static let xorRelayedAddress = STUNAttribute(0x0016)
    package static let requestedAddressFamily = STUNAttribute(0x0017)
    package static let requestedTransport = STUNAttribute(0x0019)
    package static let messageIntegritySHA256 = STUNAttribute(0x001C)
    package static let userhash = STUNAttribute(0x001E)
    package static let xorMappedAddress = STUNAttribute(0x0020)
    package static let priority = STUNAttribute(0x0024)
    package static let useCandidate = STUNAttribute(0x0025)
    package static let alternateServer = STUNAttribute(0x8023)
    package static let fingerprint = STUNAttribute(0x8028)
    package static let controlled = STUNAttribute(0x8029)
    package static let controlling = STUNAttribute(0x802A)
}

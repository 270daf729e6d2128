/// A room's or participant's id on a Janus server: a number, or a string where its VideoRoom plugin is configured with
/// `string_ids`.
package enum JanusID: Sendable, Hashable, CustomStringConvertible {
    case number(Int64)
    case text(String)

    package init?(_ json: JSON?) {
        switch json {
        case .integer(let value): self = .number(value)
        case .string(let text): self = .text(text)
        default: return nil
        }
    }

    package var json: JSON {
        switch self {
        case .number(let value): .integer(value)
        case .text(let text): .string(text)
        }
    }

    package var description: String {
        switch self {
        case .number(let value): "\(value)"
        case .text(let text): text
        }
    }
}

/// How a server names rooms and participants.
package enum JanusIDStyle: Sendable {
    case numbers, strings

    /// The room of a call: the call's id, with its type before it unless that is `default`. As a number: the id itself
    /// where it is one, else a hash, which is the same on every machine.
    package func room(_ call: CallID) -> JanusID {
        let name = call.type == "default" ? call.id : "\(call.type)-\(call.id)"
        switch self {
        case .strings: return .text(name)
        case .numbers:
            if let number = Int64(name), number > 0 { return .number(number) }
            return .number(Self.hash(name))
        }
    }

    package func participant(_ session: SessionID) -> JanusID {
        switch self {
        case .strings: .text(session.rawValue)
        case .numbers: .number(Self.hash(session.rawValue))
        }
    }

    /// FNV-1a, folded to the 53 bits that every JSON reader keeps, without 0.
    static func hash(_ text: String) -> Int64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let folded = (hash ^ hash >> 53) & (1 << 53 - 1)
        return Int64(max(folded, 1))
    }
}

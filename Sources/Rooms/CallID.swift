/// Names a call: its type (`default`, `echo`, …) and its id within the type.
public struct CallID: Sendable, Hashable, CustomStringConvertible {
    public var type: String
    public var id: String

    public init(type: String = "default", id: String) {
        self.type = type
        self.id = id
    }

    public var description: String { "\(type):\(id)" }
}

/// Names one join of one machine to one call: what a person's participants and tracks are told apart by.
public struct SessionID: Sendable, Hashable, CustomStringConvertible, ExpressibleByStringLiteral {
    public var rawValue: String
    public init(_ rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }
    public var description: String { rawValue }
}

/// Who is in a call.
public struct User: Sendable, Hashable, Identifiable {
    public var id: String
    public var name: String

    public init(id: String, name: String? = nil) {
        self.id = id
        self.name = name ?? id
    }
}

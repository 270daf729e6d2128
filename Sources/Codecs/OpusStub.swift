// Stand-ins so that the call life cycle builds; whoever lands a type of the same name deletes its stand-in here.
public struct OpusSettings: Sendable, Hashable { public var channels = 1; public init() {} }

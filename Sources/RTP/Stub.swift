// Stand-ins so that the call life cycle builds; whoever lands a type of the same name deletes its stand-in here.
public struct RTPPacket: Sendable { public var ssrc: UInt32 = 0 ; public init() {} }

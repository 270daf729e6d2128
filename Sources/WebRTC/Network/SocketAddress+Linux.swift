import CLinux

extension SocketAddress {
    init(_ address: linux_address) {
        self.init(
            host: address.is_v6 ? .v6(address.high, address.low) : .v4(UInt32(truncatingIfNeeded: address.low)),
            port: address.port, scope: address.scope)
    }

    /// Whether it reaches this machine only.
    var isLoopback: Bool {
        switch host {
        case .v4(let value): value >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }
}

extension linux_address {
    init(_ address: SocketAddress) {
        self.init()
        switch address.host {
        case .v4(let value): low = UInt64(value)
        case .v6(let high, let low):
            self.high = high
            self.low = low
            is_v6 = true
        }
        port = address.port
        scope = address.scope
    }
}

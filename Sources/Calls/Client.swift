public import Media
public import Rooms
import Synchronization

/// One user's way to calls: hands out the same `Call` for the same id, joined or left.
/// - Thread: any.
public final class Client: Sendable {
    public let user: User
    public let service: any CallService
    public let devices: DeviceSystem
    public let configuration: CallConfiguration
    private let calls = Mutex<[CallID: Call]>([:])

    /// - `devices`: the machine's own where you import `Reprise` and leave it out.
    public init(
        user: User, service: any CallService, devices: DeviceSystem,
        configuration: CallConfiguration = CallConfiguration()
    ) {
        self.user = user
        self.service = service
        self.devices = devices
        self.configuration = configuration
    }

    /// The call with an id: always the same object. Asks nobody and opens nothing.
    public func call(type: String = "default", id: String) -> Call {
        let callID = CallID(type: type, id: id)
        return calls.withLock { calls in
            if let call = calls[callID] { return call }
            let call = Call(id: callID, user: user, service: service, devices: devices, configuration: configuration)
            calls[callID] = call
            return call
        }
    }

    /// The calls that match, as the service knows them. Each one's state is brought up to date where the call is held.
    public func queryCalls(_ query: CallQuery = CallQuery()) async throws -> [CallInfo] {
        let infos = try await service.query(query)
        for info in infos { calls.withLock { $0[info.id] }?.state.apply(info) }
        return infos
    }

    /// Leaves all calls and releases what they kept warm. The client and its calls can be used again.
    public func close() async {
        for call in calls.withLock({ Array($0.values) }) {
            await call.leave()
            await call.media.reset()
        }
    }
}

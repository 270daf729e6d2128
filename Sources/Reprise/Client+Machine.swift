public import Calls
import Media
public import Rooms

extension Client {
    /// A client whose calls use this machine's own devices.
    public convenience init(
        user: User, service: any CallService, configuration: CallConfiguration = CallConfiguration()
    ) {
        self.init(user: user, service: service, devices: .machine, configuration: configuration)
    }
}

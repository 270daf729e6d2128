import Reprise

/// What the doctor knows of a machine; ``Diagnosis`` judges it.
struct MachineFacts: Sendable, Equatable {
    /// A node of /dev.
    struct Node: Sendable, Equatable {
        var path: String
        var canOpen: Bool
        /// The group that may open it.
        var group: String?
    }

    /// A microphone, speaker or camera.
    struct Device: Sendable, Equatable {
        enum State: Sendable, Equatable {
            case free
            /// By whom, where /proc tells.
            case busy(String?)
            case unusable(String)
        }

        var id: String
        var name: String
        var isSoundServer = false
        /// Whether something is plugged into its jack; nil where it has none, or cannot tell.
        var isConnected: Bool?
        /// A camera's USB controller: cameras on the same one share its bandwidth.
        var controller: String?
        /// The mixer element that mutes it.
        var muteControl: String?
        var state = State.free
        /// Nil where the card has no mixer of its own.
        var isMuted: Bool?
        /// 0–100.
        var volume: Int?
    }

    var user = "user"
    var isRoot = false
    /// The groups of this process.
    var groups: Set<String> = []
    /// The groups that the user would be in after logging in again.
    var groupsOnFile: Set<String> = []
    /// Cards as /proc/asound lists them; nil: the kernel has no sound.
    var soundCards: [String]?
    var soundNodes: [Node] = []
    var videoNodes: [Node] = []
    var microphones: [Device] = []
    var speakers: [Device] = []
    var cameras: [Device] = []
    /// What came of asking for real-time priority.
    var realTime = RealTimeGrant.notAsked
    /// Why rtkit gives none where the kernel refuses; nil where it gives, or was not asked.
    var rtkitRefusal: String?
    /// Whether udevd runs: it sets the permissions of what is plugged in.
    var hasUdev = true
    /// How many files this process may have open.
    var openFiles = 1024
    /// Nil: a screen can be captured; else why not.
    var screenTrouble: String?
}

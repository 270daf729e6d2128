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
    /// Nil: a screen can be captured; else why not.
    var screenTrouble: String?
}

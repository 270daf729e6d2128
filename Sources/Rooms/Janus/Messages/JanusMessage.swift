/// What a Janus server says over its WebSocket, read into values. Bytes of a server never trap.
///
/// Source: Janus 1.1.2, `janus.c` and the page "WebSockets Interface" of its documentation.
package struct JanusMessage: Sendable, Hashable {
    package enum Content: Sendable, Hashable {
        /// The request is being worked on: an `event` of the same transaction follows.
        case ack
        /// - `id`: of the session or handle that was made.
        case success(id: Int64?)
        case error(JanusFailure)
        /// What the plugin says: unasked for, or as the answer to a request.
        case plugin(VideoRoomEvent, JanusDescription?)
        case candidate(String)
        case endOfCandidates
        /// The handle's peer connection is up.
        case webRTCUp
        case hangup(reason: String)
        case slowLink(isUplink: Bool, lost: Int)
        /// The server receives a track of ours, or none of its packets for a while.
        case media(mid: String?, isReceiving: Bool)
        case detached
        /// The session was forgotten, for lack of keepalives.
        case timeout
        /// Any other: nothing follows from it.
        case other(String)
    }

    package var transaction: String?
    /// The handle it is about.
    package var handle: Int64?
    package var content: Content

    /// - Throws: ``JSONError`` for what is no JSON, or no message.
    package init(parsing text: String) throws(JSONError) {
        let json = try JSON(parsing: text)
        guard let name = json["janus"]?.string else { throw JSONError(offset: 0, reason: "no message of Janus") }
        transaction = json["transaction"]?.string
        handle = json["sender"]?.integer
        content = Self.content(name, json)
    }

    private static func content(_ name: String, _ json: JSON) -> Content {
        switch name {
        case "ack": .ack
        case "success", "event":
            if let data = json["plugindata"]?["data"] {
                .plugin(VideoRoomEvent(data), JanusDescription(json["jsep"]))
            } else {
                .success(id: json["data"]?["id"]?.integer)
            }
        case "error": .error(JanusFailure(json["error"]?["code"], json["error"]?["reason"]))
        case "trickle":
            if let candidate = json["candidate"]?["candidate"]?.string, !candidate.isEmpty {
                .candidate(candidate)
            } else {
                .endOfCandidates
            }
        case "webrtcup": .webRTCUp
        case "hangup": .hangup(reason: json["reason"]?.string ?? "")
        case "slowlink":
            .slowLink(
                isUplink: json["uplink"]?.bool ?? false, lost: Int(clamping: json["lost"]?.integer ?? 0))
        case "media": .media(mid: json["mid"]?.string, isReceiving: json["receiving"]?.bool ?? true)
        case "detached": .detached
        case "timeout": .timeout
        default: .other(name)
        }
    }
}

/// A session description that a message carries.
package struct JanusDescription: Sendable, Hashable {
    package var isOffer: Bool
    package var sdp: String

    package init?(_ json: JSON?) {
        guard let type = json?["type"]?.string, type == "offer" || type == "answer", let sdp = json?["sdp"]?.string
        else {
            return nil
        }
        isOffer = type == "offer"
        self.sdp = sdp
    }

    package static func json(type: String, sdp: String) -> JSON { ["type": .string(type), "sdp": .string(sdp)] }
}

/// An error of the server (`janus_error` in apierror.h) or of its VideoRoom plugin (JANUS_VIDEOROOM_ERROR_…).
package struct JanusFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package var code: Int
    package var reason: String

    init(_ code: JSON?, _ reason: JSON?) {
        self.code = Int(clamping: code?.integer ?? 0)
        self.reason = reason?.string ?? "no reason given"
    }

    package var description: String { "\(reason) (\(code))" }

    /// The room does not exist.
    package var isNoSuchRoom: Bool { code == 426 }
    package var isRoomExists: Bool { code == 427 }
    /// An id of the wrong style: a number where the plugin wants strings, or a string where it wants numbers.
    package var isWrongElement: Bool { code == 430 }

    package func serviceError(_ operation: String) -> ServiceError {
        let (kind, advice): (ServiceError.Code, String?) =
            switch code {
            case 429 where reason.contains("(pin)"): (.unauthorized, "The room asks for a pin.")
            case 403, 405, 433, 470:
                (.unauthorized, "Check the token, the API secret, the room's pin and the admin key.")
            case 426, 428: (.notFound, nil)
            case 472: (.full, "The server takes no new sessions at the moment.")
            case 432: (.full, "The room's number of publishers is reached.")
            case 436: (.sessionEnded, "Make a new session id for every join.")
            // No such session, no such handle: the server was restarted, or has forgotten us.
            case 458, 459: (.sessionLost, "Rejoin with a new session id.")
            case 460: (.unsupported, "The server has no VideoRoom plugin.")
            case 429, 430: (.invalidArgument, nil)
            default: (.refused, nil)
            }
        return ServiceError(kind, operation: operation, reason: "Janus: \(description)", advice: advice)
    }
}

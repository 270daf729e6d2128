internal import Foundation
internal import WebRTC
import Synchronization

/// The session that a WHIP or WHEP server keeps for us, and what is done with it over HTTP.
///
/// Source: RFC 9725 (WHIP); draft-ietf-wish-whep (WHEP), which is the same but for the direction.
final class WHIPResource: Sendable {
    private struct State {
        var location: URL?
        var etag: String?
        var mediaLine = ""
        var ufrag = ""
        var password = ""
        var waiting: [(candidate: String, mid: String)] = []
        /// The server takes no trickled candidates (405, 501): nothing is sent any more.
        var isTrickleRefused = false
        var hasAll = false
    }

    private let endpoint: URL
    private let token: String?
    private let client: HTTPClient
    private let name: String
    private let state = Mutex(State())
    private let patching = AsyncLock()

    /// - `name`: for errors, `publish to https://…`.
    init(endpoint: URL, token: String?, client: HTTPClient, name: String) {
        self.endpoint = endpoint
        self.token = token
        self.client = client
        self.name = name
    }

    private func headers(_ more: [String: String] = [:]) -> [String: String] {
        guard let token else { return more }
        return more.merging(["Authorization": "Bearer \(token)"]) { first, _ in first }
    }

    /// Sends the offer.
    /// - Returns: the answer, and the ICE servers that come with it.
    func post(offer: String) async throws -> (sdp: String, iceServers: [ICEServer]) {
        let answer = try await client.send(
            HTTPExchange(
                method: "POST", url: endpoint,
                headers: headers(["Content-Type": "application/sdp", "Accept": "application/sdp"]), body: offer), name)
        guard answer.status == 201 else { throw Self.error(answer, name) }
        guard let location = answer.headers["location"].flatMap({ URL(string: $0, relativeTo: answer.url) }) else {
            throw ServiceError(.refused, operation: name, reason: "the server made a session and did not say where")
        }
        state.withLock { state in
            state.location = location.absoluteURL
            state.etag = answer.headers["etag"]
            note(offer, &state)
        }
        sendWaiting()
        return (answer.body, answer.headers["link"].map(LinkHeader.iceServers) ?? [])
    }

    private func note(_ offer: String, _ state: inout State) {
        guard let description = try? SessionDescription(parsing: offer), let section = description.media.first,
            let credentials = description.iceCredentials(of: section)
        else { return }
        state.ufrag = credentials.ufrag
        state.password = credentials.password
        state.mediaLine =
            "\(section.type) 9 \(section.transportProtocol) \(section.formats.first ?? "0")"
    }

    // MARK: Trickle (RFC 9725 §4.3.1)

    /// A candidate of ours, or nil for no more. Any thread; does not wait.
    func trickle(_ candidate: String?, mid: String) {
        let isReady = state.withLock { state in
            if let candidate { state.waiting.append((candidate, mid)) } else { state.hasAll = true }
            return state.location != nil && !state.isTrickleRefused
        }
        if isReady { sendWaiting() }
    }

    private func sendWaiting() {
        patching.start { [self] in
            let fragment = state.withLock { state -> ICEFragment? in
                guard !state.isTrickleRefused, !state.waiting.isEmpty || state.hasAll, !state.ufrag.isEmpty else {
                    return nil
                }
                let waiting = state.waiting
                state.waiting = []
                defer { state.hasAll = false }
                let section = ICEFragment.Section(
                    mid: waiting.first?.mid ?? "0", mediaLine: state.mediaLine, candidates: waiting.map(\.candidate))
                return ICEFragment(
                    ufrag: state.ufrag, password: state.password, sections: [section],
                    hasAllCandidates: state.hasAll)
            }
            guard let fragment else { return }
            let answer = try await patch(fragment)
            // Not every server trickles; the candidates of the offer must do then.
            if [404, 405, 415, 422, 501].contains(answer.status) { state.withLock { $0.isTrickleRefused = true } }
        }
    }

    private func patch(_ fragment: ICEFragment, etag: String? = nil) async throws -> HTTPAnswer {
        guard let (location, known) = state.withLock({ state in state.location.map { ($0, state.etag) } }) else {
            throw ServiceError(.sessionLost, operation: name, reason: "the server keeps no session")
        }
        var more = ["Content-Type": "application/trickle-ice-sdpfrag"]
        more["If-Match"] = etag ?? known
        return try await client.send(
            HTTPExchange(method: "PATCH", url: location, headers: headers(more), body: fragment.text), name)
    }

    /// New credentials and candidates (RFC 9725 §4.3.2).
    /// - `offer`: with the new credentials.
    /// - Returns: the server's, or nil where it made the restart without any.
    /// - Throws: `.sessionLost` where the server cannot: a new session is needed.
    func restart(offer: String) async throws -> ICEFragment? {
        let fragment = state.withLock { state -> ICEFragment in
            note(offer, &state)
            let section = (try? SessionDescription(parsing: offer))?.media.first
            return ICEFragment(
                ufrag: state.ufrag, password: state.password,
                sections: [
                    ICEFragment.Section(
                        mid: section?.mid ?? "0", mediaLine: state.mediaLine, candidates: section?.candidates ?? [])
                ])
        }
        return try await patching.run { [self] in
            let answer = try await patch(fragment, etag: "*")
            switch answer.status {
            case 200:
                state.withLock { $0.etag = answer.headers["etag"] ?? $0.etag }
                return try ICEFragment(parsing: answer.body)
            case 204: return nil
            case 404, 405, 409, 412, 422, 428, 501:
                throw ServiceError(
                    .sessionLost, operation: name, reason: "the server answered an ICE restart with \(answer.status)",
                    advice: "Rejoin with a new session id.")
            default: throw Self.error(answer, name)
            }
        }
    }

    /// Ends the session at the server. Once; later calls do nothing.
    func delete() async throws {
        guard let location = state.withLock({ $0.location.take() }) else { return }
        let answer = try await client.send(
            HTTPExchange(method: "DELETE", url: location, headers: headers()), "leave: \(name)")
        guard (200..<300).contains(answer.status) || answer.status == 404 else { throw Self.error(answer, name) }
    }

    static func error(_ answer: HTTPAnswer, _ operation: String) -> ServiceError {
        let code: ServiceError.Code =
            switch answer.status {
            case 401, 403: .unauthorized
            case 404, 410: .notFound
            case 409, 503: .full
            case 400, 415, 422: .invalidArgument
            case 405, 501: .unsupported
            case 408, 504: .timedOut
            default: .refused
            }
        let words = answer.body.split(whereSeparator: \.isNewline).first.map { ": \($0.prefix(200))" } ?? ""
        return ServiceError(
            code, operation: operation, reason: "the server answered \(answer.status)\(words)",
            advice: code == .unauthorized ? "Check the token." : nil)
    }
}

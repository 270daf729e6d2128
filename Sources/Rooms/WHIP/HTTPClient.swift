internal import Foundation
internal import FoundationNetworking

/// One request of WHIP or WHEP, and its answer.
struct HTTPExchange: Sendable {
    var method: String
    var url: URL
    var headers: [String: String] = [:]
    var body = ""
}

struct HTTPAnswer: Sendable {
    var status: Int
    /// Names in lower case.
    var headers: [String: String]
    var body: String
    /// Where the answer came from, redirections followed.
    var url: URL
}

/// HTTP by URLSession, with the redirections of RFC 9725 §4.7: 307 and 308 keep method and body; others are not followed.
///
/// The session's threads begin with the first request.
final class HTTPClient: NSObject, URLSessionTaskDelegate, Sendable {
    // RFC 9110 §15.4 leaves the limit to us.
    private static let redirectionLimit = 5
    private static let bodyLimit = 1 << 20

    private let timeout: Duration

    init(timeout: Duration) { self.timeout = timeout }

    private static let session = {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpCookieStorage = nil
        configuration.urlCache = nil
        return URLSession(configuration: configuration, delegate: HTTPClient(timeout: .zero), delegateQueue: nil)
    }()

    func send(_ exchange: HTTPExchange, _ operation: String) async throws -> HTTPAnswer {
        var exchange = exchange
        for _ in 0...Self.redirectionLimit {
            let answer = try await sendOnce(exchange, operation)
            guard answer.status == 307 || answer.status == 308 else { return answer }
            guard let target = answer.headers["location"].flatMap({ URL(string: $0, relativeTo: answer.url) }) else {
                throw ServiceError(.refused, operation: operation, reason: "a redirection to nowhere")
            }
            // A token is for whom it was given to (RFC 9110 §15.4).
            if target.absoluteURL.host() != exchange.url.host() { exchange.headers["Authorization"] = nil }
            exchange.url = target.absoluteURL
        }
        throw ServiceError(
            .refused, operation: operation, reason: "more than \(Self.redirectionLimit) redirections")
    }

    private func sendOnce(_ exchange: HTTPExchange, _ operation: String) async throws -> HTTPAnswer {
        var request = URLRequest(url: exchange.url)
        request.httpMethod = exchange.method
        request.timeoutInterval = Double(timeout.wholeNanoseconds) / 1e9
        for (name, value) in exchange.headers { request.setValue(value, forHTTPHeaderField: name) }
        if !exchange.body.isEmpty { request.httpBody = Data(exchange.body.utf8) }
        let (data, response): (Data, URLResponse)
        do { (data, response) = try await Self.session.data(for: request) } catch let error as URLError {
            if error.code == .cancelled { throw CancellationError() }
            throw ServiceError(
                error.code == .timedOut ? .timedOut : .unreachable, operation: operation,
                reason: "\(exchange.url.host() ?? "the server") cannot be reached: \(error.localizedDescription)")
        }
        guard let response = response as? HTTPURLResponse, data.count <= Self.bodyLimit else {
            throw ServiceError(.refused, operation: operation, reason: "an answer that is no HTTP, or too long")
        }
        var headers: [String: String] = [:]
        for (name, value) in response.allHeaderFields {
            if let name = name as? String, let value = value as? String { headers[name.lowercased()] = value }
        }
        return HTTPAnswer(
            status: response.statusCode, headers: headers, body: String(decoding: data, as: UTF8.self),
            url: response.url ?? exchange.url)
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) { completionHandler(nil) }
}

import Foundation
import NIOCore
import NIOPosix
import NIOSSL

/// A TCP server on a free port of 127.0.0.1 whose bytes are a test's to say: for what a server must not say, too.
///
/// Each connection gets a task that runs the test's script; a connection ends with its script.
final class LoopbackServer: Sendable {
    typealias Script = @Sendable (ServerConnection) async throws -> Void

    let port: Int
    private let serving: Task<Void, any Error>

    /// - `tls`: nil for none.
    init(tls: NIOSSLContext? = nil, _ script: @escaping Script) async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    return channel
                }
            }
        port = listener.channel.localAddress?.port ?? 0
        serving = Task {
            try await withThrowingDiscardingTaskGroup { group in
                try await listener.executeThenClose { connections in
                    for try await connection in connections {
                        group.addTask {
                            // How a client ends its connection is the client's to be tested for.
                            try? await Self.serve(connection, script)
                        }
                    }
                }
            }
        }
    }

    /// Bytes are read from here on: a connection that nobody came to serve is let go of as it is.
    private static func serve(_ channel: any Channel, _ script: Script) async throws {
        let connection = try await channel.eventLoop.submit {
            try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }.get()
        try await connection.executeThenClose { inbound, outbound in
            try await channel.setOption(.autoRead, value: true).get()
            try await script(ServerConnection(inbound, outbound))
        }
    }

    func stop() async {
        serving.cancel()
        _ = await serving.result
    }
}

/// One connection to a ``LoopbackServer``.
/// - Thread: the script's task alone; what `writer` gives away, any.
final class ServerConnection: @unchecked Sendable {
    struct Ended: Error {}

    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var buffer: [UInt8] = []

    init(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>) {
        self.inbound = inbound.makeAsyncIterator()
        self.outbound = outbound
    }

    func write(_ bytes: some Sequence<UInt8>) async throws { try await outbound.write(ByteBuffer(bytes: Array(bytes))) }
    func write(_ text: String) async throws { try await write(text.utf8) }

    /// A way to write from elsewhere, while the script reads.
    var writer: NIOAsyncChannelOutboundWriter<ByteBuffer> { outbound }

    /// - Throws: `Ended` where the client closed before that many bytes.
    func read(_ count: Int) async throws -> [UInt8] {
        while buffer.count < count { try await readMore() }
        defer { buffer.removeFirst(count) }
        return Array(buffer.prefix(count))
    }

    /// The lines up to an empty one: a request of HTTP without its body.
    func readHead() async throws -> [String] {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let range = buffer.firstRange(of: end) {
                let head = String(decoding: buffer[..<range.lowerBound], as: UTF8.self)
                buffer.removeSubrange(..<range.upperBound)
                return head.components(separatedBy: "\r\n")
            }
            try await readMore()
        }
    }

    /// Returns when the client has closed.
    func readToEnd() async throws { while (try? await readMore()) != nil {} }

    private func readMore() async throws {
        guard let more = try await inbound.next() else { throw Ended() }
        buffer += more.readableBytesView
    }
}

/// A certificate for a name or an address, signed by itself, as files that end with the value.
final class TestCertificate: Sendable {
    let file: String
    private let folder: URL

    /// - `name`: `IP:127.0.0.1` or `DNS:localhost`.
    init(_ name: String) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("certificate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        file = folder.appendingPathComponent("certificate.pem").path
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-keyout", folder.appendingPathComponent("key.pem").path, "-out", file, "-subj", "/CN=test", "-addext",
            "subjectAltName=\(name)",
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func serverContext() throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(file).map { NIOSSLCertificateSource.certificate($0) }
        let key = try NIOSSLPrivateKey(file: folder.appendingPathComponent("key.pem").path, format: .pem)
        return try NIOSSLContext(
            configuration: .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key)))
    }
}

import Foundation
import Media
import Synchronization

/// What device threads told, in order.
final class Collected<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])
    private let continuation: AsyncStream<Element>.Continuation
    /// What is added, for one task that waits.
    let stream: AsyncStream<Element>

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func add(_ element: Element) {
        elements.withLock { $0.append(element) }
        continuation.yield(element)
    }

    var all: [Element] { elements.withLock { $0 } }

    /// Returns the first element for which `condition` holds, of those not waited for before.
    func first(where condition: (Element) -> Bool) async -> Element? {
        for await element in stream where condition(element) { return element }
        return nil
    }
}

extension AudioRing {
    /// Writes interleaved samples.
    func write(
        _ samples: [Int16], at capturedAt: MonotonicInstant, kind: AudioBlockKind = .sound, isAfterGap: Bool = false
    ) -> Bool {
        unsafe samples.withUnsafeBufferPointer { buffer in
            guard let source = buffer.baseAddress else { return false }
            return unsafe self.write(
                source, sampleFrames: samples.count / format.channels, capturedAt: capturedAt, kind: kind,
                isAfterGap: isAfterGap)
        }
    }

    /// Reads up to `maximum` sample frames of one block.
    func read(_ maximum: Int) -> (samples: [Int16], read: AudioRingRead) {
        var samples = [Int16](repeating: 0, count: max(1, maximum * format.channels))
        let result = unsafe samples.withUnsafeMutableBufferPointer { buffer in
            guard let destination = buffer.baseAddress else { preconditionFailure("room for one sample") }
            return unsafe self.read(into: destination, maximum: maximum)
        }
        return (Array(samples.prefix(result.sampleFrames * format.channels)), result)
    }

    /// Reads all that is there.
    func readAll() -> [(samples: [Int16], read: AudioRingRead)] {
        var result: [(samples: [Int16], read: AudioRingRead)] = []
        while true {
            let next = read(capacity)
            if next.read.sampleFrames == 0 { return result }
            result.append(next)
        }
    }
}

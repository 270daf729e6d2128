import Media
import Synchronization

/// What was learnt of each camera, so that a rejoin asks the driver no more than it must.
///
/// - Thread: any.
final class ModeCache: Sendable {
    /// A mode that streamed, the best there is for its target.
    struct Proven: Sendable {
        var target: VideoTarget
        var layout: BufferLayout
        var interval: Fraction?
    }

    private struct Entry: Sendable {
        var signature: String
        var table: ModeTable
        var proven: Proven?
    }

    private let entries = Mutex<[DeviceID: Entry]>([:])

    /// The table of a camera, asked of the driver where it is not known or another camera is in its place.
    func table(
        of node: CameraNode, _ kernel: any V4L2Kernel, _ descriptor: Int32
    ) throws(KernelError) -> ModeTable {
        if let entry = entries.withLock({ $0[node.id] }), entry.signature == node.signature { return entry.table }
        let table = try ModeTable(kernel, descriptor, node.api)
        keep(table, of: node)
        return table
    }

    func keep(_ table: ModeTable, of node: CameraNode) {
        entries.withLock { $0[node.id] = Entry(signature: node.signature, table: table) }
    }

    /// The mode that streamed last for this target.
    func proven(of node: CameraNode, for target: VideoTarget) -> Proven? {
        entries.withLock { entries in
            guard let entry = entries[node.id], entry.signature == node.signature,
                let proven = entry.proven, proven.target == target
            else { return nil }
            return proven
        }
    }

    func keep(_ proven: Proven, of node: CameraNode) {
        entries.withLock { $0[node.id]?.proven = proven }
    }
}

import Foundation
import Media
import Reprise
import Testing

/// Everything is pulled out at once, again and again, in a running call.
@Suite("All devices pulled out at once", .enabled(if: DeviceLab.isHere), .serialized)
struct CallStormTests {
    static let storms = 20
    static let rejoins = 50

    @Test("twenty times in a call, which takes them all again; then fifty rejoins")
    func all() async throws {
        let watch = try await FaultWatch(.all)
        let (lab, call) = (watch.lab, watch.lab.call)
        var told: [Double] = []
        var gaps: [Double] = []
        var generator = SystemRandomNumberGenerator()
        #expect(await LabDevice.deadCard.pullOut().end() == nil)
        for _ in 1...Self.storms {
            let pulling = LabDevice.all.shuffled(using: &generator).map { $0.pullOut() }
            let isTold = await reached { lab.managers.allSatisfy { $0.error != nil && $0.status != .enabled } }
            try #require(isTold, "\(lab.managers.map { ($0.status, $0.error?.description ?? "no error") })")
            // The kernel takes each out when nobody holds it any more.
            for one in pulling { try #require(await one.end() == nil) }
            let begun = try #require(pulling.compactMap(\.begunAt).min())
            if let at = watch.far.told(after: begun) { told.append(at.ms(since: begun)) }
            #expect(call.state.connection.value == .joined)

            for device in LabDevice.all.shuffled(using: &generator) { await device.putBack() }
            let isBack = MonotonicInstant.now()
            try await watch.running(lab.managers, on: nil, since: begun)
            let settled = await reached {
                zip(lab.managers, ["Loopback", "Loopback", "vivid-000"]).allSatisfy { manager, name in
                    manager.status == .enabled
                        && (manager.selectedDevice?.rawValue.contains(name) == true
                            || manager.selectedDevice == "/dev/video0")
                }
            }
            #expect(settled, "\(lab.managers.map { $0.selectedDevice?.rawValue ?? "none" })")
            if let at = watch.delivers(lab.managers, since: begun) { gaps.append(max(0, at.ms(since: isBack))) }
        }
        try GapTable.add(
            Gap(
                device: "all at once, \(Self.storms) times", event: "unplugged (median, worst told: \(spread(told)))",
                told: median(told), then: "none"))
        try GapTable.add(
            Gap(
                device: "all at once, \(Self.storms) times", event: "all back (median, worst: \(spread(gaps)))",
                delivers: median(gaps),
                then: lab.managers.map { $0.selectedDevice?.rawValue ?? "none" }.joined(separator: ", ")))

        await LabDevice.deadCard.putBack()
        await lab.leave()
        for _ in 1...Self.rejoins {
            try await lab.join()
            await lab.leave()
        }
        await watch.end()
        await call.media.reset()
        await LeftBehind.expectNothing()
    }

    private func spread(_ values: [Double]) -> String {
        values.isEmpty ? "none" : String(format: "%.0f, %.0f ms", median(values), values.max() ?? 0)
    }
}

import Media
import TestSupport
import Testing

/// The cables of the lab, in the hand of one who pulls them at random.
actor FireBench {
    enum Step: CaseIterable {
        case unplug, unplugMore, unplugAll, plugIn, plugInMore, hold, letGo
    }

    private var out: [Int: LabAction] = [:]
    private var held: [HeldPCM] = []

    func carryOut(_ step: Step, _ generator: inout SeededGenerator) async {
        let index = LabDevice.all.indices.randomElement(using: &generator)!
        switch step {
        case .unplug, .unplugMore: unplug(index)
        case .unplugAll: for index in LabDevice.all.indices { unplug(index) }
        case .plugIn, .plugInMore:
            // One that somebody still holds is not out yet.
            letGo()
            for (index, action) in out where action.isDone {
                out[index] = nil
                await LabDevice.all[index].putBack()
            }
        case .hold:
            // Not there, or taken: then the call is the one that holds it.
            if let one = try? HeldPCM("Loopback", .capture) { held.append(one) }
            if let one = try? HeldPCM("Loopback", .playback) { held.append(one) }
        case .letGo: letGo()
        }
    }

    private func unplug(_ index: Int) {
        if out[index] == nil { out[index] = LabDevice.all[index].pullOut() }
    }

    func letGo() {
        for one in held { _ = one.letGo() }
        held = []
    }

    /// The call has let go of everything: all that is being pulled out goes out, and is put back.
    func putAllBack(_ seed: UInt64) async {
        for (index, action) in out {
            let device = LabDevice.all[index]
            let isOut = await reached { action.isDone }
            #expect(isOut, "seed \(seed): somebody holds \(device)")
            guard isOut else { continue }
            out[index] = nil
            await device.putBack()
        }
    }
}

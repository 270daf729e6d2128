import Media

/// A camera's controls, by a descriptor of their own: they work while it streams and while it is closed.
struct CameraControls: VideoControls {
    let opener: CameraOpener

    private var kernel: any V4L2Kernel { opener.scanner.kernel }
    private var device: String { opener.id.rawValue }

    func list() async throws(DeviceError) -> [VideoControl] {
        try await onDeviceThread("camera controls") { () throws(DeviceError) in
            try withDescriptor { descriptor throws(KernelError) -> [VideoControl] in
                try descriptions(descriptor).map { control -> VideoControl in
                    let isReadable = control.kind != .button && control.kind != .other && !control.isWriteOnly
                    let value = isReadable ? try? kernel.value(descriptor, of: control) : nil
                    return VideoControl(control, value: value, choices: choices(of: control, descriptor))
                }
            }
        }
    }

    func set(_ name: String, to value: Int64) async throws(DeviceError) {
        try await onDeviceThread("camera controls") { () throws(DeviceError) in
            let all = try withDescriptor { descriptor throws(KernelError) -> [ControlDescription] in
                try descriptions(descriptor)
            }
            guard let control = all.first(where: { $0.name == name || $0.title == name }) else {
                let known = all.isEmpty ? "it has none" : "it has \(all.map(\.name).joined(separator: ", "))"
                throw failure(name, "the camera has no such control", known)
            }
            let choices = try withDescriptor { descriptor throws(KernelError) -> [Int64: String] in
                self.choices(of: control, descriptor)
            }
            try check(value, control, choices)
            try withDescriptor { descriptor throws(KernelError) -> Void in
                try kernel.setValue(descriptor, of: control, to: value)
            }
        }
    }

    private func check(_ value: Int64, _ control: ControlDescription, _ choices: [Int64: String]) throws(DeviceError) {
        if control.isReadOnly { throw failure(control.name, "the control is read-only", nil) }
        switch control.kind {
        case .button: return
        case .other: throw failure(control.name, "the control is no number", nil)
        case .menu, .integerMenu:
            guard choices[value] == nil else { return }
            let known = choices.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }.joined(separator: ", ")
            throw failure(control.name, "\(value) is none of its choices", "Choose \(known)")
        case .integer, .integer64, .boolean:
            let isInRange = value >= control.minimum && value <= control.maximum
            let step = max(1, control.step)
            guard isInRange, (value &- control.minimum) % step == 0 else {
                let steps = step > 1 ? " in steps of \(step)" : ""
                throw failure(
                    control.name, "\(value) is out of range", "Give \(control.minimum) to \(control.maximum)\(steps)")
            }
        }
    }

    private func failure(_ name: String, _ reason: String, _ advice: String?) -> DeviceError {
        DeviceError(.invalidArgument, operation: "set(\(name))", device: device, reason: reason, advice: advice)
    }

    private func withDescriptor<Value>(
        _ body: (Int32) throws(KernelError) -> Value
    ) throws(DeviceError) -> Value {
        let path = try opener.locate().path
        do throws(KernelError) {
            let descriptor = try kernel.open(path)
            defer { kernel.close(descriptor) }
            return try body(descriptor)
        } catch {
            throw DeviceError(error, device: device)
        }
    }

    private func descriptions(_ descriptor: Int32) throws(KernelError) -> [ControlDescription] {
        var all: [ControlDescription] = []
        // A bound on what is believed of a driver.
        while all.count < 1_000, let next = try kernel.control(descriptor, after: all.last?.id ?? 0) {
            guard next.id > all.last?.id ?? 0 else { break }
            all.append(next)
        }
        return all.filter { !$0.isDisabled && $0.isControl }
    }

    private func choices(of control: ControlDescription, _ descriptor: Int32) -> [Int64: String] {
        guard control.kind == .menu || control.kind == .integerMenu, control.minimum >= 0, control.maximum < 256,
            control.minimum <= control.maximum
        else { return [:] }
        var choices: [Int64: String] = [:]
        for index in control.minimum...control.maximum {
            choices[index] = kernel.menuChoice(descriptor, control, at: Int(index))
        }
        return choices
    }
}

extension ControlDescription {
    /// As `v4l2-ctl` writes it: `Exposure Time, Absolute` is `exposure_time_absolute`.
    var name: String {
        title.lowercased().split { !$0.isASCII || !($0.isLetter || $0.isNumber) }.joined(separator: "_")
    }

    /// Headings of groups are listed among the controls: their ids end in 1 (V4L2_CTRL_TYPE_CTRL_CLASS).
    fileprivate var isControl: Bool { id & 0xFFFF != 1 || kind != .other }
}

extension VideoControl {
    fileprivate init(_ control: ControlDescription, value: Int64?, choices: [Int64: String]) {
        let kind: Kind =
            switch control.kind {
            case .integer, .integer64: .integer
            case .boolean: .boolean
            case .menu, .integerMenu: .menu
            case .button: .button
            case .other: .other
            }
        self.init(
            name: control.name, title: control.title, kind: kind,
            range: control.minimum...max(control.minimum, control.maximum), step: control.step,
            defaultValue: control.defaultValue, value: value ?? control.defaultValue, choices: choices,
            isReadOnly: control.isReadOnly)
    }
}

/// One line `a=name` or `a=name:value` (RFC 8866 §5.13).
package struct SDPAttribute: Sendable, Hashable {
    package var name: String
    /// Nil for a property, which has no colon.
    package var value: String?

    package init(_ name: String, _ value: String? = nil) {
        self.name = name
        self.value = value
    }
}

/// The attributes of a section in the order of their lines. Those that nothing here knows are kept as they came.
package struct SDPAttributes: Sendable, Hashable {
    package var all: [SDPAttribute]

    package init(_ all: [SDPAttribute] = []) { self.all = all }

    /// The value of the first attribute of that name, empty for a property. Setting replaces all of them, in the
    /// place of the first; nil removes them.
    package subscript(name: String) -> String? {
        get { all.first { $0.name == name }.map { $0.value ?? "" } }
        set { replace(name, with: newValue.map { [SDPAttribute(name, $0)] } ?? []) }
    }

    package func contains(_ name: String) -> Bool { all.contains { $0.name == name } }

    /// The values of all attributes of that name.
    package func values(_ name: String) -> [String] { all.compactMap { $0.name == name ? $0.value ?? "" : nil } }

    /// Whether a property stands.
    package func flag(_ name: String) -> Bool { contains(name) }

    package mutating func set(flag name: String, _ isSet: Bool) {
        replace(name, with: isSet ? [SDPAttribute(name)] : [])
    }

    package mutating func set(_ name: String, _ values: [String]) {
        replace(name, with: values.map { SDPAttribute(name, $0) })
    }

    package mutating func append(_ name: String, _ value: String? = nil) { all.append(SDPAttribute(name, value)) }

    package mutating func remove(_ name: String) { all.removeAll { $0.name == name } }

    private mutating func replace(_ name: String, with attributes: [SDPAttribute]) {
        let place = all.firstIndex { $0.name == name } ?? all.count
        remove(name)
        all.insert(contentsOf: attributes, at: place)
    }
}

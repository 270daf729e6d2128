internal import CAlsa
import Media

/// alsa-lib's configuration tree: alsa.conf, asound.conf and asoundrc, evaluated.
enum ALSAConfiguration {
    /// Reads the files anew at the next use: cards that came since have definitions of their own.
    static func forget() { _ = snd_config_update_free_global() }

    /// Whether the configuration defines such a PCM (`default`) or control.
    static func defines(_ name: String, base: String = "pcm") -> Bool {
        unsafe withRoot { root in
            var found: OpaquePointer?
            return unsafe snd_config_search(root, "\(base).\(name)", &found) == 0
        } ?? false
    }

    /// The types a PCM is made of, outermost first: `plug`, `dmix`, `hw`. Empty where its definition cannot be
    /// evaluated: it does not exist, or its card does not.
    static func types(ofPCM name: String, _ direction: AudioDirection) -> [String] {
        unsafe withRoot { root in unsafe types(name, direction, root, depth: 0) } ?? []
    }

    private static func types(
        _ name: String, _ direction: AudioDirection, _ root: OpaquePointer, depth: Int
    ) -> [String] {
        guard depth < 8 else { return [] }
        var definition: OpaquePointer?
        guard unsafe snd_config_search_definition(root, "pcm", name, &definition) >= 0,
            let definition = unsafe definition
        else { return [] }
        defer { _ = unsafe snd_config_delete(definition) }
        return unsafe types(of: definition, direction, root, depth: depth)
    }

    private static func types(
        of definition: OpaquePointer, _ direction: AudioDirection, _ root: OpaquePointer, depth: Int
    ) -> [String] {
        guard depth < 8, let type = unsafe string(definition, "type") else { return [] }
        let side = direction == .capture ? "capture.pcm" : "playback.pcm"
        for path in ["slave.pcm", side] {
            if let name = unsafe string(definition, path) {
                return unsafe [type] + types(name, direction, root, depth: depth + 1)
            }
            var inner: OpaquePointer?
            if unsafe snd_config_search(definition, path, &inner) == 0, let inner = unsafe inner {
                return unsafe [type] + types(of: inner, direction, root, depth: depth + 1)
            }
        }
        return [type]
    }

    private static func string(_ tree: OpaquePointer, _ path: String) -> String? {
        var node: OpaquePointer?
        var text: UnsafePointer<CChar>?
        guard unsafe snd_config_search(tree, path, &node) == 0, unsafe snd_config_get_string(node, &text) == 0 else {
            return nil
        }
        return unsafe text.map { unsafe String(cString: $0) }
    }

    private static func withRoot<Value>(_ body: (OpaquePointer) -> Value) -> Value? {
        var root: OpaquePointer?
        // The reference keeps the tree while another thread reads the files anew.
        guard unsafe snd_config_update_ref(&root) >= 0, let root = unsafe root else { return nil }
        defer { unsafe snd_config_unref(root) }
        let value = unsafe body(root)
        _ = AlsaMessages.take()
        return value
    }
}

internal import CAlsa
import Media
import Synchronization

/// alsa-lib's configuration tree: alsa.conf, asound.conf and asoundrc, evaluated.
enum ALSAConfiguration {
    /// The drivers of cards whose definitions have been read: they are read with the rest, of the cards that there are.
    private static let drivers = Mutex<Set<String>>([])

    /// Has the files read anew at the next use, where cards of other drivers came since: whoever opens a PCM meanwhile waits
    /// for that.
    /// - `readsAnew`: in any case.
    static func willLook(at present: Set<String>, readsAnew: Bool) {
        let isNew = drivers.withLock { drivers in
            defer { drivers.formUnion(present) }
            return !present.isSubset(of: drivers)
        }
        // A file that cannot be opened is an empty one from then on.
        if isNew || readsAnew, DescriptorRoom.isThere { forget() }
    }

    /// Has the files read anew at the next use.
    static func forget() { _ = snd_config_update_free_global() }

    /// The PCMs that the configuration shows to people by a name alone. (`snd_device_name_hint` also evaluates all that it
    /// has for every card, which takes ten times as long.)
    static func shownPCMs(besides others: Set<String>) -> [(name: String, description: String?)] {
        unsafe withRoot { root in
            var pcms: OpaquePointer?
            guard unsafe snd_config_search(root, "pcm", &pcms) == 0, let pcms = unsafe pcms else { return [] }
            return unsafe names(in: pcms).compactMap { name in
                guard !others.contains(name), unsafe isShown(name, root, depth: 0) else { return nil }
                var definition: OpaquePointer?
                guard unsafe snd_config_search_definition(root, "pcm", name, &definition) >= 0,
                    let definition = unsafe definition
                else { return nil }
                defer { _ = unsafe snd_config_delete(definition) }
                guard unsafe flag(definition, "hint.show") else { return nil }
                let description = unsafe string(definition, "hint.description")
                return (name, description?.split(separator: "\n").joined(separator: ", "))
            }
        } ?? []
    }

    /// Whether a definition may be shown; not evaluated yet. Those that need arguments are cards'.
    private static func isShown(_ name: String, _ root: OpaquePointer, depth: Int) -> Bool {
        var node: OpaquePointer?
        guard depth < 8, unsafe snd_config_search(root, "pcm.\(name)", &node) == 0, let node = unsafe node else {
            return false
        }
        var text: UnsafePointer<CChar>?
        // Another name for one.
        if unsafe snd_config_get_string(node, &text) == 0, let text = unsafe text {
            return unsafe isShown(String(cString: text), root, depth: depth + 1)
        }
        var hint: OpaquePointer?
        guard unsafe snd_config_search(node, "hint", &hint) == 0 else { return false }
        return unsafe !flag(node, "hint.omit_noargs")
    }

    private static func names(in compound: OpaquePointer) -> [String] {
        var names: [String] = []
        var next = unsafe snd_config_iterator_first(compound)
        let end = unsafe snd_config_iterator_end(compound)
        while let entry = unsafe next, unsafe entry != end {
            var name: UnsafePointer<CChar>?
            if unsafe snd_config_get_id(snd_config_iterator_entry(entry), &name) == 0, let name = unsafe name {
                unsafe names.append(String(cString: name))
            }
            unsafe next = snd_config_iterator_next(entry)
        }
        return names
    }

    private static func flag(_ tree: OpaquePointer, _ path: String) -> Bool {
        var node: OpaquePointer?
        guard unsafe snd_config_search(tree, path, &node) == 0, let node = unsafe node else { return false }
        return unsafe snd_config_get_bool(node) == 1
    }

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

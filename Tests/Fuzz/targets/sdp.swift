import WebRTC

/// Any text: reading and looking at everything never traps, and what was read is written and read again as it was.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSDP(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: data, count: size), as: UTF8.self)
    if let fragment = try? ICEFragment(parsing: text) {
        guard let again = try? ICEFragment(parsing: fragment.text) else { fatalError("a written fragment is read") }
        precondition(again.sections.count == fragment.sections.count, "its sections stay")
    }
    guard var description = try? SessionDescription(parsing: text) else { return 0 }
    guard let again = try? SessionDescription(parsing: description.text) else { fatalError("what was written is read") }
    precondition(again.attributes == description.attributes, "the attributes stay")
    precondition(again.media.map(\.attributes) == description.media.map(\.attributes), "those of the sections too")
    precondition(again.media.map(\.formats) == description.media.map(\.formats), "and their formats")
    visit(&description)
    guard (try? SessionDescription(parsing: description.text)) != nil else { fatalError("and after it was changed") }
    return 0
}

/// Reads every typed property, and writes it back.
private func visit(_ description: inout SessionDescription) {
    description.groups = description.groups
    description.bundle = description.bundle
    description.isICELite = description.isICELite
    for index in description.media.indices {
        let section = description.media[index]
        _ = (description.iceCredentials(of: section), description.iceOptions(of: section), section.isRejected)
        _ = (description.fingerprints(of: section), description.setup(of: section), section.primarySSRCs)
        _ = (description.direction(of: section), description.allowsMixedExtensions(of: section), section.isRTP)
        for codec in section.codecs { _ = (codec.associatedPayloadType, codec.parameter("profile-level-id")) }
        for ssrc in section.primarySSRCs { _ = section.retransmissionSSRC(of: ssrc) }
        change(&description.media[index])
    }
}

private func change(_ section: inout MediaSection) {
    let codecs = section.codecs
    section.codecs = codecs
    precondition(section.codecs.map(\.payloadType) == codecs.map(\.payloadType), "codecs stay")
    section.sources = section.sources
    section.sourceGroups = section.sourceGroups
    section.extensions = section.extensions
    section.streams = section.streams
    section.restrictions = section.restrictions
    section.fingerprints = section.fingerprints
    section.candidates = section.candidates
    section.mid = section.mid
    section.setup = section.setup
    section.direction = section.direction
    section.iceOptions = section.iceOptions
    section.hasAllCandidates = section.hasAllCandidates
}

import Rooms

/// Any text: what a Janus server says is read without a trap; JSON that was read is written and read again as it was.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJanus(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: data, count: size), as: UTF8.self)
    guard let json = try? JSON(parsing: text) else { return 0 }
    guard let again = try? JSON(parsing: json.text) else { fatalError("what was written is read") }
    precondition(again == json, "and says the same")
    guard let message = try? JanusMessage(parsing: text) else { return 0 }
    switch message.content {
    case .plugin(.joined(_, _, let publishers, let attendees), _): (publishers + attendees).forEach(visit)
    case .plugin(.publishers(let people), _), .plugin(.participants(let people), _): people.forEach(visit)
    case .plugin(.joining(let person), _): visit(person)
    default: break
    }
    return 0
}

private func visit(_ person: VideoRoomPublisher) {
    let name = person.name
    let again = JanusDisplay(parsing: name.text, id: person.id)
    precondition(again.user.id == name.user.id && again.session == name.session, "a written name is read as it was")
    precondition(Set(person.tracks.map(\.kind)).count == person.tracks.count, "one track of a kind")
}

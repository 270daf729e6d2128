internal import CXCB
import Media

/// Where a session's frames and news go.
struct ScreenSink: Sendable {
    var deliver: @Sendable (VideoFrame) -> Void
    var onEvent: @Sendable (VideoDeviceEvent) -> Void
    var statistics: ScreenStatistics
}

/// Takes the pictures of one source: at each tick it asks where the pointer is, and when that or the screen's pixels
/// changed it fetches the rows that did and hands a frame on. No request is waited for: ``progress()`` takes up what
/// has come.
///
/// tick → pointer asked → (nothing changed: the last picture again, once a second)
///                      → rows asked → pointer drawn in → frame
///
/// - Thread: one at a time: the session's, or the device's while it is warm.
final class ScreenGrabber: @unchecked Sendable {
    private enum Step {
        case idle
        case askingCursor(image: UInt32, pointer: UInt32)
        case askingPointer(UInt32, X11Reply<xcb_xfixes_get_cursor_image_reply_t>?)
        case grabbing(Grab)
    }

    private struct Grab {
        var sequence: UInt32
        /// The shared buffer; nil where the reply itself carries the pixels.
        var slot: Int?
        var area: ScreenArea
        var cursor: ScreenCursor?
        var askedAt: MonotonicInstant
    }

    /// How often a picture that does not change is handed on: who joins late must see it.
    static let repeatInterval = Duration.seconds(1)
    /// Grabs refused one after the other, with the source still there, until the stream is given up.
    private static let refusalLimit = 10

    let connection: X11Connection
    let id: ScreenID
    private let locator: ScreenLocator
    var area: ScreenArea?
    private var sink: ScreenSink?
    private var step = Step.idle
    private var stepSince = MonotonicInstant(nanoseconds: 0)
    var pictures: SharedPictures?
    private let replies = FreeSlots()
    var damage: UInt32 = 0
    var isChanged = true
    private var last: ScreenPicture?
    private var lastCursor: ScreenCursor?
    private var lastDelivery = MonotonicInstant(nanoseconds: 0)
    private var sequence: UInt32 = 0
    private var refusals = 0
    private var refusesSharing = false

    /// The source moved, changed its size or was hidden: ``relocate(_:)`` before the next tick.
    var mustRelocate = false
    /// Why the stream cannot go on.
    var failure: DeviceError?

    init(_ connection: X11Connection, _ id: ScreenID) {
        self.connection = connection
        self.id = id
        locator = ScreenLocator(connection, id)
        for slot in 0..<SharedPictures.limit { replies.put(slot) }
    }

    /// The size of the pictures; of a hidden window, the size that it has when shown.
    var size: (width: Int, height: Int) { locator.size }

    /// Since when an answer of the server is missing.
    var waitingSince: MonotonicInstant? {
        if case .idle = step { return nil }
        return stepSince
    }

    /// Finds the source (again).
    /// - Throws: as ``ScreenLocator/locate(_:)``.
    func relocate(_ wait: X11Wait) throws(DeviceError) {
        mustRelocate = false
        let found = try locator.locate(wait)
        if found != area {
            abandonStep()
            isChanged = true
            pictures?.markStale(0..<(pictures?.height ?? 0))
        }
        area = found
        guard let found, pictures?.width != found.pixels.width || pictures?.height != found.pixels.height else {
            return
        }
        pictures?.close()
        pictures =
            connection.features.shared_memory && !refusesSharing
            ? SharedPictures(connection, width: found.pixels.width, height: found.pixels.height) : nil
    }

    /// Begins a stream; nothing of an earlier one is shown again.
    func begin(_ sink: ScreenSink) {
        self.sink = sink
        last = nil
        lastCursor = nil
        isChanged = true
        sequence = 0
        pictures?.markStale(0..<(pictures?.height ?? 0))
        // Not with GetImage: its reply is sent in parts, and where the server draws the pointer itself (Xvfb 21.1), taking
        // that away for the grab is damage, whose event then lies in the middle of the pixels.
        guard connection.features.damage, pictures != nil || area == nil else { return }
        damage = connection.newID()
        let window: UInt32
        if case .window(let own) = id.source { window = own } else { window = connection.root }
        _ = unsafe xcb_damage_create(
            connection.handle, damage, window, UInt8(XCB_DAMAGE_REPORT_LEVEL_BOUNDING_BOX.rawValue))
    }

    /// Ends the stream; the connection and the buffers stay for the next.
    func end() {
        abandonStep()
        stopDamage()
        connection.flush()
        last = nil
        lastCursor = nil
        sink = nil
    }

    /// It is time for a frame.
    func tick() {
        guard case .idle = step else {
            // The server has not answered since the last tick.
            skip()
            return
        }
        if area == nil {
            showAgain()
        } else if connection.features.cursor {
            let image = unsafe xcb_xfixes_get_cursor_image(connection.handle)
            let pointer = unsafe xcb_query_pointer(connection.handle, area?.window ?? connection.root)
            advance(.askingCursor(image: image.sequence, pointer: pointer.sequence))
        } else {
            decide(nil)
        }
        connection.flush()
    }

    /// Takes up everything the server has sent. Afterwards all of it is read, so that polling the descriptor is right.
    func progress() {
        var any = true
        while any, failure == nil {
            any = unsafe connection.drainEvents { unsafe self.takeEvent($0) }
            if takeAnswer() { any = true }
            // Looking for the answer may have read events.
            if unsafe connection.drainEvents(queuedOnly: true, { unsafe self.takeEvent($0) }) { any = true }
            if any { connection.flush() }
        }
        if connection.isClosed, failure == nil { failure = connection.display.lost("xcb") }
    }

    private func advance(_ next: Step) {
        step = next
        stepSince = .now()
    }

    private func abandonStep() {
        switch step {
        case .idle: break
        case .askingCursor(let image, let pointer):
            unsafe xcb_discard_reply(connection.handle, image)
            unsafe xcb_discard_reply(connection.handle, pointer)
        case .askingPointer(let pointer, _): unsafe xcb_discard_reply(connection.handle, pointer)
        case .grabbing(let grab):
            unsafe xcb_discard_reply(connection.handle, grab.sequence)
            // The server writes in order: what it still writes lies before what the next grab writes.
            if let slot = grab.slot { pictures?.markStale(0..<(pictures?.height ?? 0)); pictures?.putBack(slot) }
            isChanged = true
        }
        step = .idle
    }

    private func skip() {
        sequence &+= 1
        sink?.statistics.update { $0.dropped += 1 }
    }
}

// MARK: - Answers

extension ScreenGrabber {
    /// Returns whether something had come.
    private func takeAnswer() -> Bool {
        switch step {
        case .idle: return false
        case .askingCursor(let image, let pointer):
            switch connection.answer(image, as: xcb_xfixes_get_cursor_image_reply_t.self) {
            case .pending, .closed: return false
            case .reply(let reply): step = .askingPointer(pointer, reply)
            case .refused: step = .askingPointer(pointer, nil)
            }
        case .askingPointer(let pointer, let image):
            switch connection.answer(pointer, as: xcb_query_pointer_reply_t.self) {
            case .pending, .closed: return false
            case .reply(let reply):
                step = .idle
                decide(image.flatMap { cursor($0, reply.value) })
            case .refused:
                step = .idle
                refused()
            }
        case .grabbing(let grab):
            if let slot = grab.slot {
                switch connection.answer(grab.sequence, as: xcb_shm_get_image_reply_t.self) {
                case .pending, .closed: return false
                case .reply: finish(grab, slot)
                case .refused(let code): refused(grab, slot, code)
                }
            } else {
                switch connection.answer(grab.sequence, as: xcb_get_image_reply_t.self) {
                case .pending, .closed: return false
                case .reply(let reply): finish(grab, reply)
                case .refused:
                    step = .idle
                    refused()
                }
            }
        }
        return true
    }

    private func cursor(
        _ image: X11Reply<xcb_xfixes_get_cursor_image_reply_t>, _ pointer: xcb_query_pointer_reply_t
    ) -> ScreenCursor? {
        guard let area, pointer.same_screen != 0 else { return nil }
        return ScreenCursor(
            image, x: Int(pointer.win_x) - area.originX, y: Int(pointer.win_y) - area.originY,
            areaWidth: area.pixels.width, areaHeight: area.pixels.height)
    }

    /// The pointer is known: is there something new to fetch?
    private func decide(_ cursor: ScreenCursor?) {
        guard let area else { return }
        if damage == 0 {
            // Nobody tells of changes: the pixels are compared with the last.
            isChanged = true
            pictures?.markStale(0..<area.pixels.height)
        }
        if last != nil, !isChanged, cursor == lastCursor { return showAgain() }
        let now = MonotonicInstant.now()
        if let pictures {
            if let slot = pictures.acquire() {
                return grab(slot, pictures, Grab(sequence: 0, slot: slot, area: area, cursor: cursor, askedAt: now))
            }
            if pictures.isUsable { return skip() }
            self.pictures = nil
        }
        grabByReply(Grab(sequence: 0, slot: nil, area: area, cursor: cursor, askedAt: now))
    }

    private func grab(_ slot: Int, _ pictures: SharedPictures, _ grab: Grab) {
        var grab = grab
        takeDamage()
        let rows = pictures.staleRows(slot)
        if rows.isEmpty { return finish(grab, slot) }
        let area = grab.area
        // Whole rows: the server writes a rectangle without gaps between its rows.
        let cookie = unsafe xcb_shm_get_image(
            connection.handle, area.drawable, Int16(area.pixels.x), Int16(area.pixels.y + rows.lowerBound),
            UInt16(area.pixels.width), UInt16(rows.count), ~0, UInt8(XCB_IMAGE_FORMAT_Z_PIXMAP.rawValue),
            pictures.segment(slot), UInt32(rows.lowerBound * area.pixels.width * 4))
        grab.sequence = cookie.sequence
        advance(.grabbing(grab))
    }

    private func grabByReply(_ grab: Grab) {
        var grab = grab
        stopDamage()
        let area = grab.area
        let cookie = unsafe xcb_get_image(
            connection.handle, UInt8(XCB_IMAGE_FORMAT_Z_PIXMAP.rawValue), area.drawable, Int16(area.pixels.x),
            Int16(area.pixels.y), UInt16(area.pixels.width), UInt16(area.pixels.height), ~0)
        grab.sequence = cookie.sequence
        advance(.grabbing(grab))
    }

    /// What changes from here on is reported anew. Before the grab: a change between the two is fetched twice, never
    /// missed.
    private func takeDamage() {
        isChanged = false
        if damage != 0 { _ = unsafe xcb_damage_subtract(connection.handle, damage, 0, 0) }
    }

    private func stopDamage() {
        if damage != 0 { _ = unsafe xcb_damage_destroy(connection.handle, damage) }
        damage = 0
    }

    private func finish(_ grab: Grab, _ slot: Int) {
        step = .idle
        guard let pictures else { return }
        let drawn = grab.cursor?.rows(in: grab.area.pixels.height) ?? 0..<0
        show(pictures.picture(slot, drawn: drawn), grab)
    }

    private func finish(_ grab: Grab, _ reply: X11Reply<xcb_get_image_reply_t>) {
        step = .idle
        let size = grab.area.pixels.width * grab.area.pixels.height * 4
        guard Int(reply.value.length) * 4 >= size, let data = unsafe xcb_get_image_data(reply.pointer) else {
            return refused()
        }
        // Held pictures bound the memory, as the number of shared buffers does.
        guard let slot = replies.take(cheapestBy: { $0 }) else {
            isChanged = true
            return skip()
        }
        let bytes = unsafe UnsafeMutableRawBufferPointer(start: data, count: size)
        let replies = replies
        nonisolated(unsafe) let reply = reply
        let picture = unsafe ScreenPicture(
            bytes: bytes, width: grab.area.pixels.width, height: grab.area.pixels.height
        ) { unsafe withExtendedLifetime(reply) { replies.put(slot) } }
        show(picture, grab)
    }

    private func show(_ picture: ScreenPicture, _ grab: Grab) {
        grab.cursor?.draw(over: picture)
        refusals = 0
        if damage == 0, let last, last.isSame(as: picture) { return showAgain() }
        last = picture
        lastCursor = grab.cursor
        deliver(picture, capturedAt: grab.askedAt)
    }

    /// Nothing changed: the same picture, as of now, at a low rate.
    private func showAgain() {
        let now = MonotonicInstant.now()
        guard let last, now - lastDelivery >= Self.repeatInterval else { return }
        deliver(last, capturedAt: now)
    }

    private func deliver(_ picture: ScreenPicture, capturedAt: MonotonicInstant) {
        let now = MonotonicInstant.now()
        lastDelivery = now
        sink?.statistics.update { statistics in
            statistics.frames += 1
            statistics.firstFrameAt = statistics.firstFrameAt ?? now
            statistics.lastFrameAt = now
        }
        sink?.deliver(picture.frame(capturedAt: capturedAt, sequence: sequence))
        sequence &+= 1
    }

    private func refused(_ grab: Grab, _ slot: Int, _ code: UInt8) {
        step = .idle
        // BadShmSeg (an extension's code) or BadAccess: the server did not take the segment. It may be on another
        // machine behind a forwarded socket.
        if code >= 128 || code == 10 {
            refusesSharing = true
            pictures?.close()
            pictures = nil
            isChanged = true
            grabByReply(Grab(sequence: 0, slot: nil, area: grab.area, cursor: grab.cursor, askedAt: .now()))
        } else {
            pictures?.putBack(slot)
            refused()
        }
    }

    /// The server refused: the source changed under our hands, or is gone.
    private func refused() {
        isChanged = true
        mustRelocate = true
        refusals += 1
        if refusals >= Self.refusalLimit {
            failure = DeviceError(
                .failed, operation: "GetImage", device: id.text, reason: "the X server refuses its pixels")
        }
    }
}

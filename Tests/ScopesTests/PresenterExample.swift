import Scopes
import Testing

// A view that comes and goes over a call that stays: how an application uses a reusable scope and state flows.

/// What lives as long as the application: its state is true whether or not anybody looks.
final class Room: Sendable {
    let people = StateFlow<[String]>([])
    let isMuted = StateFlow(false)
}

/// What a view shows of a room, while it is on the screen.
@MainActor
final class RoomPresenter {
    private(set) var title = ""
    private(set) var microphoneSymbol = ""
    private let room: Room
    private let scope = ReusableScope.main("presenter")

    init(room: Room) { self.room = room }

    /// The view appeared. The scope begins its next generation by itself.
    func attach() {
        scope.launch("title") { [room, weak self] in
            for await count in room.people.map(\.count) { self?.title = "\(count) in the room" }
        }
        scope.launch("microphone") { [room, weak self] in
            for await isMuted in room.isMuted { self?.microphoneSymbol = isMuted ? "🔇" : "🎙" }
        }
    }

    /// The view went away: on return nothing of this presenter runs any more.
    func detach() async { await scope.cancelAndWait() }

    var generation: Int { scope.generation }
    var childCount: Int { scope.childCount }
}

@Suite("Example: a presenter that is attached and detached", .timeLimit(.minutes(1)))
@MainActor
struct PresenterExample {
    @Test("each attachment shows the room as it is; a detached presenter stands still")
    func attachAndDetach() async {
        let room = Room()
        let presenter = RoomPresenter(room: room)
        for round in 1...200 {
            room.people.update { $0.append("guest \(round)") }
            room.isMuted.set(round % 2 == 0)
            presenter.attach()
            while presenter.title != "\(round) in the room"
                || presenter.microphoneSymbol != (round % 2 == 0 ? "🔇" : "🎙")
            {
                await Task.yield()
            }
            await presenter.detach()
            #expect(presenter.childCount == 0)
            let shown = presenter.title
            room.people.update { $0[0] = "somebody else" }
            await Task.yield()
            #expect(presenter.title == shown)
        }
        #expect(presenter.generation == 200)
    }

    @Test("a presenter that is dropped while attached goes, and its work with it")
    func dropped() async {
        let room = Room()
        var presenter: RoomPresenter? = RoomPresenter(room: room)
        weak let weakPresenter = presenter
        presenter?.attach()
        await Task.yield()
        presenter = nil
        #expect(weakPresenter == nil)
    }
}

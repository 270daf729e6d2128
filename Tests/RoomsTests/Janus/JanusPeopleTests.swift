import RTP
import Testing

@testable import Rooms

@Suite("Who is in a VideoRoom")
struct JanusPeopleTests {
    private let ada = JanusDisplay(user: User(id: "ada", name: "Ada"), session: "s1")

    @Test("Coming, publishing, muting, taking back and leaving are told, each once")
    func transcript() throws {
        var people = JanusPeople(own: .text("me"))
        let joined = try event(#"{"videoroom": "event", "joining": {"id": "a", "display": "Ada <ada/s1>"}}"#)
        #expect(people.apply(joined) == [.participantJoined(ParticipantInfo(sessionID: "s1", user: ada.user))])
        #expect(people.apply(joined).isEmpty, "once")
        let publishing = try event(
            #"{"videoroom": "event", "publishers": [{"id": "a", "display": "Ada <ada/s1>", "streams": [{"type": "audio", "mid": "0"}, {"type": "video", "mid": "1", "description": "screenShare"}]}]}"#
        )
        #expect(people.apply(publishing) == [.trackPublished(track(.audio)), .trackPublished(track(.screenShare))])
        #expect(people.apply(publishing).isEmpty)
        #expect(
            people.feeds == [
                JanusSubscriber.Feed(id: .text("a"), mid: "0"): track(.audio).id,
                JanusSubscriber.Feed(id: .text("a"), mid: "1"): track(.screenShare).id,
            ])
        let muted = try event(#"{"videoroom": "event", "id": "a", "display": "Ada <ada/s1 muted=audio>"}"#)
        #expect(people.apply(muted) == [.trackMuted(track(.audio).id, true)])
        let moderated = try event(#"{"videoroom": "event", "id": "a", "mid": "1", "moderation": "muted"}"#)
        #expect(people.apply(moderated) == [.trackMuted(track(.screenShare).id, true)])
        let disabled = try event(
            #"{"videoroom": "event", "publishers": [{"id": "a", "display": "Ada <ada/s1>", "streams": [{"type": "audio", "mid": "0"}, {"type": "video", "mid": "1", "disabled": true}]}]}"#
        )
        #expect(people.apply(disabled) == [.trackUnpublished(track(.screenShare).id)])
        let gone = try event(#"{"videoroom": "event", "leaving": "a"}"#)
        #expect(people.apply(gone) == [.participantLeft("s1")])
        #expect(people.apply(gone).isEmpty && people.feeds.isEmpty)
    }

    @Test("We are not among the others")
    func own() throws {
        var people = JanusPeople(own: .number(7))
        #expect(people.apply(try event(#"{"videoroom": "event", "joining": {"id": 7}}"#)).isEmpty)
    }

    @Test(
        "Display names there and back",
        arguments: [
            JanusDisplay(user: User(id: "ada", name: "Ada"), session: "4f1c"),
            JanusDisplay(user: User(id: "a/b <c> 100%", name: "A <b> c"), session: "s /%2F", muted: [.video, .audio]),
            JanusDisplay(user: User(id: "x", name: ""), session: "y"),
        ])
    func names(name: JanusDisplay) { #expect(JanusDisplay(parsing: name.text, id: .number(1)) == name) }

    @Test("Strangers' names are names", arguments: ["Bob", "Bob <bob>", "<", "> <", "Bob <a/b/c>", "<3", ""])
    func strangers(text: String) {
        let name = JanusDisplay(parsing: text, id: .number(9))
        #expect(name.session == "janus:9" && name.user.name == (text.isEmpty ? "9" : text))
    }

    @Test("A call's room: its number, or a hash that stays; its id, where rooms have names")
    func rooms() {
        #expect(JanusIDStyle.numbers.room(CallID(id: "1234")) == .number(1234))
        #expect(JanusIDStyle.strings.room(CallID(type: "team", id: "x")) == .text("team-x"))
        let hashed = JanusIDStyle.numbers.room(CallID(id: "kitchen"))
        #expect(
            hashed == .number(JanusIDStyle.hash("kitchen")) && hashed != JanusIDStyle.numbers.room(CallID(id: "hall")))
        #expect((1..<1 << 53).contains(JanusIDStyle.hash("kitchen")))
    }

    private func track(_ kind: TrackKind) -> TrackInfo {
        TrackInfo(id: TrackID(sessionID: "s1", kind: kind), ssrc: 0)
    }

    private func event(_ json: String) throws -> VideoRoomEvent { VideoRoomEvent(try JSON(parsing: json)) }
}

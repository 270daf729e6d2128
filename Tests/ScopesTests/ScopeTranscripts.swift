import Scopes
import Testing

/// What a transcript does to a reusable scope; each step ends when all that it causes has happened.
enum ScopeEvent: Sendable {
    /// Launches a child that waits until it is cancelled or let go.
    case launch(String)
    /// Launches a child that sees its cancellation, but ends only when it is let go.
    case launchStubborn(String)
    case letGo(String)
    case fail(String)
    /// Keeps the living generation's handle, or a new one's.
    case keepHandle(String)
    case launchThrough(handle: String, String)
    case cancelJob(String)
    case cancel, cancelChildren, cancelAndWait, cancelChildrenAndWait
    /// Cancels and waits on a task of its own; the log says when the wait is over.
    case beginCancelAndWait
    case endOfWait
    case look
}

struct ScopeTranscript: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let events: [ScopeEvent]
    let log: [String]

    init(_ name: String, _ events: [ScopeEvent], log: [String]) {
        testDescription = name
        self.events = events
        self.log = log
    }
}

@Suite("ReusableScope: transcripts", .timeLimit(.minutes(1)))
struct ScopeTranscriptTests {
    static let transcripts: [ScopeTranscript] = [
        ScopeTranscript(
            "the first use begins generation 1, use after cancel the next",
            [.look, .launch("a"), .look, .cancel, .look, .launch("b"), .look, .letGo("b")],
            log: [
                "generation 0, no current, 0 children", "a began in 1", "generation 1, current, 1 children",
                "a cancelled", "generation 1, no current, 0 children", "b began in 2",
                "generation 2, current, 1 children", "b ended",
            ]),
        ScopeTranscript(
            "cancel twice ends one generation", [.launch("a"), .cancel, .cancel, .launch("b"), .look, .letGo("b")],
            log: ["a began in 1", "a cancelled", "b began in 2", "generation 2, current, 1 children", "b ended"]),
        ScopeTranscript(
            "cancelling an unused scope begins nothing", [.cancel, .cancelAndWait, .look],
            log: ["generation 0, no current, 0 children"]),
        ScopeTranscript(
            "cancelChildren keeps the generation and its handles",
            [.keepHandle("h"), .launch("a"), .cancelChildren, .launchThrough(handle: "h", "b"), .look, .letGo("b")],
            log: ["a began in 1", "a cancelled", "b began in 1", "generation 1, current, 1 children", "b ended"]),
        ScopeTranscript(
            "a handle of a cancelled generation refuses, before and after the next begins",
            [
                .keepHandle("h"), .cancel, .launchThrough(handle: "h", "late"), .launch("a"),
                .launchThrough(handle: "h", "later"), .letGo("a"), .look,
            ],
            log: [
                "late refused: staleGeneration 1 of 1", "a began in 2", "later refused: staleGeneration 1 of 2",
                "a ended", "generation 2, current, 0 children",
            ]),
        ScopeTranscript(
            "one child's failure is reported and does not end the others",
            [.launch("a"), .launch("b"), .fail("a"), .look, .letGo("b")],
            log: [
                "a began in 1", "b began in 1", "a failed in 1: ExpectedFailure()",
                "generation 1, current, 1 children", "b ended",
            ]),
        ScopeTranscript(
            "cancelling one job leaves the others", [.launch("a"), .launch("b"), .cancelJob("a"), .look, .letGo("b")],
            log: [
                "a began in 1", "b began in 1", "a cancelled", "generation 1, current, 1 children", "b ended",
            ]),
        ScopeTranscript(
            "cancelAndWait waits for a child that takes its time",
            [.launchStubborn("a"), .beginCancelAndWait, .letGo("a"), .endOfWait, .look],
            log: [
                "a began in 1", "a cancelled", "a ended", "wait is over", "generation 1, no current, 0 children",
            ]),
        ScopeTranscript(
            "cancelAndWait waits for generations that were cancelled before without waiting",
            [
                .launchStubborn("old"), .cancel, .launch("new"), .look, .beginCancelAndWait, .letGo("old"), .endOfWait,
                .look,
            ],
            log: [
                "old began in 1", "old cancelled", "new began in 2", "generation 2, current, 2 children",
                "new cancelled", "old ended", "wait is over", "generation 2, no current, 0 children",
            ]),
        ScopeTranscript(
            "a generation begun during the wait is neither cancelled nor waited for",
            [
                .launchStubborn("old"), .beginCancelAndWait, .launch("new"), .letGo("old"), .endOfWait, .look,
                .letGo("new"),
            ],
            log: [
                "old began in 1", "old cancelled", "new began in 2", "old ended", "wait is over",
                "generation 2, current, 1 children", "new ended",
            ]),
        ScopeTranscript(
            "cancelChildrenAndWait leaves the scope usable",
            [.launch("a"), .launch("b"), .cancelChildrenAndWait, .launch("c"), .look, .letGo("c")],
            log: [
                "a began in 1", "b began in 1", "a cancelled", "b cancelled", "c began in 1",
                "generation 1, current, 1 children", "c ended",
            ]),
    ]

    @Test("events give the log they should", arguments: transcripts)
    func transcript(_ transcript: ScopeTranscript) async {
        let stage = ScopeStage()
        for event in transcript.events { await stage.perform(event) }
        #expect(stage.transcript == transcript.log)
        await stage.close()
    }
}

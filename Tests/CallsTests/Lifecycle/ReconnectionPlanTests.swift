import Rooms
import Testing

@testable import Calls

@Suite("What a lost session tries")
struct ReconnectionPlanTests {
    typealias Action = ReconnectionPlan.Action
    typealias Event = ReconnectionPlan.Event

    @Test("A session that the service has forgotten is rejoined at once")
    func forgotten() {
        var plan = ReconnectionPlan()
        #expect(plan.begin() == .attempt(.fastReconnect, step: 1))
        #expect(plan.handle(.failed(.forgotten, step: 1)) == .attempt(.rejoin, step: 2))
    }

    @Test("An unreachable service is tried again in the same way, at longer and longer intervals")
    func unreachable() {
        var plan = ReconnectionPlan()
        _ = plan.begin()
        var waits: [Duration] = []
        for attempt in 0..<7 {
            let step = 2 * attempt + 1
            guard case .wait(let wait, let next) = plan.handle(.failed(.unreachable, step: step)) else { break }
            waits.append(wait)
            #expect(plan.handle(.waitOver(step: next)) == .attempt(.fastReconnect, step: step + 2))
        }
        #expect(waits == [250, 500, 1000, 2000, 4000, 4000, 4000].map { .milliseconds($0) })
    }

    @Test(
        "Fast attempts that were answered and failed, or did not end, make way for a rejoin",
        arguments: [
            ReconnectionPlan.Failure.other, .timedOut,
        ])
    func fastFails(failure: ReconnectionPlan.Failure) {
        var plan = ReconnectionPlan()
        _ = plan.begin()
        #expect(plan.handle(.failed(failure, step: 1)) == .wait(.milliseconds(250), step: 2))
        #expect(plan.handle(.waitOver(step: 2)) == .attempt(.fastReconnect, step: 3))
        #expect(plan.handle(.failed(failure, step: 3)) == .wait(.milliseconds(500), step: 4))
        #expect(plan.handle(.waitOver(step: 4)) == .attempt(.rejoin, step: 5))
    }

    @Test("A fast reconnection that did not hold is followed by a rejoin")
    func relapse() {
        var plan = ReconnectionPlan(hasRelapsed: true)
        #expect(plan.begin() == .attempt(.rejoin, step: 1))
    }

    @Test("A change of the network ends a wait, and starts the intervals anew; an attempt that runs goes on")
    func networkChanged() {
        var plan = ReconnectionPlan()
        _ = plan.begin()
        #expect(plan.handle(.networkChanged) == .nothing)
        _ = plan.handle(.failed(.unreachable, step: 1))
        _ = plan.handle(.waitOver(step: 2))
        _ = plan.handle(.failed(.unreachable, step: 3))
        #expect(plan.handle(.networkChanged) == .attempt(.fastReconnect, step: 5))
        #expect(plan.handle(.failed(.unreachable, step: 5)) == .wait(.milliseconds(250), step: 6))
    }

    @Test("What is lost again while it is taken up fails the attempt")
    func lostAgain() {
        var plan = ReconnectionPlan()
        _ = plan.begin()
        #expect(plan.handle(.lostAgain) == .wait(.milliseconds(250), step: 2))
        #expect(plan.handle(.lostAgain) == .nothing)
    }

    @Test("Events of steps that are over change nothing")
    func stale() {
        var plan = ReconnectionPlan()
        _ = plan.begin()
        _ = plan.handle(.failed(.unreachable, step: 1))
        #expect(plan.handle(.failed(.timedOut, step: 1)) == .nothing)
        _ = plan.handle(.waitOver(step: 2))
        #expect(plan.handle(.waitOver(step: 2)) == .nothing)
        #expect(plan.handle(.failed(.refused, step: 1)) == .nothing)
    }

    @Test(
        "It gives up when its time is up, and where the user is not wanted; then nothing is tried any more",
        arguments: [
            Event.expired, .failed(.refused, step: 1),
        ])
    func givesUp(event: Event) {
        var plan = ReconnectionPlan()
        _ = plan.begin()
        #expect(plan.handle(event) == .giveUp)
        for later: Event in [.expired, .networkChanged, .failed(.other, step: 1), .waitOver(step: 2), .lostAgain] {
            #expect(plan.handle(later) == .nothing)
        }
    }
}

import Scopes
import Synchronization
import Testing

@Suite("StateFlow", .timeLimit(.minutes(1)))
struct StateFlowTests {
    @Test("the first element is the current value")
    func firstElement() async {
        let flow = StateFlow(1)
        flow.set(2)
        var iterator = flow.makeAsyncIterator()
        #expect(await iterator.next() == 2)
        #expect(flow.value == 2)
    }

    @Test("a slow observer skips what lies between, and is given the last")
    func conflation() async {
        let flow = StateFlow(0)
        var iterator = flow.makeAsyncIterator()
        #expect(await iterator.next() == 0)
        for value in 1...100 { flow.set(value) }
        #expect(await iterator.next() == 100)
    }

    @Test("equal values are told once, also when the value came back meanwhile")
    func equalValues() async {
        let flow = StateFlow("a")
        var iterator = flow.makeAsyncIterator()
        #expect(await iterator.next() == "a")
        flow.set("a")
        flow.set("b")
        flow.set("a")
        let next = Task { await iterator.next() }
        flow.update { _ in }
        flow.set("c")
        #expect(await next.value == "c")
    }

    @Test("values that cannot be compared are told at every change")
    func incomparableValues() async {
        struct Opaque: Sendable { var number: Int }
        let flow = StateFlow(Opaque(number: 1))
        var iterator = flow.makeAsyncIterator()
        #expect(await iterator.next()?.number == 1)
        flow.set(Opaque(number: 1))
        #expect(await iterator.next()?.number == 1)
    }

    @Test("updates are atomic, and every observer sees the last value of many writers")
    func manyWritersManyObservers() async {
        let flow = StateFlow(0)
        let writers = 8
        let updates = 1000
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var last = -1
                    for await value in flow {
                        // Never back in time, never twice.
                        if value <= last { return -1 }
                        last = value
                        if value == writers * updates { break }
                    }
                    return last
                }
            }
            for _ in 0..<writers {
                group.addTask {
                    var largest = 0
                    for _ in 0..<updates {
                        let mine = flow.update { value in
                            value += 1
                            return value
                        }
                        if mine <= largest { return -1 }
                        largest = mine
                        if mine % 100 == 0 { await Task.yield() }
                    }
                    return writers * updates
                }
            }
            for await result in group { #expect(result == writers * updates) }
        }
        #expect(flow.value == writers * updates)
    }

    @Test("an observer attached before the first session sees every later one, though each session's scope ends")
    func survivesScopes() async {
        let flow = StateFlow(0)
        let session = ReusableScope("session")
        let life = Scope("life")
        let seen = StateFlow(-1)
        _ = try? life.launch { for await value in flow { seen.set(value) } }
        let derived = flow.map { $0 * 10 }
        let seenDerived = StateFlow(-1)
        _ = try? life.launch { for await value in derived { seenDerived.set(value) } }
        for round in 1...100 {
            await session.launch { flow.set(round) }.wait()
            await session.cancelAndWait()
            for await value in seen where value == round { break }
            for await value in seenDerived where value == round * 10 { break }
        }
        await life.cancelAndWait()
    }

    @Test("an observer ends with its task's cancellation, before, while and after it waits", arguments: 0..<3)
    func cancellation(_ moment: Int) async {
        for _ in 0..<200 {
            let flow = StateFlow(0)
            let began = StateFlow(false)
            let observer = Task {
                began.set(true)
                for await _ in flow {}
            }
            if moment > 0 { for await hasBegun in began where hasBegun { break } }
            if moment > 1 { await Task.yield() }
            observer.cancel()
            await observer.value
            withExtendedLifetime(flow) {}
        }
    }

    @Test("observing keeps no flow alive; the last value comes before the end")
    func deinitialisation() async {
        var flow: StateFlow<Int>? = StateFlow(0)
        weak let weakFlow = flow
        var iterator = flow!.makeAsyncIterator()
        var mapped = flow!.map { -$0 }.makeAsyncIterator()
        #expect(await iterator.next() == 0)
        #expect(await mapped.next() == 0)
        flow?.set(7)
        flow = nil
        #expect(weakFlow == nil)
        #expect(await iterator.next() == 7)
        #expect(await iterator.next() == nil)
        #expect(await mapped.next() == -7)
        #expect(await mapped.next() == nil)
    }

    @Test("an observer that waits is told when the flow goes")
    func deinitialisationWakes() async {
        var flow: StateFlow<Int>? = StateFlow(0)
        let began = StateFlow(false)
        let iterator = flow!.makeAsyncIterator()
        let observer = Task {
            var iterator = iterator
            while await iterator.next() != nil { began.set(true) }
        }
        for await hasBegun in began where hasBegun { break }
        flow = nil
        await observer.value
    }

    @Test("a derived flow has the current value, skips equal ones and can be derived from again")
    func derived() async {
        let flow = StateFlow(1)
        let isEven = flow.map { $0 % 2 == 0 }
        let text = isEven.map { $0 ? "even" : "odd" }
        var iterator = text.makeAsyncIterator()
        #expect(text.value == "odd")
        #expect(await iterator.next() == "odd")
        flow.set(3)
        flow.set(5)
        let next = Task { await iterator.next() }
        flow.set(7)
        flow.set(8)
        #expect(await next.value == "even")
        #expect(isEven.value)
    }

    @Test("an old value may look at the flow while it goes")
    func oldValueLooks() {
        final class Last: Sendable {
            let flow = Mutex<StateFlow<Last?>?>(nil)
            let seen: Mutex<Bool> = Mutex(false)
            let log: Log
            init(_ log: Log) { self.log = log }
            deinit { log.add(flow.withLock { $0 }?.value == nil ? "nil" : "some") }
        }
        let log = Log()
        let flow = StateFlow<Last?>(nil)
        let last = Last(log)
        last.flow.withLock { $0 = flow }
        flow.set(consume last)
        flow.set(nil)
        #expect(log.all == ["nil"])
    }
}

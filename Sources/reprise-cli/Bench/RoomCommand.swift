import ArgumentParser
import Reprise

/// `reprise bench room`.
struct RoomCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "room",
        abstract: "Measure how soon who rejoins a room of this process hears the others.",
        discussion: """
            Two calls of this process in one room, over peer connections on loopback, with synthetic devices. One stays and \
            sends; the other joins and leaves again and again. Measured from the call to join(): its side of the way is \
            described, the way is protected by DTLS, the first RTP of the other has come, its first sound is decoded. A \
            packet of sound comes every 20 ms: waiting for the next takes 10 on average, less with pictures beside it. The \
            first join is not counted.

            EXAMPLES:
              reprise bench room
              reprise bench room --cycles 200 --json
            """)

    @Option(help: ArgumentHelp("How many rejoins to measure of each kind.", valueName: "n"))
    var cycles = 50

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard (1...100_000).contains(cycles) else {
            throw ValidationError("--cycles \(cycles): give a number of rejoins from 1 to 100000.")
        }
    }

    func run() async throws {
        let (cycles, progress) = (cycles, Progress())
        let rooms = try await interruptible {
            defer { progress.close() }
            var rooms: [RoomRejoins] = []
            for sent in RoomRejoins.Sent.allCases {
                rooms.append(
                    try await RoomRejoins.measure(sent, cycles) {
                        progress.detail("\(sent.title): rejoin \($0) of \(cycles)")
                    })
            }
            return rooms
        }
        if json {
            let rows = JSON.array(rooms.flatMap(\.rows))
            try Output.standard.line(JSON.object([.init(key: "rows", value: rows)]).text)
        } else {
            for line in RoomRejoins.lines(rooms) { try Output.standard.line(line) }
        }
    }
}

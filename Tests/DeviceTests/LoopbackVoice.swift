import Foundation

extension Tone {
    /// Plays it into a loopback card, whose microphone hears it then.
    ///
    /// Returns when the kernel plays it: both ends of the card take the format of who came first, and a player and a call
    /// that negotiate in the same moment can both be refused.
    func speak(into card: String = "Loopback", seconds: Int) async throws -> RunningProgram {
        let file = try write(seconds: seconds)
        for _ in 1...5 {
            let player = try RunningProgram("aplay", ["-q", "-D", "plughw:\(card),1,0", file])
            let isPlaying = await reached(within: .seconds(30)) { !player.isRunning || Self.plays(card) }
            if isPlaying, player.isRunning { return player }
            let result = try await player.stop()
            print("aplay into \(card): \(result.errors)")
        }
        throw LabFailure("nothing plays into \(card): \(Self.state(card))")
    }

    private static func plays(_ card: String) -> Bool { state(card).contains("RUNNING") }

    private static func state(_ card: String) -> String {
        (try? String(contentsOfFile: "/proc/asound/\(card)/pcm1p/sub0/status", encoding: .utf8)) ?? "no such card"
    }
}

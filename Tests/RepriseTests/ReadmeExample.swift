// The example of README.md, so that the compiler reads it; ReadmeTests holds the two together.
import Reprise

func readmeExample() async throws {
    let client = Client(user: User(id: "ada"), service: InProcessService())
    let call = client.call(type: "echo", id: "kitchen")  // always the same object for the same id
    for morning in 1...3 {
        try await call.join()  // microphone, speaker and camera start
        _ = await call.microphone.statuses.first { $0 == .enabled }
        print("day \(morning): in the call with \(call.microphone.selectedDevice?.rawValue ?? "no microphone")")
        await call.leave()  // all is closed, and every device is "not selected" again
    }
}

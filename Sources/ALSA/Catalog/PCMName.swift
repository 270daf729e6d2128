/// A PCM name in its parts: `plughw:CARD=USB,DEV=0`.
struct PCMName: Hashable {
    /// What stands before the colon: the definition in the configuration.
    var base: String
    var arguments: Arguments?

    struct Arguments: Hashable {
        var card: String?
        var device = 0
    }

    init(_ name: String) {
        let parts = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        base = String(parts.first ?? "")
        guard parts.count == 2 else { return }
        var arguments = Arguments()
        // By name (CARD=USB,DEV=0) or in this order (USB,0).
        for (index, field) in parts[1].split(separator: ",", omittingEmptySubsequences: false).enumerated() {
            let pair = field.split(separator: "=", maxSplits: 1).map(String.init)
            switch (pair.count == 2 ? pair[0] : index == 0 ? "CARD" : index == 1 ? "DEV" : "", pair.last) {
            case ("CARD", let card?): arguments.card = card
            case ("DEV", let device?): arguments.device = Int(device) ?? 0
            default: break
            }
        }
        self.arguments = arguments
    }
}

import Reprise

/// The figures of a restart benchmark as a picture: for each a dot at the median, a line to the 95th percentile, and a
/// mark at the hardware's floor. It reads on light and on dark paper.
struct RestartPlot: Sendable {
    private let rows: [RestartReport.Row]
    private let cycles: Int

    init(_ report: RestartReport) {
        rows = report.rows.filter { $0.call.count > 0 }
        cycles = report.cycles
    }

    private static let width = 860.0
    private static let left = 310.0
    private static let right = 40.0
    private static let top = 66.0
    private static let rowHeight = 24.0
    private static let groupGap = 26.0

    var svg: String {
        let groups = StandbyPolicy.allCases.map { standby in (standby, rows.filter { $0.standby == standby }) }
            .filter { !$0.1.isEmpty }
        let axis = PlotAxis(rows.flatMap { [$0.call.p95, $0.floor.p95].compactMap { $0 } }.max() ?? 1)
        var body: [String] = []
        var y = Self.top
        for (standby, rows) in groups {
            y += Self.groupGap
            body.append(Self.text(16, y - 8, "standby \(standby.rawValue)", "group"))
            for row in rows {
                body += draw(row, y + Self.rowHeight / 2, axis)
                y += Self.rowHeight
            }
        }
        let height = y + 52
        return ([head(height)] + grid(axis, bottom: y + 6) + body + ["</svg>"]).joined(separator: "\n") + "\n"
    }

    private func draw(_ row: RestartReport.Row, _ y: Double, _ axis: PlotAxis) -> [String] {
        let name = row.metric.title + (row.device.map { " · \($0)" } ?? "")
        var lines = [Self.text(Self.left - 12, y + 4, Self.cut(name), "label")]
        guard let p50 = row.call.p50, let p95 = row.call.p95 else { return lines }
        if let floor = row.floor.p50 {
            let x = Self.x(floor, axis)
            lines.append(
                "<line class=\"floor\" x1=\"\(x.fixed(1))\" x2=\"\(x.fixed(1))\" y1=\"\((y - 8).fixed(1))\" "
                    + "y2=\"\((y + 8).fixed(1))\"/>")
        }
        let (from, to) = (Self.x(p50, axis), Self.x(p95, axis))
        lines.append(
            "<line class=\"whisker\" x1=\"\(from.fixed(1))\" x2=\"\(to.fixed(1))\" y1=\"\(y.fixed(1))\" "
                + "y2=\"\(y.fixed(1))\"/>")
        lines.append("<circle class=\"dot\" cx=\"\(from.fixed(1))\" cy=\"\(y.fixed(1))\" r=\"4\"/>")
        lines.append(Self.text(to + 9, y + 4, p50.fixed(p50 < 10 ? 2 : 1), "value"))
        return lines
    }

    private func grid(_ axis: PlotAxis, bottom: Double) -> [String] {
        axis.ticks.flatMap { tick -> [String] in
            let x = Self.x(tick, axis).fixed(1)
            return [
                "<line class=\"grid\" x1=\"\(x)\" x2=\"\(x)\" y1=\"\(Self.top.fixed(1))\" y2=\"\(bottom.fixed(1))\"/>",
                "<text class=\"tick\" x=\"\(x)\" y=\"\((bottom + 16).fixed(1))\">\(tick.shortText)</text>",
            ]
        } + [Self.text(Self.left, bottom + 34, "milliseconds", "label start")]
    }

    private func head(_ height: Double) -> String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.width.fixed(0)) \(height.fixed(0))" \
        width="\(Self.width.fixed(0))" height="\(height.fixed(0))" role="img">
        <title>Restart latency</title>
        <style>
        svg { --paper: #fff; --ink: #1f2328; --soft: #59636e; --grid: #d8dee4; --dot: #0969da; --floor: #bc4c00 }
        @media (prefers-color-scheme: dark) {
          svg { --paper: #0d1117; --ink: #e6edf3; --soft: #9198a1; --grid: #30363d; --dot: #58a6ff; --floor: #f0883e }
        }
        text { font: 12px system-ui, sans-serif; fill: var(--ink) }
        .paper { fill: var(--paper) } .title { font-size: 16px; font-weight: 600 } .group { font-weight: 600 }
        .label { text-anchor: end } .start { text-anchor: start; fill: var(--soft) } .value { fill: var(--soft) }
        .tick { text-anchor: middle; fill: var(--soft) } .grid { stroke: var(--grid) }
        .dot { fill: var(--dot) } .whisker { stroke: var(--dot); stroke-width: 2 }
        .floor { stroke: var(--floor); stroke-width: 3 }
        </style>
        <rect class="paper" width="100%" height="100%"/>
        \(Self.text(16, 28, "From join() on: how soon a left call has its devices back", "title"))
        \(Self.text(16, 50, legend, "value"))
        """
    }

    private var legend: String {
        "dot: median, line: to the 95th percentile, of \(cycles) restarts; upright mark: the hardware's own median"
    }

    private static func x(_ value: Double, _ axis: PlotAxis) -> Double {
        left + value / axis.end * (width - left - right - 46)
    }

    private static func text(_ x: Double, _ y: Double, _ text: String, _ style: String) -> String {
        "<text class=\"\(style)\" x=\"\(x.fixed(1))\" y=\"\(y.fixed(1))\">\(escaped(text))</text>"
    }

    /// Ids are as long as their makers please.
    private static func cut(_ text: String) -> String { text.count > 46 ? text.prefix(45) + "…" : text }

    private static func escaped(_ text: String) -> String {
        text.map { character in
            switch character {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&quot;"
            default: String(character)
            }
        }.joined()
    }
}

/// An axis from zero, with marks at round numbers.
struct PlotAxis: Sendable, Equatable {
    /// Where the last mark is: at or above the largest value.
    let end: Double
    let ticks: [Double]

    init(_ largest: Double) {
        let wanted = max(largest, 0.001) / 6
        var scale = 1.0
        while scale > wanted { scale /= 10 }
        while scale * 10 <= wanted { scale *= 10 }
        let step = [1, 2, 5, 10].map { $0 * scale }.first { $0 >= wanted } ?? scale * 10
        let count = Int((max(largest, 0.001) / step).rounded(.up))
        ticks = (0...count).map { (Double($0) * step * 1e6).rounded() / 1e6 }
        end = ticks.last ?? step
    }
}

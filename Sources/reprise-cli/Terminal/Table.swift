/// Rows of text in aligned columns.
struct Table: Sendable {
    private var rows: [[String]]
    private let rightAligned: Set<Int>

    /// - `rightAligned`: the columns whose text ends at the column's end: numbers.
    init(_ header: [String], rightAligned: Set<Int> = []) {
        rows = [header]
        self.rightAligned = rightAligned
    }

    mutating func add(_ row: [String]) { rows.append(row) }

    /// A line each, the header first; two spaces between columns, none at the end of a line.
    var lines: [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            var line = row.enumerated().map { column, text in
                text.padded(widths[column], right: rightAligned.contains(column))
            }.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}

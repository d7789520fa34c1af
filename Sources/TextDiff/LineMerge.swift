/// Merges two changes of one text, line by line. A change by only one side is taken; where both sides changed the same
/// lines, there is a conflict for a person to settle.
///
/// This is the three-way merge of Khanna, Kunal and Pierce, "A Formal Investigation of Diff3" (FSTTCS 2007), with one
/// difference: changes of neighbouring lines do not conflict, because the clauses of a demand follow one another line
/// by line.
public struct LineMerge: Sendable {
    /// A part of the result.
    public enum Piece: Sendable, Equatable {
        /// Lines without a conflict.
        case merged([String])
        /// Lines that both sides changed in different ways.
        case conflict(ours: [String], theirs: [String])
    }

    /// The parts of the result, in order.
    public let pieces: [Piece]

    /// Merges `ours` and `theirs`, which were both made from `base`.
    public init(base: String, ours: String, theirs: String) {
        let (a, b) = (LineDiff(from: base, to: ours), LineDiff(from: base, to: theirs))
        var pieces: [Piece] = []
        var done = 0
        for cluster in Self.clusters(a.hunks, b.hunks) {
            pieces.append(.merged(Array(a.old[done..<cluster.span.lowerBound])))
            let (ours, theirs) = (
                a.applied(cluster.ours, to: cluster.span), b.applied(cluster.theirs, to: cluster.span)
            )
            if cluster.theirs.isEmpty || ours == theirs {
                pieces.append(.merged(ours))
            } else if cluster.ours.isEmpty {
                pieces.append(.merged(theirs))
            } else {
                pieces += Self.conflict(ours, theirs)
            }
            done = cluster.span.upperBound
        }
        pieces.append(.merged(Array(a.old[done...])))
        self.pieces = pieces
    }

    /// The merged text; nil if there is a conflict.
    public var text: String? {
        var lines: [String] = []
        for piece in pieces {
            guard case .merged(let merged) = piece else { return nil }
            lines += merged
        }
        return lines.joined(separator: "\n")
    }

    /// The text with each conflict between markers, in the form that editors know.
    public func marked(ours: String, theirs: String) -> String {
        pieces.flatMap { piece in
            switch piece {
            case .merged(let lines): lines
            case .conflict(let a, let b):
                ["\(Self.start) \(ours)"] + a + [Self.middle] + b + ["\(Self.end) \(theirs)"]
            }
        }.joined(separator: "\n")
    }

    /// Whether somebody left a conflict's marker, first or last, in a text. The middle marker does not count by itself,
    /// because a line of "=" alone underlines a heading in Markdown.
    public static func hasMarkers(_ text: String) -> Bool {
        TextLines.of(text).contains { line in
            [start, end].contains { line == $0 || line.hasPrefix($0 + " ") }
        }
    }

    private static let start = "<<<<<<<"
    private static let middle = "======="
    private static let end = ">>>>>>>"

    // MARK: Changes that touch the same lines

    private struct Cluster {
        var span: Range<Int>
        var ours: [LineDiff.Hunk] = []
        var theirs: [LineDiff.Hunk] = []

        /// Two insertions at one place meet; changes of neighbouring lines do not.
        func meets(_ range: Range<Int>) -> Bool {
            span == range || (span.lowerBound < range.upperBound && range.lowerBound < span.upperBound)
        }
    }

    private static func clusters(_ ours: [LineDiff.Hunk], _ theirs: [LineDiff.Hunk]) -> [Cluster] {
        let all = (ours.map { ($0, true) } + theirs.map { ($0, false) }).sorted {
            ($0.0.old.lowerBound, $0.0.old.upperBound) < ($1.0.old.lowerBound, $1.0.old.upperBound)
        }
        var clusters: [Cluster] = []
        for (hunk, isOurs) in all {
            if clusters.last?.meets(hunk.old) != true { clusters.append(Cluster(span: hunk.old)) }
            let last = clusters.count - 1
            let span = clusters[last].span
            clusters[last].span = span.lowerBound..<max(span.upperBound, hunk.old.upperBound)
            if isOurs { clusters[last].ours.append(hunk) } else { clusters[last].theirs.append(hunk) }
        }
        return clusters
    }

    /// Lines that both sides begin or end with do not belong to the conflict.
    private static func conflict(_ ours: [String], _ theirs: [String]) -> [Piece] {
        let head = zip(ours, theirs).prefix { $0 == $1 }.count
        let (a, b) = (ours.dropFirst(head), theirs.dropFirst(head))
        let tail = zip(a.reversed(), b.reversed()).prefix { $0 == $1 }.count
        return [
            .merged(Array(ours.prefix(head))),
            .conflict(ours: Array(a.dropLast(tail)), theirs: Array(b.dropLast(tail))),
            .merged(Array(a.suffix(tail))),
        ]
    }
}

extension LineDiff {
    /// The lines of a part of the old text after some hunks in it have been applied.
    fileprivate func applied(_ hunks: [Hunk], to span: Range<Int>) -> [String] {
        var lines: [String] = []
        var place = span.lowerBound
        for hunk in hunks {
            lines += old[place..<hunk.old.lowerBound] + new[hunk.new]
            place = hunk.old.upperBound
        }
        return lines + old[place..<span.upperBound]
    }
}

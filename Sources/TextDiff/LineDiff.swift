/// The changes between two texts, line by line.
public struct LineDiff: Sendable {
    /// Lines of the old text that were replaced by other lines; one of the two ranges may be empty.
    public struct Hunk: Sendable, Equatable {
        /// Lines of the old text, from 0.
        public let old: Range<Int>
        /// Lines of the new text, from 0.
        public let new: Range<Int>
    }

    /// The old text's lines.
    public let old: [String]
    /// The new text's lines.
    public let new: [String]
    /// In order. Between two hunks there is at least one line that both texts have.
    public let hunks: [Hunk]

    /// Compares two texts.
    public init(from old: String, to new: String) { self.init(TextLines.of(old), TextLines.of(new)) }

    init(_ old: [String], _ new: [String]) {
        (self.old, self.new) = (old, new)
        let difference = new.difference(from: old)
        let removed = Set(difference.removals.map(\.offset))
        let added = Set(difference.insertions.map(\.offset))
        var hunks: [Hunk] = []
        var (i, j) = (0, 0)
        while i < old.count || j < new.count {
            let start = (i, j)
            while removed.contains(i) { i += 1 }
            while added.contains(j) { j += 1 }
            if start == (i, j) {
                (i, j) = (i + 1, j + 1)
            } else {
                hunks.append(Hunk(old: start.0..<i, new: start.1..<j))
            }
        }
        self.hunks = hunks
    }

    /// Where a line of the old text is in the new one, both from 0; nil if it was changed or removed.
    public func place(of line: Int) -> Int? {
        guard old.indices.contains(line) else { return nil }
        var shift = 0
        for hunk in hunks {
            if hunk.old.contains(line) { return nil }
            if hunk.old.lowerBound > line { break }
            shift += hunk.new.count - hunk.old.count
        }
        return line + shift
    }
}

extension CollectionDifference.Change {
    var offset: Int {
        switch self {
        case .insert(let offset, _, _), .remove(let offset, _, _): offset
        }
    }
}

import Petitions
import ScalarClasses

/// Why a file is not verified, as people are told it: `invalid.` and the reason make the key of the sentence.
package struct FileFault: Equatable {
    package enum Reason: String, CaseIterable {
        case bundleDamaged, bundleLineEnds, bundleCut, bundlePacked, bundleUnreadable, otherPetition, mistypedPetition
    }

    package let reason: Reason
    package let values: [String: String]

    private init(_ reason: Reason, _ values: [String: String] = [:]) { (self.reason, self.values) = (reason, values) }

    package init(_ error: PetitionBundle.Unreadable, _ bytes: [UInt8]) {
        switch error {
        case .format: self.init(Self.explain(bytes))
        default: self.init(.bundleUnreadable, ["why": Self.why(error)])
        }
    }

    /// A file of another petition than the one that was asked for.
    /// - Parameter wanted: 64 hexadecimal digits, as `found`.
    package init(wanted: String, found: String) {
        let differing = zip(wanted.utf8, found.utf8).enumerated().filter { $0.element.0 != $0.element.1 }.map {
            "\($0.offset + 1)"
        }
        guard differing.count <= Self.slips, wanted.utf8.count == found.utf8.count else {
            self.init(.otherPetition, ["id": found])
            return
        }
        self.init(.mistypedPetition, ["id": found, "places": Words.list(differing)])
    }

    /// Nobody can make two petitions whose ids differ in so few characters, so the person mistyped.
    private static let slips = 4

    package static func why(_ error: PetitionBundle.Unreadable) -> String {
        switch error {
        case .format: words("unreadable.format")
        case .firstWorkplaceLeaf: words("unreadable.firstWorkplaceLeaf")
        case .firstPetitionLeaf: words("unreadable.firstPetitionLeaf")
        case .ids: words("unreadable.ids")
        case .otherPetition: words("unreadable.otherPetition")
        }
    }

    /// Why a file is no bundle, as far as its bytes tell.
    private static func explain(_ bytes: [UInt8]) -> Reason {
        let begins = bytes.drop { [0xef, 0xbb, 0xbf, 0x20, 0x09, 0x0a, 0x0d].contains($0) }
        // However a writer of JSON has set its blanks.
        let head = begins.prefix(200).filter { $0 != 0x20 }
        let isOurs = head.starts(with: Array("{\"format\":\"roundrobin-".utf8))
        // What mail and editors do: the content is there, and no byte of it was forged.
        if bytes.starts(with: [0x1f, 0x8b]) || bytes.starts(with: Array("PK\u{3}\u{4}".utf8)) { return .bundlePacked }
        if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) { return .bundleLineEnds }
        guard isOurs else { return .bundleDamaged }
        if begins.count < bytes.count || bytes.contains(0x0d) { return .bundleLineEnds }
        return isCut(bytes) ? .bundleCut : .bundleDamaged
    }

    /// Whether the end is missing: that of the last line, or of its object, or the whole second log.
    private static func isCut(_ bytes: [UInt8]) -> Bool {
        guard bytes.last == 0x0a else { return true }
        let lines = bytes.split(separator: 0x0a)
        guard let last = lines.last, (try? JSONValue(parsing: Array(last))) != nil else { return true }
        let second = Array("{\"log\":\"petition\"".utf8)
        return !lines.contains { $0.starts(with: second) }
    }
}

/// What a person gave as a petition's id: with blanks, capitals, quotation marks or angle brackets around it, or as the
/// address of its page.
package enum GivenID {
    /// The 64 characters, or what is left of them.
    package static func clean(_ text: String) -> String {
        var characters = text.unicodeScalars.filter { isVisible($0) }.map { narrow($0) }
        func isAround(_ scalar: Unicode.Scalar) -> Bool { scalar.isWhiteSpace || around.contains(scalar) }
        while let first = characters.first, isAround(first) { characters.removeFirst() }
        while let last = characters.last, isAround(last) { characters.removeLast() }
        let mark = Array("/p/".unicodeScalars)
        if characters.count > mark.count,
            let page = (0...(characters.count - mark.count)).first(where: { characters[$0...].starts(with: mark) })
        {
            characters = Array(characters[(page + mark.count)...].prefix { !["/", "?", "#"].contains($0) })
        }
        let digits = characters.filter { !$0.isWhiteSpace }.map { scalar in
            ("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value) + 32) : scalar
        }
        return String(String.UnicodeScalarView(digits))
    }

    /// Input methods write full-width letters, digits and signs.
    private static func narrow(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        guard (0xff01...0xff5e).contains(scalar.value) else { return scalar }
        return Unicode.Scalar(scalar.value - 0xfee0) ?? scalar
    }

    private static let around: [Unicode.Scalar] = Array("<>\"'“”‘’«»().,;，。；（）".unicodeScalars)

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        !scalar.isFormat && !scalar.isControl
            || scalar.isWhiteSpace
    }
}

// docs/protocol.md, section 9

import Sodium

/// One file of JSON lines with everything that a stranger needs to count a petition.
public struct PetitionBundle: Sendable {
    /// A log as a file carries it, unverified.
    public struct Log: Sendable {
        /// The text of a signed note.
        public var checkpoint: String
        /// The leaves' exact bytes, from the first.
        public var leaves: [[UInt8]]

        /// Checks nothing.
        public init(checkpoint: String, leaves: [[UInt8]]) { (self.checkpoint, self.leaves) = (checkpoint, leaves) }
    }

    /// Why a file cannot be read as a bundle at all, as opposed to a bundle with faults.
    public enum Unreadable: String, Error, Sendable {
        case format
        case firstWorkplaceLeaf = "the workplace log's first leaf is invalid"
        case firstPetitionLeaf = "the petition log's first leaf is invalid"
        case ids = "the ids are not those of the first leaves"
        case otherPetition = "this is another petition's bundle"
    }

    /// The workplace that the file says it is of.
    public var workplaceID: ID<Workplace>
    /// The petition that the file says it is of.
    public var petitionID: ID<Petition>
    /// The workplace's log.
    public var workplace: Log
    /// The petition's log.
    public var petition: Log
    /// Sealed names, in the order of their co-signatures' leaves.
    public var names: [[UInt8]]
    /// The published wording, if it is included.
    public var document: [UInt8]?

    static let format = "roundrobin-bundle/1"

    /// Checks nothing.
    public init(
        workplaceID: ID<Workplace>, petitionID: ID<Petition>, workplace: Log, petition: Log, names: [[UInt8]],
        document: [UInt8]?
    ) {
        self.workplaceID = workplaceID
        self.petitionID = petitionID
        self.workplace = workplace
        self.petition = petition
        self.names = names
        self.document = document
    }

    /// Reads a file's form; `AuditedPetition` checks what is in it.
    /// - Throws: `Unreadable.format`.
    public init(parsing bytes: [UInt8]) throws(Unreadable) {
        var lines = try BundleLines(bytes)
        guard let header = lines.next()?.value?.members("format", "workplace", "petition"),
            let format = header["format"]?.text, format.utf8.elementsEqual(Self.format.utf8),
            let workplaceID = header["workplace"]?.text.flatMap({ ID<Workplace>(hex: $0) }),
            let petitionID = header["petition"]?.text.flatMap({ ID<Petition>(hex: $0) })
        else { throw .format }
        (self.workplaceID, self.petitionID) = (workplaceID, petitionID)
        workplace = try Log(.workplace, &lines)
        petition = try Log(.petition, &lines)
        var names: [[UInt8]] = []
        while let members = lines.current?.value?.members("name") {
            guard let name = Self.base64(members["name"]) else { throw .format }
            names.append(name)
            lines.advance()
        }
        self.names = names
        if let members = lines.current?.value?.members("document") {
            guard let document = Self.base64(members["document"]) else { throw .format }
            self.document = document
            lines.advance()
        }
        guard lines.current == nil else { throw .format }
    }

    private static func base64(_ value: JSONValue?) -> [UInt8]? { value?.text.flatMap { Base64.decode($0) } }

    /// The file's bytes.
    public var serialized: [UInt8] {
        var text =
            "{\"format\":\"\(Self.format)\",\"workplace\":\"\(workplaceID.hex)\",\"petition\":\"\(petitionID.hex)\"}\n"
        for (name, log) in [(BundleLine.Log.workplace, workplace), (.petition, petition)] { text += log.lines(name) }
        for name in names { text += "{\"name\":\"\(Base64.encode(name))\"}\n" }
        if let document { text += "{\"document\":\"\(Base64.encode(document))\"}\n" }
        return Array(text.utf8)
    }
}

extension PetitionBundle.Log {
    /// Reads a checkpoint's line and the lines of its leaves.
    init(_ name: BundleLine.Log, _ lines: inout BundleLines) throws(PetitionBundle.Unreadable) {
        guard let first = lines.next()?.value?.members("log", "checkpoint"), name.isNamed(by: first["log"]),
            let checkpoint = first["checkpoint"]?.text
        else { throw .format }
        var leaves: [[UInt8]] = []
        while case .leaf(name, let leaf)? = lines.current {
            leaves.append(leaf)
            lines.advance()
        }
        guard !leaves.isEmpty else { throw .format }
        self.init(checkpoint: checkpoint, leaves: leaves)
    }

    func lines(_ name: BundleLine.Log) -> String {
        var text = "{\"log\":\"\(name.rawValue)\",\"checkpoint\":\(JSONValue.quoted(checkpoint))}\n"
        for leaf in leaves { text += "{\"log\":\"\(name.rawValue)\",\"leaf\":\"\(Base64.encode(leaf))\"}\n" }
        return text
    }
}

import Presentation
import ArgumentParser
import Client
import Foundation
import Petitions
import Templates

/// What report and letter share.
struct PageOptions: ParsableArguments {
    @Option(help: help("pageLanguage", "language"))
    var language: String?
    @Option(help: help("onlyPetition", "id"))
    var petition: String?
    @Flag(help: help("overwrite"))
    var overwrite = false

    mutating func validate() throws {
        guard language.map({ Language(tag: $0) != nil }) ?? true else {
            throw ValidationError(words("usage.language"))
        }
    }

    /// A bundle, or a history with its bundle in it.
    func read(_ path: String) throws -> (history: AuditedHistory, isHistory: Bool) {
        guard let bytes = try BundleFile.read(path) else { throw ClientError.invalid(.fileMissing, ["file": path]) }
        do {
            let isHistory = NegotiationHistory.isHistory(bytes)
            let history =
                isHistory
                ? try AuditedHistory(auditing: NegotiationHistory(parsing: bytes))
                : AuditedHistory(try AuditedPetition(auditing: PetitionBundle(parsing: bytes)))
            let found = history.petition.petition.id.hex
            if let wanted = petition.map(GivenID.clean), found != wanted {
                throw OtherPetition(wanted: wanted, found: found).error
            }
            guard !VerdictText.isWordingMissing(history.petition) else {
                throw ClientError.invalid(.letterWording)
            }
            return (history, isHistory)
        } catch let error as PetitionBundle.Unreadable {
            throw BundleFile.error(error, bytes)
        }
    }

    /// What a page calls the file that comes with it.
    static func name(of path: String) -> String {
        path == "-" ? "petition.rrbundle" : URL(filePath: path).lastPathComponent
    }

    /// In the language asked for, else the wording's, else the person's.
    func texts(for audited: AuditedPetition) throws -> Messages {
        let chosen = language.flatMap { Language(tag: $0) } ?? audited.document.flatMap { Language(tag: $0.language) }
        return try Messages(chosen ?? Words.language, directory: TemplateLibrary.standardDirectory())
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        do { try Data(bytes).write(to: URL(filePath: path), options: .atomic) } catch { throw SecureFiles.fault(path) }
    }

    static func check(_ path: String, _ overwrite: Bool) throws {
        guard overwrite || !FileManager.default.fileExists(atPath: path) else {
            throw ClientError.invalid(.pageExists, ["file": path])
        }
    }

    func write(_ page: String, to path: String) throws {
        try Self.check(path, overwrite)
        try Self.write(Array(page.utf8), to: path)
    }
}

struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: words("help.report"), discussion: words("help.reportMore"))

    @Argument(help: help("bundleFile"))
    var bundle: String
    @Option(name: .shortAndLong, help: help("outputFile", "file"))
    var output = "report.html"
    @OptionGroup var disclosure: DisclosureOptions
    @OptionGroup var page: PageOptions

    func run() async throws {
        try PageOptions.check(output, page.overwrite)
        let (history, isHistory) = try page.read(bundle)
        let report = Report(
            history: history, isHistory: isHistory, disclosure: try disclosure.chosen(for: history),
            texts: try page.texts(for: history.petition), file: PageOptions.name(of: bundle))
        try page.write(
            report.html(PageTemplates(directory: TemplateLibrary.standardDirectory())), to: output)
        Terminal.line(words("report.wrote", ["file": output]))
        VerdictText(history.petition, faults: history.faults, at: Device.systemClock()).begin()
        if !history.faults.isEmpty { throw ExitCode(1) }
    }
}

struct LetterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "letter", abstract: words("help.letter"), discussion: words("help.letterMore"))

    @Argument(help: help("bundleFile"))
    var bundle: String
    @Option(name: .shortAndLong, help: help("outputFile", "file"))
    var output = "letter.html"
    @OptionGroup var disclosure: DisclosureOptions
    @OptionGroup var page: PageOptions

    func run() async throws {
        try PageOptions.check(output, page.overwrite)
        let (history, _) = try page.read(bundle)
        // Nobody hands over what does not verify.
        guard history.faults.isEmpty else {
            VerdictText(history.petition, faults: history.faults, at: Device.systemClock()).begin()
            throw ExitCode(1)
        }
        func html(_ disclosure: Disclosure) throws -> String {
            try Letter.html(
                history.petition, file: PageOptions.name(of: bundle), disclosure: disclosure,
                texts: page.texts(for: history.petition),
                PageTemplates(directory: TemplateLibrary.standardDirectory()))
        }
        // Whether there can be a letter at all comes before the question of its figures.
        _ = try html(.standard)
        try page.write(html(disclosure.chosen(for: AuditedHistory(history.petition))), to: output)
        Terminal.line(words("report.wrote", ["file": output]))
        Terminal.line(words("letter.giveID", ["id": history.petition.petition.id.hex]))
        if let closedEarly = NoteText.closedEarly(history.petition.petition, at: Device.systemClock()) {
            Terminal.warning(closedEarly)
        }
    }
}

import Client
import Foundation
import QRCode
import Templates

/// Invites as slips to be cut out and handed over, each in its reader's language.
package enum Slips {
    /// One HTML page.
    package static func page(_ invites: [IssuedInvite], language: Language, directory: String) throws -> String {
        var texts: [Language: Messages] = [:]
        for language in Language.allCases { texts[language] = try Messages(language, directory: directory) }
        let slips = try invites.map { invite in
            let own = invite.entry.language.flatMap { Language(tag: $0) } ?? language
            guard let words = texts[own], let code = QRCode(invite.url) else {
                throw ClientError.invalid(.slipTooLong)
            }
            return Slip(
                lang: own.rawValue, name: invite.entry.name, team: invite.entry.team, address: invite.url,
                qr: code.svg(label: words(Words.key("slip.qr"))), purpose: words(Words.key("slip.purpose")),
                own: words(Words.key("slip.own")), install: words(Words.key("slip.install")),
                join: words(Words.key("slip.join")), once: words(Words.key("slip.once")),
                until: invite.entry.expires.map { words(Words.key("slip.until"), ["date": Moment.day($0)]) })
        }
        guard let words = texts[language] else { return "" }
        return try PageTemplates(directory: directory).render("slips", ["slips": slips], texts: words)
    }

    /// What `slips.mustache` fills in for each person.
    private struct Slip {
        let lang: String
        let name: String
        let team: String
        let address: String
        let qr: String
        let purpose: String
        let own: String
        let install: String
        let join: String
        let once: String
        let until: String?
    }

    /// Readable by this user alone: it holds the secrets of every invite.
    package static func write(_ invites: [IssuedInvite], to path: String, language: Language) throws {
        guard !FileManager.default.fileExists(atPath: path) else {
            throw ClientError.invalid(.slipsExist, ["file": path])
        }
        let page = try page(invites, language: language, directory: TemplateLibrary.standardDirectory())
        try SecureFiles.write(Array(page.utf8), to: path)
    }
}

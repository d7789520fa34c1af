import Client
import Foundation
import Presentation

/// The files of a run's slips: one for each batch of invites, `slips.html`, `slips-2.html` and so on. A file is written before its batch is
/// issued and removed if the batch was not, so that every slip in every file is good.
final class SlipFiles {
    private let path: String?
    private(set) var written: [String] = []

    init(_ path: String?) { self.path = path }

    /// That no file is in the way of so many invites.
    func check(_ count: Int) throws {
        guard let path else { return }
        for batch in 0..<max(1, (count + Session.invitesPerBatch - 1) / Session.invitesPerBatch) {
            let file = Self.name(path, batch)
            guard !FileManager.default.fileExists(atPath: file) else {
                throw ClientError.invalid(.slipsExist, ["file": file])
            }
        }
    }

    /// Before anything is issued: what is written down cannot be lost.
    func keep(_ invites: [IssuedInvite]) throws {
        guard let path else { return }
        let file = Self.name(path, written.count)
        try Slips.write(invites, to: file, language: Words.language)
        written.append(file)
    }

    /// When nothing was issued after all: dead addresses are handed to nobody.
    func drop() {
        if let file = written.popLast() { try? FileManager.default.removeItem(atPath: file) }
    }

    static func name(_ path: String, _ batch: Int) -> String {
        guard batch > 0 else { return path }
        let folder = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        let dot = path[folder...].lastIndex(of: ".").flatMap { $0 > folder ? $0 : nil } ?? path.endIndex
        return "\(path[..<dot])-\(batch + 1)\(path[dot...])"
    }
}

// docs/objects.md, kind 4

import Foundation
import Petitions
import Sodium

/// What organisers note about a person. Only they read it.
public struct DirectoryEntry: Codable, Sendable, Hashable, Identifiable {
    /// 16 random bytes in hexadecimal.
    public let id: String
    public var name: String
    public var team: String
    public var note: String
    /// In which a slip is written; nil for the organiser's own.
    public var language: String?
    /// The key of their newest invite.
    public var invite: String?
    /// The sign key, of somebody who has no invite in the directory.
    public var member: String?
    /// Unix seconds; the invite is to be revoked from then on.
    public var expires: UInt64?

    /// Characters of a name, a team or a note, and bytes of the same: one character may have any number of marks.
    static let lengths = (characters: 200, bytes: 800)

    /// That a name reads as it is written: no character in it that does not show.
    /// - Throws: `ClientError.invalid(.hiddenName)` with the character.
    static func checkShown(_ name: String) throws {
        guard let hidden = ReadableText.firstHidden(inLine: name) else { return }
        throw ClientError.invalid(.hiddenName, ["name": name, "code": ReadableText.code(hidden)])
    }

    /// That an entry may be written: a name, and texts of one line and of a length that lists can show.
    /// - Throws: `ClientError.invalid(.nobodyToInvite)`, `.hiddenName`, `.nameTooLong`.
    func check() throws {
        guard !name.isBlank else { throw ClientError.invalid(.nobodyToInvite) }
        for text in [name, team, note] {
            try Self.checkShown(text)
            guard text.count <= Self.lengths.characters, text.utf8.count <= Self.lengths.bytes else {
                throw ClientError.invalid(
                    .nameTooLong, ["most": "\(Self.lengths.characters)", "bytes": "\(Self.lengths.bytes)"])
            }
        }
    }

    public init(name: String, team: String = "", note: String = "", language: String? = nil) {
        id = Hex.encode(Random.bytes(16))
        (self.name, self.team, self.note, self.language) = (name, team, note, language)
    }
}

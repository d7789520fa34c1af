import Presentation
import ArgumentParser
import Client
import Foundation
import Petitions
import Sodium
import Templates

struct InviteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite", abstract: words("help.invite"),
        subcommands: [People.self, Create.self, Reissue.self, List.self, Revoke.self])

    /// How long invites last, and where they are written.
    struct Handover: ParsableArguments {
        @Option(help: help("slips", "file"))
        var slips: String?
        @Option(help: help("days", "days"))
        var days: UInt32?

        mutating func validate() throws {
            guard days.map({ (1...3650).contains($0) }) ?? true else { throw ValidationError(words("usage.days")) }
        }

        var expires: UInt64? { days.map { Device.systemClock() + UInt64($0) * 86_400 } }

        /// Issues invites and hands them to the person: as slips, as addresses, or as JSON.
        /// - Parameter count: how many at most.
        func issue(
            _ count: Int, in session: Session, json: Bool,
            _ body: (InviteSteps) async throws -> Void
        ) async throws {
            let files = SlipFiles(slips)
            try files.check(count)
            var all: [IssuedInvite] = []
            func told(_ progress: InviteProgress) -> String {
                words("invite.progress", ["done": "\(progress.done)", "of": "\(progress.of)"])
            }
            let steps = InviteSteps(
                keep: files.keep, drop: files.drop,
                issued: { batch in
                    all += batch
                    guard !json, slips == nil else { return }
                    for invite in batch { Terminal.line("\(Terminal.harmless(invite.entry.name))  \(invite.url)") }
                },
                progress: { progress in
                    Terminal.progress(told(progress))
                    guard !Terminal.showsProgress, count > Session.invitesPerBatch,
                        progress.done % Session.invitesPerBatch == 0 || progress.done == progress.of
                    else { return }
                    Terminal.note(told(progress))
                })
            do { try await body(steps) } catch {
                if json, !all.isEmpty { try? show(all) }
                let left = session.unfinishedInvites
                if left > 0 { Terminal.warning(words("invite.unfinished", count: left)) }
                throw error
            }
            if json { return try show(all) }
            guard !all.isEmpty else { return }
            guard let first = files.written.first, let last = files.written.last else {
                return Terminal.note(words("invite.handOver"))
            }
            let values = ["file": first, "last": last, "files": "\(files.written.count)"]
            let key = first == last ? Words.key("invite.slips") : Words.key("invite.slipFiles")
            Terminal.line(words(key, values, count: all.count))
        }

        /// Finishes what an earlier run left.
        func finish(_ session: Session) async throws {
            let count = session.unfinishedInvites
            guard count > 0 else { return }
            Terminal.note(words("invite.finishing", count: count))
            try await session.finishInvites {
                Terminal.progress(words("invite.progress", ["done": "\($0)", "of": "\(count)"]))
            }
        }

        private func show(_ invites: [IssuedInvite]) throws {
            try Terminal.json(
                invites.map {
                    Entry(name: $0.entry.name, invite: $0.entry.invite ?? "", url: slips == nil ? $0.url : nil)
                })
        }

        private struct Entry: Encodable {
            let name: String
            let invite: String
            let url: String?
        }
    }

    struct People: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.invitePeople"), discussion: words("help.invitePeopleMore"))

        @Argument(help: help("rosterFile"))
        var file: String
        @Flag(help: help("sameNames"))
        var sameNames = false
        @Option(help: help("rosterEncoding"))
        var encoding: String?
        @OptionGroup var handover: Handover
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        mutating func validate() throws { _ = try readEncoding() }

        private func readEncoding() throws -> RosterEncoding? {
            guard let encoding else { return nil }
            guard let known = RosterEncoding(name: encoding) else {
                let all = Words.list(RosterEncoding.allCases.map(\.rawValue))
                throw ValidationError(words("usage.encoding", ["known": all]))
            }
            return known
        }

        func run() async throws {
            let listed = try RosterFile.read(file, encoding: readEncoding())
            try await keystore.withSession { session in
                try await handover.finish(session)
                let directory = try await session.directory()
                let people = Newcomers(listed.people, in: directory)
                if people.known > 0 { Terminal.note(words("invite.known", count: people.known)) }
                guard !people.toInvite.isEmpty else {
                    return output.json ? try Terminal.json([String]()) : Terminal.line(words("invite.nobodyNew"))
                }
                try session.checkRoom(adding: people.newCount, to: directory.entries.count)
                let likenesses = people.likenesses
                LikenessText.show(likenesses) { Terminal.warning($0) }
                if !sameNames, likenesses.contains(where: { $0.likeness == .same }) {
                    guard Terminal.canAsk else { throw ClientError.invalid(.sameNames) }
                    guard try Terminal.confirms(words("invite.sameAsk")) else { return }
                }
                try await handover.issue(people.toInvite.count, in: session, json: output.json) { steps in
                    _ = try await session.invite(people.toInvite, expires: handover.expires, steps)
                }
            }
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.inviteCreate"), discussion: words("help.inviteCreateMore"))

        @Option(help: help("inviteCount"))
        var count = 1
        @Option(help: help("inviteNote"))
        var note: String?
        @Option(help: help("replaces", "member"))
        var replaces: String?
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let urls = try await keystore.withSession { session in
                let former = try await replaces.asyncMap { try await Naming.memberKey($0, session) }
                return try await session.invite(count: count, note: note, replacing: former)
            }
            let ids = try urls.map { try Invite(parsing: $0).signingKey().publicKey.hex }
            if output.json { return try Terminal.json(["invites": urls, "ids": ids]) }
            for (id, url) in zip(ids, urls) { Terminal.line("\(id.prefix(16))  \(url)") }
            Terminal.note(words("invite.handOver") + "\n" + words("invite.columns"))
        }
    }

    struct Reissue: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.reissue"), discussion: words("help.reissueMore"))

        @Argument(help: help("reissueNames"))
        var names: [String] = []
        @Flag(help: help("reissueExpired"))
        var expired = false
        @OptionGroup var handover: Handover
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        mutating func validate() throws {
            guard expired != !names.isEmpty else { throw ValidationError(words("usage.reissue")) }
        }

        func run() async throws {
            try await keystore.withSession { session in
                try await handover.finish(session)
                let directory = try await session.directory()
                let entries =
                    expired
                    ? directory.entries.filter { directory.state(of: $0) == .expired }
                    : try names.map { try Naming.person($0, in: directory).requireEntry($0) }
                guard !entries.isEmpty else { throw ClientError.invalid(.nobodyToInvite) }
                try await handover.issue(entries.count, in: session, json: output.json) { steps in
                    _ = try await session.reissue(entries, expires: handover.expires, steps)
                }
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.inviteList"))

        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        private struct Entry: Encodable {
            let invite: String
            let name: String?
            let note: String?
            let expires: UInt64?
            let expired: Bool
        }

        func run() async throws {
            try await keystore.withSession { session in
                let roster = session.roster
                let directory = roster.isOrganiser(session.signKey) ? try await session.directory() : nil
                let entries = roster.openInvites.sorted { $0.hex < $1.hex }.map { key in
                    let known = directory?.entry(ofInvite: key)
                    return Entry(
                        invite: key.hex, name: known?.name, note: session.note(ofInvite: key), expires: known?.expires,
                        expired: known.flatMap { directory?.state(of: $0) } == .expired)
                }
                if output.json { return try Terminal.json(["open": entries]) }
                try Terminal.paged { for entry in entries { show(entry) } }
                Terminal.note(words("invite.open", count: entries.count))
                if entries.contains(where: \.expired) { Terminal.note(words("invite.revokeThem")) }
            }
        }

        private func show(_ entry: Entry) {
            var line = "\(entry.invite.prefix(16))"
            for text in [entry.name, entry.note] { line += text.map { "  " + Terminal.harmless($0) } ?? "" }
            if let expires = entry.expires {
                let date = ["date": Moment.day(expires)]
                line +=
                    "  " + (entry.expired ? words("invite.expiredOn", date) : words("invite.expiresOn", date))
            }
            Terminal.line(line)
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.inviteRevoke"))

        @Argument(help: help("inviteNames"))
        var invites: [String] = []
        @Flag(help: help("revokeExpired"))
        var expired = false
        @OptionGroup var keystore: KeystoreOptions

        mutating func validate() throws {
            guard expired != !invites.isEmpty else { throw ValidationError(words("usage.revoke")) }
        }

        func run() async throws {
            let count = try await keystore.withSession { session in
                if expired { return try await session.revokeExpired().count }
                var keys: [Bytes32] = []
                for (name, person) in zip(invites, try await Naming.people(invites, session)) {
                    guard let invite = person.invite, session.roster.inviteIsOpen(invite) == true else {
                        throw ClientError.invalid(.personWithoutInvite, ["name": name])
                    }
                    if !keys.contains(invite) { keys.append(invite) }
                }
                try await session.revoke(invites: keys)
                return keys.count
            }
            Terminal.line(count == 0 ? words("invite.noneExpired") : words("invite.revoked", count: count))
        }
    }
}

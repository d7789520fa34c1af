import Presentation
import Client
import CoSigning
import Foundation
import Petitions
import Sodium
import Templates

/// The second room: what is asked for under the member's name.
extension Sitting {
    /// Something that the person can do now.
    private struct Action {
        let title: String
        let run: () async throws -> Void
    }

    /// - Returns: whether the person goes back to the petitions.
    func workplace() async throws -> Bool {
        while true {
            let status: MemberStatus
            do { status = try await keystore.withMember { try await $0.status() } } catch {
                try tell(error)
                guard try agrees(words("sitting.retry")) else { throw Left() }
                continue
            }
            Terminal.line()
            StatusText.show(status)
            let actions = waiting(status) + standing(status)
            Terminal.line("\n" + Terminal.bold(words("sitting.canDo")))
            for (i, action) in actions.enumerated() { Terminal.line("  \(i + 1)  \(action.title)") }
            let choice = try choose(
                words("sitting.workplaceAsk", count: actions.count), among: actions.count, others: "rp")
            switch choice.place {
            case let place?: try await actions[place].run()
            case nil where choice.letter == "p": return true
            case nil: continue
            }
            if Unlocked.hasSent { return false }
        }
    }

    /// As much of an id as tells it from others.
    func short<T>(_ id: ID<T>) -> String { String(id.hex.prefix(16)) }

    /// - Parameter asks: for what sends something and does not ask by itself: nothing is sent without a yes.
    private func does(_ title: String, _ arguments: [String], asks: Bool = false) -> Action {
        Action(title: title) {
            if asks, try !agrees(words("sitting.doAsk", ["what": title])) { return }
            try await perform(arguments)
        }
    }

    /// Shows something, and goes on only with a yes.
    private func reads(_ title: String, _ show: [String], question: String, then arguments: [String]) -> Action {
        Action(title: title) {
            guard try await perform(show), try agrees(question) else { return }
            try await perform(arguments)
        }
    }

    /// What the status named, in its order.
    private func waiting(_ status: MemberStatus) -> [Action] {
        func title(_ id: ID<Petition>) -> [String: String] {
            ["title": status.petitions.first { $0.id == id }.map(PetitionText.title) ?? ""]
        }
        func title(_ id: ID<Object>) -> [String: String] { ["title": Terminal.harmless(status.titles[id] ?? "")] }
        var actions: [Action] = []
        for task in status.tasks {
            switch task {
            case .offer(let plan):
                actions.append(does(words("do.offer", title(plan)), ["petition", "offer", short(plan)], asks: true))
            case .accept(let plan):
                actions.append(
                    reads(
                        words("do.accept", title(plan)), ["petition", "preview", short(plan)],
                        question: words("do.acceptAsk"), then: ["petition", "accept", short(plan)]))
            case .assemble(let plan):
                actions.append(
                    does(words("do.assemble", title(plan)), ["petition", "assemble", short(plan)], asks: true))
            case .open(let plan):
                actions.append(
                    reads(
                        words("do.open", title(plan)), ["petition", "preview", short(plan)],
                        question: words("do.openAsk"),
                        then: ["petition", "open", short(plan)]))
            case .cosign(let id), .vote(let id), .sendAgain(let id), .lookAgain(let id):
                actions.append(does(words("do.cosign", title(id)), ["cosign", short(id)]))
            case .release(let id):
                actions.append(does(words("do.release", title(id)), ["release", short(id)]))
            case .releaseLevel(let id, let count):
                actions.append(
                    does(
                        words("do.releaseLevel", title(id).merging(["level": "\(count)"]) { $1 }),
                        ["release", short(id), "--level", "\(count)"]))
            case .comments(let draft, _):
                actions.append(does(words("do.comments", title(draft)), ["draft", "comments", short(draft)]))
            case .extend(let id, _):
                actions.append(does(words("do.extend", title(id)), ["petition", "extend", short(id)], asks: true))
            case .deliver(let id):
                actions.append(does(words("do.deliver", title(id)), ["negotiation", "deliver", short(id)]))
            case .rotateKey: actions.append(does(words("do.rotateKey"), ["members", "rotate-key"], asks: true))
            case .expiredInvites:
                actions.append(does(words("do.revokeExpired"), ["invite", "revoke", "--expired"], asks: true))
            }
        }
        for one in status.news {
            switch one {
            case .quorumReached(let id):
                actions.append(does(words("do.close", title(id)), ["petition", "close", short(id)]))
            case .draft(let id, _, _):
                actions.append(does(words("do.readDraft", title(id)), ["draft", "show", short(id)]))
            case .counted(let id): actions.append(does(words("do.tally", title(id)), ["tally", short(id)]))
            case .intended(let id, _): actions.append(does(words("do.cosign", title(id)), ["cosign", short(id)]))
            case .alone, .invited, .offers, .acceptances, .releases, .outsideRing: break
            }
        }
        return actions
    }

    /// What is always there.
    private func standing(_ status: MemberStatus) -> [Action] {
        var actions = [
            Action(title: words("do.write")) { try await write() },
            does(words("do.drafts"), ["draft", "list"]),
            Action(title: words("do.backup")) { try await backUp() },
            does(words("do.willing"), ["petition", "offer", "--ahead"], asks: true),
        ]
        guard status.isOrganiser else { return actions }
        actions += [
            Action(title: words("do.invite")) { try await invite() },
            Action(title: words("do.adopt")) { try await adopt() },
            Action(title: words("do.prepare")) { try await prepare(eligible: status.eligible) },
        ]
        for petition in status.opened where petition.isOpen && !status.news.contains(.quorumReached(petition.id)) {
            actions.append(
                does(
                    words("do.close", ["title": PetitionText.title(petition)]),
                    ["petition", "close", short(petition.id)]))
        }
        return actions
    }

    private func invite() async throws {
        let (file, people, encoding) = try await asking(words("sitting.askRoster")) { file in
            let guess = try RosterFile.source(file, encoding: nil).guessed
            return (file, try RosterFile.read(file, encoding: nil).people.count, guess)
        }
        let slips = try ask(words("sitting.askSlips"), otherwise: "slips.html")
        guard try agrees(words("sitting.inviteAsk", ["file": slips], count: people)) else { return }
        // The person has confirmed what was guessed.
        let known = encoding.map { ["--encoding", $0.rawValue] } ?? []
        try await perform(["invite", "people", file, "--slips", slips] + known)
    }

    /// A demand, from a template that is there in the person's language, or in words of their own.
    private func write() async throws {
        let library = try TemplateLibrary(directory: TemplateLibrary.standardDirectory())
        let templates = library.templates.filter { $0.language == Words.language.rawValue }
        for (i, template) in templates.enumerated() {
            Terminal.line("  \(i + 1)  " + Words.pair(template.title, template.summary))
        }
        let choice = try choose(
            words("sitting.askTemplate", ["count": "\(templates.count)"]), among: templates.count, others: "o")
        if let place = choice.place {
            let name = templates[place].name
            guard try await perform(["template", "show", name]), try agrees(words("sitting.templateAsk")) else {
                return
            }
            try await perform(["draft", "new", "--template", name])
            return
        }
        let title = try await asking(words("sitting.askTitle")) { title in
            guard !title.isEmpty else { throw ClientError.invalid(.demandTitle) }
            return title
        }
        do {
            let text = try Editor.write(file: nil).trimmingCharacters(in: .whitespacesAndNewlines)
            try await Editor.keeping(text) {
                let draft = try await keystore.withSession {
                    try await $0.newDraft(language: Words.language.rawValue, title: title, text: text)
                }
                DraftCommand.warnOfMark(draft)
                Terminal.line(
                    words(
                        "draft.made",
                        ["id": String(draft.id.hex.prefix(16)), "title": Terminal.harmless(draft.title)]))
            }
        } catch { try tell(error) }
    }

    typealias Drafts = [(draft: Draft, adopted: UInt32?)]

    func drafts() async throws -> Drafts {
        try await keystore.withSession { session in
            let adopted = try await session.adoptions()
            return try await session.drafts().map { ($0, adopted[$0.id]?.revision) }
        }
    }

    /// Shows each draft that is not adopted as it stands, and adopts it with a yes.
    private func adopt() async throws {
        do {
            for (draft, adopted) in try await drafts() where adopted != draft.revision {
                guard try await perform(["draft", "show", short(draft.id)]) else { continue }
                if try agrees(words("sitting.adoptAsk")) { try await perform(["draft", "adopt", short(draft.id)]) }
            }
        } catch { try tell(error) }
    }
}

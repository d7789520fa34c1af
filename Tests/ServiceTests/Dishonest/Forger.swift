import CoSigning
import Foundation
import Petitions
import ServiceAPI
import Sodium
import TestSupport

@testable import Client

/// Texts that a member's own program may make, for a service that accepts and serves them.
extension Session {
    /// A revision by this member, whether they may write it or not.
    func forged(
        _ plaintext: [UInt8], _ name: StoredObject.Name, after: StoredObject? = nil, epoch: UInt32? = nil
    ) throws -> StoredObject {
        guard let key = device.identity.groupKeys.key(epoch: epoch ?? device.newestEpoch(roster) ?? 0) else {
            throw Absent()
        }
        return try StoredObject.seal(
            plaintext, kind: name.kind, id: name.id, after: after, in: device.workplaceID, under: key,
            by: device.identity.seed.signingKey())
    }
}

/// Texts as a malicious service lists them.
enum Texts {
    /// Serves these as the newest revisions of their objects, in lists and by name, and also by their numbers.
    static func serving(_ objects: [StoredObject]) -> Operator.Script {
        { request in
            guard request.method == "GET", request.path.contains("/objects") else { return nil }
            let parts = request.path.split(separator: "/").map(String.init)
            guard let place = parts.firstIndex(of: "objects") else { return nil }
            let rest = Array(parts[(place + 1)...])
            guard rest.count >= 2 else { return list(objects, request) }
            guard
                let object = objects.first(where: {
                    "\($0.kind.rawValue)" == rest[0] && $0.id.hex == rest[1]
                        && (rest.count < 3 || "\($0.revision)" == rest[2])
                })
            else { return nil }
            return .response(.bytes(object.bytes))
        }
    }

    private static func list(_ objects: [StoredObject], _ request: Operator.Request) -> Operator.Answer {
        .changed { response in
            guard let answer = try? JSONDecoder().decode(Answers.Objects.self, from: Data(response.body)) else {
                return response
            }
            let own = objects.filter { request.query.contains("kind=\($0.kind.rawValue)&") }
            let others = answer.objects.filter { listed in
                !own.contains { $0.id.hex == listed.id && $0.kind.rawValue == listed.kind }
            }
            let entries = own.map {
                Answers.Object(
                    kind: $0.kind.rawValue, id: $0.id.hex, revision: $0.revision, bytes: Base64.encode($0.bytes))
            }
            return listing(response, others + entries, answer.next)
        }
    }

    private static func listing(
        _ response: Operator.Response, _ objects: [Answers.Object], _ next: Int?
    ) -> Operator.Response {
        var response = response
        response.body = [UInt8](
            (try? JSONEncoder().encode(Answers.Objects(objects: objects, next: next))) ?? Data())
        return response
    }

    /// Lists texts in the opposite order.
    static func reversed() -> Operator.Script {
        { request in
            guard request.method == "GET", request.path.hasSuffix("/objects") else { return nil }
            return .changed { response in
                guard let answer = try? JSONDecoder().decode(Answers.Objects.self, from: Data(response.body)) else {
                    return response
                }
                return listing(response, answer.objects.reversed(), answer.next)
            }
        }
    }

    /// Serves an endless list.
    static func endless() -> Operator.Script {
        { request in
            guard request.method == "GET", request.path.hasSuffix("/objects") else { return nil }
            return .changed { response in
                let after = request.query.split(separator: "=").last.flatMap { Int($0) } ?? 0
                return listing(response, [], after + 1)
            }
        }
    }
}

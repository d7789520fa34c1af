import CoSigning
import Petitions
import Sodium

/// Reads a petition without a keystore. The figures can be verified; the wording stays encrypted.
public enum PublicReader {
    /// Verifies nothing: the auditor does that, and reports the faults.
    public static func bundle(of id: ID<Petition>, at serviceURL: String, proxy: Proxy?) async throws -> PetitionBundle
    {
        let url = try ServiceAddress(serviceURL).text
        return try await AnonymousConnection.with(url, proxy: proxy) { connection in
            // The first leaf says which workplace the petition belongs to.
            guard case .log(let log) = try await connection.read(.petition(id), of: ID(.zero)),
                let first = log.leaves.first, let statement = try? PetitionStatement(decoding: first),
                case .opened(let manifest, _) = statement.body
            else { throw ClientError.coSigning(.firstLeaf(.petition(id))) }
            let reading = try await connection.read(Run(.petition(id), of: manifest.workplace))
            return try ClientError.coSigning { () throws(CoSigningError) in try reading.bundle(of: id, for: nil) }
        }
    }
}

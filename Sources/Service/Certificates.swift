import Foundation
import Logging
import NIOCore
import NIOSSL
import Synchronization

/// The files with which a service speaks TLS itself.
public struct TLSFiles: Sendable, Equatable {
    /// PEM, the service's own certificate first.
    public let certificate: String
    /// PEM.
    public let key: String

    public init(certificate: String, key: String) { (self.certificate, self.key) = (certificate, key) }
}

/// Why a service cannot speak TLS.
public enum TLSError: Error, Equatable, Sendable {
    case unreadable(String)
    /// The key is not the certificate's.
    case mismatch
    /// Everybody on this machine may read the key's file.
    case exposed(String)
}

/// The certificate in use. Files that are replaced are taken over while the service runs; ones that do not fit together are
/// not, and the old certificate stays. Guards the pair that new connections get.
final class Certificates: Sendable {
    private struct Pair {
        let chain: [NIOSSLCertificateSource]
        let key: NIOSSLPrivateKeySource
        let bytes: [Data]
    }

    private let files: TLSFiles
    private let pair: Mutex<Pair>
    /// The bytes of the last files that the service could not take over, so that it logs each such state once.
    private let refused = Mutex<[Data?]>([])

    /// - Throws: `TLSError`.
    init(_ files: TLSFiles) throws {
        self.files = files
        pair = Mutex(try Self.load(files))
    }

    private static func load(_ files: TLSFiles) throws -> Pair {
        let bytes = try [files.certificate, files.key].map { path in
            guard let data = FileManager.default.contents(atPath: path) else { throw TLSError.unreadable(path) }
            return data
        }
        guard let chain = try? NIOSSLCertificate.fromPEMBytes([UInt8](bytes[0])), !chain.isEmpty else {
            throw TLSError.unreadable(files.certificate)
        }
        guard let key = try? NIOSSLPrivateKey(bytes: [UInt8](bytes[1]), format: .pem) else {
            throw TLSError.unreadable(files.key)
        }
        // A certificate authority's tools let a group read it at most; "others" are a mistake of whoever copied it.
        let mode = (try? FileManager.default.attributesOfItem(atPath: files.key))?[.posixPermissions] as? Int
        guard let mode, mode & 0o004 == 0 else { throw TLSError.exposed(files.key) }
        let pair = Pair(chain: chain.map { .certificate($0) }, key: .privateKey(key), bytes: bytes)
        // BoringSSL compares the two when a context is made of them.
        let configuration = TLSConfiguration.makeServerConfiguration(certificateChain: pair.chain, privateKey: pair.key)
        do { _ = try NIOSSLContext(configuration: configuration) } catch { throw TLSError.mismatch }
        return pair
    }

    /// TLS 1.3 and nothing older; each handshake takes the pair that is in use then.
    var configuration: TLSConfiguration {
        let now = pair.withLock { $0 }
        var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: now.chain, privateKey: now.key)
        configuration.minimumTLSVersion = .tlsv13
        configuration.sslContextCallback = { [self] _, promise in
            var override = NIOSSLContextConfigurationOverride.noChanges
            let now = pair.withLock { $0 }
            (override.certificateChain, override.privateKey) = (now.chain, now.key)
            promise.succeed(override)
        }
        return configuration
    }

    /// Takes over files that have changed. A renewal that is half written, or wrong, is told and left alone.
    func renew(_ logger: Logger) {
        let bytes = [files.certificate, files.key].map { FileManager.default.contents(atPath: $0) }
        guard pair.withLock({ $0.bytes.map { Optional($0) } }) != bytes else { return }
        do {
            let fresh = try Self.load(files)
            pair.withLock { $0 = fresh }
            refused.withLock { $0 = [] }
            logger.info("the certificate was renewed")
        } catch {
            let isNew = refused.withLock { refused in
                defer { refused = bytes }
                return refused != bytes
            }
            if isNew {
                logger.warning("the new certificate cannot be used; the old one stays", metadata: ["why": "\(error)"])
            }
        }
    }
}

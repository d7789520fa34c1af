import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Translates the libraries' errors for somebody who cannot reach a service. An unknown error becomes "no connection";
/// a library's own words are never shown.
enum TransportFault {
    /// - Parameter isTunnelled: whether the connection goes through a proxy.
    static func reason(
        _ error: any Error, of address: ServiceAddress, isTunnelled: Bool
    ) -> ClientError.Unreachable {
        switch error {
        case let error as HTTPClientError: reason(error, address)
        case is NIOTooManyBytesError: .tooLong
        case let error as NIOSSLExtraError:
            error == .failedToValidateHostname || error == .serverHostnameImpossibleToMatch
                ? .certificateOtherHost : .handshake
        case let error as NIOSSLError: reason(error)
        case is BoringSSLError: .handshake
        case is HTTPParserError: address.isEncrypted ? .notHTTP : .notHTTPPlain
        case let error as NIOConnectionError: reason(error, isTunnelled)
        case let error as ChannelError: reason(error)
        case let error as IOError: reason(error)
        default: .noConnection
        }
    }

    private static func reason(_ error: HTTPClientError, _ address: ServiceAddress) -> ClientError.Unreachable {
        switch error {
        case .deadlineExceeded, .connectTimeout, .readTimeout, .writeTimeout, .tlsHandshakeTimeout,
            .httpProxyHandshakeTimeout:
            .timedOut
        case .invalidURL, .emptyHost: .notURL
        case .invalidProxyResponse: .proxyRefuses
        case .proxyAuthenticationRequired: .proxyPassword
        case .remoteConnectionClosed: address.isEncrypted ? .closed : .closedPlain
        default: .noConnection
        }
    }

    private static func reason(_ error: NIOSSLError) -> ClientError.Unreachable {
        guard case .handshakeFailed(let why) = error else {
            return error == .unableToValidateCertificate || error == .noCertificateToValidate
                ? .certificateUntrusted : .closed
        }
        let said = "\(why)"
        // The library has no codes for these cases; the names are BoringSSL's.
        if said.contains("CERTIFICATE_VERIFY_FAILED") { return .certificateUntrusted }
        if said.contains("WRONG_VERSION_NUMBER") || said.contains("HTTP_REQUEST") || said.contains("UNKNOWN_PROTOCOL") {
            return .notTLS
        }
        return .handshake
    }

    private static func reason(_ error: NIOConnectionError, _ isTunnelled: Bool) -> ClientError.Unreachable {
        if error.connectionErrors.contains(where: { ($0.error as? IOError)?.errnoCode == ECONNREFUSED }) {
            return isTunnelled ? .proxyAbsent : .nobodyListens
        }
        return error.connectionErrors.isEmpty ? .nameUnknown : .noConnection
    }

    private static func reason(_ error: ChannelError) -> ClientError.Unreachable {
        if case .connectTimeout = error { return .timedOut }
        return .closed
    }

    private static func reason(_ error: IOError) -> ClientError.Unreachable {
        switch error.errnoCode {
        case ECONNREFUSED: .nobodyListens
        case ECONNRESET, EPIPE: .closed
        default: .noConnection
        }
    }
}

import ChildProcesses
import Foundation

/// A certificate that signs itself, made by openssl, for tests of what TLS refuses.
public struct TestCertificate: Sendable {
    struct NotMade: Error { let said: String }

    /// Files in PEM.
    public let certificate: String
    public let key: String

    /// - Parameters:
    ///   - hosts: as openssl writes them, such as `IP:127.0.0.1,DNS:service.example`.
    ///   - from: when it begins, as in `20200101000000Z`.
    public init(
        _ name: String, in directory: TemporaryDirectory, for hosts: String = "IP:127.0.0.1",
        from: String = "20200101000000Z", to: String = "20400101000000Z"
    ) throws {
        (certificate, key) = (directory(name + ".pem"), directory(name + ".key"))
        try Data(
            """
            [ca]
            default_ca=own
            [own]
            database=\(directory(name + ".db"))
            serial=\(directory(name + ".serial"))
            new_certs_dir=\(directory("."))
            default_md=sha256
            policy=any
            x509_extensions=names
            [any]
            commonName=supplied
            [names]
            subjectAltName=\(hosts)
            """.utf8
        ).write(to: URL(filePath: directory(name + ".cnf")))
        try Data().write(to: URL(filePath: directory(name + ".db")))
        try Data("01\n".utf8).write(to: URL(filePath: directory(name + ".serial")))
        for command in [
            [
                "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-subj", "/CN=service", "-keyout", key, "-out", directory(name + ".csr"),
            ],
            [
                "openssl", "ca", "-batch", "-selfsign", "-config", directory(name + ".cnf"), "-keyfile", key,
                "-in", directory(name + ".csr"), "-out", certificate, "-startdate", from, "-enddate", to, "-notext",
            ],
        ] {
            let done = try ChildProcess.run(command)
            guard done.status == 0 else { throw NotMade(said: done.error) }
        }
    }
}

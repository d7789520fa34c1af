import AsyncHTTPClient
import NIOCore

/// An HTTP client for tests. No verdict may depend on how busy the machine is, so it waits much longer than any test
/// takes.
public enum PatientClient {
    /// For whole requests.
    public static let timeout = TimeAmount.hours(1)

    /// Shared by all tests, as `HTTPClient.shared` would be, whose limits are minutes. It is never shut down.
    public static let shared: HTTPClient = {
        var configuration = HTTPClient.Configuration.singletonConfiguration
        configuration.timeout = .init(connect: .minutes(10), read: timeout)
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()
}

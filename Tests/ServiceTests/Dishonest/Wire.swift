import Testing

/// What an operation sent, connection by connection, and what it received.
struct Wire: Equatable, CustomStringConvertible {
    struct Message: Equatable, CustomStringConvertible {
        let line: String
        let headers: [Operator.Header]
        let length: Int

        init(_ request: Operator.Request) {
            line = "\(request.method) \(request.path)\(request.query.isEmpty ? "" : "?" + request.query)"
            (headers, length) = (request.headers, request.body.count)
        }

        var description: String { "\(line) \(headers.map { "\($0.name): \($0.value)" }) \(length)" }
    }

    let connections: [[Message]]
    /// The operator decides what is served, and it must be the same for a comparison to be meaningful. Without the
    /// response to a sending, whose receipt is for bytes that differ from device to device.
    let answers: [Operator.Response?]

    /// - Parameter runs: how many connections are compared; nil for all.
    init(_ exchanges: [Operator.Exchange], runs: Int? = nil) {
        var order: [Int] = []
        for exchange in exchanges where !order.contains(exchange.request.connection) {
            order.append(exchange.request.connection)
        }
        let seen = order.prefix(runs ?? order.count)
        connections = seen.map { number in
            exchanges.filter { $0.request.connection == number }.map { Message($0.request) }
        }
        answers = exchanges.filter { seen.contains($0.request.connection) && !$0.request.isSending }
            .map(\.response)
    }

    var sendings: Int { connections.joined().count { $0.line.hasPrefix("POST ") } }

    var description: String {
        connections.enumerated().map { "#\($0):\n  " + $1.map(\.description).joined(separator: "\n  ") }
            .joined(separator: "\n")
    }
}

/// Rules that hold for everything that a client ever sends.
enum WireRules {
    static func check(_ exchanges: [Operator.Exchange], _ comment: String = "") {
        let byConnection = Dictionary(grouping: exchanges.map(\.request), by: \.connection)
        for requests in byConnection.values {
            if requests.contains(where: \.isSending) { #expect(requests.count == 1, "\(comment): not alone") }
            let isReading = requests.contains { request in
                request.path.hasPrefix("/workplace/") || request.path.hasPrefix("/petition/")
                    || request.path.hasSuffix("/document") || request.path.hasSuffix("/names")
                    || request.path.contains("/wraps/") && request.path.last?.isNumber == true
            }
            if isReading { #expect(!requests.contains { $0.isSigned }, "\(comment): signed where logs are read") }
            for request in requests {
                let names = Set(request.headers.map { $0.name.lowercased() })
                var allowed: Set = ["host", "content-length"]
                if request.method != "GET" { allowed.insert("content-type") }
                if request.isSigned {
                    allowed.formUnion(["content-digest", "signature", "signature-input"])
                }
                #expect(names.isSubset(of: allowed), "\(comment): \(names) on \(request.path)")
                #expect(names.count == request.headers.count, "\(comment): a header twice")
            }
        }
    }
}

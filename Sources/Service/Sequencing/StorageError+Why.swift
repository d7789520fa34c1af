import Storage

extension StorageError {
    /// For the operator's log: what refused, with the engine's code where there is one.
    var why: String {
        switch self {
        case .diskFull: "the disk is full"
        case .diskFails(let what): "the disk reports an error (\(what))"
        case .readOnly: "the database is read-only"
        case .damaged: "the database is damaged"
        case .unreachable(let why): "the database cannot be reached: \(why)"
        case .unanswered: "the connection broke before the database answered"
        case .unrecorded: "what was committed could not be recorded as signed"
        case .other(let code): "the database reports error \(code)"
        case .refusedByServer(let code, _): "PostgreSQL reports error \(code)"
        default: "\(self)"
        }
    }

    /// Whether a commit that throws this has certainly left nothing, so that what was durable before is still all
    /// there is.
    var leavesNothing: Bool {
        switch self {
        case .conflict, .diskFull, .diskFails, .readOnly, .unreachable, .other, .refusedByServer: true
        default: false
        }
    }
}

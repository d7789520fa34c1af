import Petitions
import Sodium
import Templates

// What the page's script calls. Arguments are bytes in memory that it took with rr_alloc; the function that gets them
// gives them back. A response is a block that starts with its length in four bytes; the script frees it.

/// Sets the texts of a language, as JSON: an object of keys and texts.
/// - Parameter isChinese: otherwise English.
/// - Returns: 0 if they cannot be read.
@_expose(wasm, "rr_speak")
@_cdecl("rr_speak")
public func speak(_ json: UnsafeMutableRawPointer, _ count: Int, _ isChinese: Int32) -> Int32 {
    guard let value = try? JSONValue(parsing: taken(json, count)), case .object(let members) = value else { return 0 }
    var texts: [String: String] = [:]
    for (key, value) in members { texts[key] = value.text }
    Words.texts = Messages(isChinese == 0 ? .english : .chinese, texts: texts)
    return 1
}

/// Verifies a file: a petition's, a negotiation's, or the evidence of a broken promise.
/// - Parameters:
///   - id: the petition's id as a person gave it, in UTF-8; empty if they gave none.
///   - exact: whether small figures are shown too; otherwise 0.
///   - now: the reader's clock, in seconds since 1970.
/// - Returns: JSON: `outcome` is a word for programs, `lines` is for people (see `Terminal`).
@_expose(wasm, "rr_verify")
@_cdecl("rr_verify")
public func verify(
    _ file: UnsafeMutableRawPointer, _ count: Int, _ id: UnsafeMutableRawPointer, _ idCount: Int, _ exact: Int32,
    _ now: Double
) -> UnsafeMutableRawPointer {
    let wanted = String(decoding: taken(id, idCount), as: UTF8.self)
    let bytes = taken(file, count)
    let clock = UInt64(exactly: now.rounded(.down)) ?? 0
    return response(Verification(bytes, wanted: wanted, exact == 0 ? .standard : .exact, at: clock).json)
}

/// The bytes of an argument, which is freed.
private func taken(_ pointer: UnsafeMutableRawPointer, _ count: Int) -> [UInt8] {
    defer { pointer.deallocate() }
    return [UInt8](UnsafeRawBufferPointer(start: pointer, count: count))
}

private func response(_ text: String) -> UnsafeMutableRawPointer {
    let bytes = Array(text.utf8)
    let block = UnsafeMutableRawPointer.allocate(byteCount: 4 + bytes.count, alignment: 16)
    block.storeBytes(of: UInt32(bytes.count), as: UInt32.self)
    bytes.withUnsafeBytes { (block + 4).copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    return block
}

import CQRencode

/// A text as a QR code (ISO/IEC 18004), drawn by the system's libqrencode.
public struct QRCode: Sendable {
    /// The number of modules on a side.
    public let width: Int
    /// Row by row: whether a module is dark.
    private let modules: [Bool]
    /// Light modules around the code, which the standard requires.
    private static let margin = 4

    /// Uses error correction of 15 %, because the slip may have been folded.
    /// - Returns: nil for an empty text, or one too long for a code (over 2,331 bytes).
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty, bytes.count <= 2331,
            let code = QRcode_encodeData(Int32(bytes.count), bytes, 0, QR_ECLEVEL_M)
        else { return nil }
        defer { QRcode_free(code) }
        width = Int(code.pointee.width)
        modules = (0..<width * width).map { code.pointee.data[$0] & 1 == 1 }
    }

    /// An SVG element that scales, with a margin, in the colours of its page: `currentColor` on white.
    /// - Parameter label: the plain text that a screen reader says for it.
    public func svg(label: String) -> String {
        var path = ""
        for row in 0..<width {
            var column = 0
            while column < width {
                let start = column
                while column < width, modules[row * width + column] { column += 1 }
                if column > start {
                    path += "M\(start + Self.margin) \(row + Self.margin)h\(column - start)v1h-\(column - start)z"
                }
                column += 1
            }
        }
        let side = width + 2 * Self.margin
        return "<svg class=\"qr\" viewBox=\"0 0 \(side) \(side)\" role=\"img\" aria-label=\"\(Self.escaped(label))\" "
            + "shape-rendering=\"crispEdges\"><rect width=\"\(side)\" height=\"\(side)\" fill=\"#fff\"/>"
            + "<path d=\"\(path)\" fill=\"#000\"/></svg>"
    }

    private static func escaped(_ text: String) -> String {
        // By scalars: a quote with a combining mark is one Character, but still ends an attribute.
        text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.unicodeScalars.append(scalar)
            }
        }
    }
}

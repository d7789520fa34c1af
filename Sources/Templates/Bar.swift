/// A bar of a chart as an SVG element without text; the page states the figure in words next to it.
public enum Bar {
    /// Draws a part of a whole.
    /// - Parameters:
    ///   - reach: the upper bound if `part` is only a lower bound; the bar is hatched from there on, and has no end.
    ///   - tone: 1 to 3, the colours of the style sheet.
    ///   - mark: a goal, drawn as a tick.
    public static func svg(
        _ part: Int, reach: Int? = nil, of whole: Int, tone: Int = 1, mark: Int? = nil
    ) -> String {
        func place(_ value: Int) -> Int { whole > 0 ? min(max(value, 0), whole) * 1000 / whole : 0 }
        var svg =
            "<svg class=\"chart\" viewBox=\"0 0 1000 28\" preserveAspectRatio=\"none\" height=\"14\" aria-hidden=\"true\" "
            + "focusable=\"false\"><rect class=\"track\" width=\"1000\" height=\"28\" rx=\"6\"/>"
        if let reach, place(reach) > place(part) {
            // Slanted strokes, one by one: a pattern would need an id, and an id must be unique in a page.
            for x in stride(from: place(part), to: place(reach), by: 14) {
                svg +=
                    "<path class=\"hatch\(tone)\" d=\"M\(x) 28L\(min(x + 10, place(reach))) 0\" "
                    + "vector-effect=\"non-scaling-stroke\"/>"
            }
        }
        svg += "<rect class=\"bar\(tone)\" width=\"\(place(part))\" height=\"28\" rx=\"\(reach == nil ? 6 : 0)\"/>"
        if let mark {
            svg +=
                "<line class=\"tick\" x1=\"\(place(mark))\" x2=\"\(place(mark))\" y1=\"0\" y2=\"28\" "
                + "vector-effect=\"non-scaling-stroke\"/>"
        }
        return svg + "</svg>"
    }
}

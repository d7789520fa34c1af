import Foundation
import Petitions
import Sodium
import Testing

@Suite("An invite's address, as it comes out of messengers, mail and typing")
struct InviteTextTests {
    private func address(_ text: String) throws -> String {
        let invite = try Invite(parsing: text)
        return invite.url()
    }

    @Test("What was added to an address, or taken from it, makes no other invite")
    func disguises() throws {
        let made = Invite(
            workplace: ID(Random.bytes32()), logKey: Random.bytes32(), serviceURL: "https://petitions.example:8443")
        let url = made.url()
        let code = String(url.split(separator: "#")[1])
        let full = String(
            String.UnicodeScalarView(
                url.unicodeScalars.map { $0.value > 0x20 ? Unicode.Scalar($0.value + 0xfee0) ?? $0 : $0 }))
        let texts = [
            "Your invite: " + url, "Yourinvite:" + url, "邀请：" + url, "<" + url + ">", "\"" + url + "\"",
            "“" + url + "”", "(" + url + ").", url + ".", url + ",", url + "。", url + "，谢谢", "*" + url + "*",
            "[join](" + url + ")", url + "?fbclid=IwAR0abcdefghijklmnop", url + "&utm_source=mail", url + " See you!",
            url.replacing("/join#", with: "/join?fbclid=IwAR0#"), url.replacing("/join#", with: "/join/#"),
            url.replacing("#", with: "%23"), url.replacing("-", with: "%2D"), url.replacing("-", with: "\u{2011}"),
            url.replacing("-", with: "–"), url.replacing("/join", with: "/Join"),
            url.replacing("https", with: "Https"), url.replacing("https", with: "HTTPS"), "\u{feff}" + url,
            url.replacing("#", with: "#\u{200b}"), url.replacing("-", with: "\u{200b}-\u{ad}"),
            "\u{a0}" + url + "\u{a0}",
            url.replacing("petitions.", with: "petitions.\r\n   "), url.replacing(code, with: code.lowercased()),
            url.replacing("/join#", with: "\n/join#\n"), url.replacing("-", with: "-\n"),
            url.replacing("-", with: "\n> "),
            full, url.replacing("https://", with: ""), "See: " + url.replacing("https://", with: ""),
            "invite:" + url.replacing("https://", with: ""), "邀请：" + url.replacing("https://", with: ""),
        ]
        for text in texts { #expect((try? address(text)) == url, "\(text)") }
    }

    @Test("Without a scheme an onion service and one's own computer are asked plainly, everybody else by TLS")
    func schemes() throws {
        func read(_ service: String) throws -> String {
            let invite = Invite(
                workplace: ID(Random.bytes32()), logKey: Random.bytes32(), serviceURL: "http://" + service)
            return try Invite(parsing: String(invite.url().dropFirst(7))).serviceURL
        }
        #expect(try read("abcdefgh.onion") == "http://abcdefgh.onion")
        #expect(try read("127.0.0.1:8080") == "http://127.0.0.1:8080")
        #expect(try read("[::1]:8080") == "http://[::1]:8080")
        #expect(try read("localhost:8080") == "http://localhost:8080")
        #expect(try read("petitions.example/rr") == "https://petitions.example/rr")
    }

    @Test("What is no address, or a code with a letter wrong, missing or too many, is refused as what it is")
    func refused() throws {
        let made = Invite(
            workplace: ID(Random.bytes32()), logKey: Random.bytes32(), serviceURL: "https://petitions.example")
        let url = made.url()
        for text in [
            "", "hello", "https://petitions.example/", "/join#" + url.suffix(69), "http:///join#" + url.suffix(69),
            "https://wiki.example says petitions.example/join#" + url.suffix(69), "example/join#" + url.suffix(69),
        ] {
            #expect(throws: RuleViolation.invite, "\(text)") { _ = try Invite(parsing: text).url() }
        }
        for text in [
            url + "A", url + "-A", String(url.dropLast()), String(url.dropLast()) + ".", url.replacing("#", with: "##"),
            url.replacing("-", with: "_"), String(url.dropLast()) + (url.hasSuffix("A") ? "B" : "A") + "?fbclid=1",
            String(url.dropLast(4)) + "?fbclid=ABCD",
        ] {
            #expect(throws: RuleViolation.inviteTyping, "\(text)") { _ = try Invite(parsing: text).url() }
        }
    }
}

@Suite("Characters that do not show")
struct ReadableTextTests {
    @Test("Bidi controls, fillers and invisible letters are found with their line; spelling of every script stays")
    func hidden() {
        let codes: [UInt32] =
            Array(0x202a...0x202e) + Array(0x2066...0x2069) + [
                0x200b, 0x200e, 0x200f, 0x061c, 0xfeff, 0x00ad, 0x2028, 0x2029, 0x2060, 0x180e, 0x3164, 0x115f, 0xffa0,
                0x034f, 0x2800, 0xe0041, 0xe000, 0x0000, 0x0007, 0x001b, 0x007f, 0x0085, 0x000d,
            ]
        for scalar in codes.compactMap({ Unicode.Scalar($0) }) {
            let found = ReadableText.firstHidden(in: "one\ntwo \(scalar) two\nthree")
            #expect(found?.line == 2 && found?.scalar == scalar, "\(ReadableText.code(scalar))")
            #expect(ReadableText.firstHidden(inLine: "a\(scalar)b") == scalar)
        }
        for text in [
            "plain\ttext\n", "Nguyễn Văn Hòa", "王芳：要求；（一）", "می‌خواهم", "क्‍ष", "👩‍👩‍👧‍👦 ❤️ 🇨🇳", "שלום", "ئۇيغۇر",
            "葛󠄀城", "e\u{301}",
        ] {
            #expect(ReadableText.firstHidden(in: text) == nil, "\(text)")
        }
        #expect(ReadableText.firstHidden(inLine: "a\tb") == "\t" && ReadableText.firstHidden(inLine: "a\nb") == "\n")
        #expect(ReadableText.code("\u{202e}") == "U+202E" && ReadableText.code("\u{1b}") == "U+001B")
    }
}

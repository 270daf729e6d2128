import Testing

@testable import Rooms

@Suite("JSON")
struct JSONTests {
    @Test(
        "Values",
        arguments: [
            ("null", .null), (" true ", .bool(true)), ("-12", .integer(-12)),
            ("9007199254740993", .integer(9_007_199_254_740_993)),
            ("1.5e3", .number(1500)), (#""a\"\\\/\n\t\u00e9\ud83d\ude00""#, .string("a\"\\/\n\té😀")),
            (#""\ud83d""#, .string("\u{FFFD}")), ("[1, [], {}]", [1, [], [:]]),
            (#"{"a": {"b": [true]}, "a": 2}"#, ["a": 2]),
        ] as [(String, JSON)])
    func values(text: String, value: JSON) throws {
        #expect(try JSON(parsing: text) == value)
        #expect(try JSON(parsing: value.text) == value, "there and back")
    }

    @Test(
        "What is none",
        arguments: ["", "nul", "[1,]", "[1", "{\"a\"}", "{a: 1}", "\"", "\"\\x\"", "\"\\u12\"", "1 2", "--1", "+"])
    func refused(text: String) { #expect(throws: JSONError.self) { _ = try JSON(parsing: text) } }
}

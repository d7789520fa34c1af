import ArgumentParser

/// `--json`.
package struct OutputOptions: ParsableArguments {
    @Flag(help: help("json"))
    package var json = false

    package init() {}
}

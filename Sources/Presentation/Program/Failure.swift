import Client
import Petitions
import Templates

/// An error as people read it: what happened, and what to do next.
package struct Failure {
    package let what: String
    /// Empty where nothing is left to say.
    package let next: String

    package init(_ what: String, next: String = "") {
        self.what = what
        self.next = next
    }

    /// Errors that any program may meet. A program that has more of its own looks for them first.
    package init(_ error: any Error) {
        switch error {
        case let error as ClientError: self.init(error.what, next: error.nextStep)
        case let error as RuleViolation: self.init(ClientError.rule(error))
        case let error as TemplateError: self.init(TemplateText.say(error), next: words("failure.templateNext"))
        case is CancellationError: self.init(words("failure.stopped"), next: words("failure.stoppedNext"))
        default: self.init(words("failure.unknown", ["why": "\(error)"]), next: words("failure.otherNext"))
        }
    }

    package func show() { Terminal.error(what, next) }
}

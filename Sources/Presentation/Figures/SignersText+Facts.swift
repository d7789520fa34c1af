import Petitions
import Sodium

extension SignersText {
    package struct Facts: Encodable {
        package let leaf: Int
        package let act: String
        /// By the order of admission, from 1.
        package let member: Int?
        package let key: String?
        package let is_organiser: Bool?
    }

    package var facts: [Facts] {
        acts.map { act in
            Facts(
                leaf: act.leaf, act: act.word, member: act.signer.flatMap { workplace.person($0).number },
                key: act.signer?.hex, is_organiser: act.signer.map { workplace.isOrganiser($0) })
        }
    }
}

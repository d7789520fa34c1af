import Petitions
import Sodium
import TransparencyLog

extension NotProven {
    package struct Facts: Encodable {
        package struct Trustee: Encodable {
            package let member: Int?
            package let key: String
        }
        package let ring: Int
        /// Who admitted the ring's keys: members by number, and how many keys each.
        package let admitted_by: [String: Int]
        package let trustees: [Trustee]
        package let threshold: UInt8
        package let names_not_open: Int
        package let wording_checked: Bool
        package let times_witnessed: Bool
    }

    package var facts: Facts {
        let workplace = audited.workplace
        return Facts(
            ring: ring,
            admitted_by: Dictionary(
                admissions.map { ("\(workplace.person($0.key).number ?? 0)", $0.value) }, uniquingKeysWith: +),
            trustees: audited.petition.acceptances.map {
                Facts.Trustee(member: workplace.person($0.signKey).number, key: $0.signKey.hex)
            }, threshold: audited.petition.manifest.threshold, names_not_open: sealedNames,
            wording_checked: audited.document != nil,
            times_witnessed: audited.witnessed.petition.map { !$0.times.isEmpty } ?? false)
    }
}

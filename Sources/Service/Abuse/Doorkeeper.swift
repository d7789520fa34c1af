/// Decides who may go on, by where requests come from and by what a workplace has had accepted, and makes senders of false proofs wait.
struct Doorkeeper: Sendable {
    private let addresses: AddressBuckets
    private let budgets: Budgets
    private let penance: Penance

    init(addresses: AddressBuckets, budgets: Budgets, penance: Penance) {
        (self.addresses, self.budgets, self.penance) = (addresses, budgets, penance)
    }

    init(_ limits: ServiceConfiguration.Limits) {
        self.init(
            addresses: AddressBuckets(rate: limits.requests.perSecond, burst: Double(limits.requests.burst)),
            budgets: Budgets(limits), penance: Penance(limits.penance, most: limits.penitents))
    }

    /// Before anything else is done for a request.
    /// - Throws: `Refusal.tooMany`.
    func admit(_ exchange: Exchange) throws { try addresses.take(exchange.remoteAddress) }

    /// - Throws: `Refusal.tooMany` if one more would exceed the rate.
    func check(_ kind: Budgets.Kind) throws { try budgets.check(kind) }

    /// Counts one that was accepted.
    func charge(_ kind: Budgets.Kind, cost: Double = 1) { budgets.count(kind, cost: cost) }

    /// For what only a sender who means to would send: the answer comes late, and the connection ends with it.
    func penalise(_ exchange: Exchange) async {
        addresses.charge(exchange.remoteAddress, cost: 50)
        await penance.serve()
        exchange.endConnection()
    }
}

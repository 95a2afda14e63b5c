import Dispatch
import Synchronization
import TensorCore
import Testing

@Suite struct ComputeTurnsTests {
    private struct Gone: Error {}

    @Test func whoGivesUpItsPlaceIsPassedOver() throws {
        let turns = ComputeTurns()
        let order = Mutex<[String]>([])
        let threads = DispatchGroup()
        let (begun, held) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        func begin(_ name: String, whileWaiting: @escaping @Sendable () throws -> Void) {
            DispatchQueue(label: name).async(group: threads) {
                do {
                    try turns.taking(whileWaiting: whileWaiting) {
                        order.withLock { $0.append(name) }
                    }
                } catch {
                    order.withLock { $0.append("no \(name)") }
                    held.signal()
                }
            }
        }
        DispatchQueue(label: "first").async(group: threads) {
            turns.taking {
                begun.signal()
                held.wait()
                order.withLock { $0.append("first") }
            }
        }
        begun.wait()
        // It waits behind the first, which ends only when it has given up.
        begin("second") { throw Gone() }
        let hasEnded = threads.wait(timeout: .now() + 30) == .success
        #expect(hasEnded)
        guard hasEnded else { return }
        begin("third") {}
        threads.wait()
        #expect(order.withLock { $0 } == ["no second", "first", "third"])
    }

    @Test func turnsAreTakenInTheOrderInWhichTheyWereAskedFor() {
        let turns = ComputeTurns()
        let order = Mutex<[Int]>([])
        let threads = DispatchGroup()
        turns.taking {
            for number in 0..<4 {
                let asked = DispatchSemaphore(value: 0)
                DispatchQueue(label: "\(number)").async(group: threads) {
                    turns.taking(whileWaiting: { asked.signal() }) {
                        order.withLock { $0.append(number) }
                    }
                }
                asked.wait()
            }
            #expect(order.withLock { $0 } == [])
            turns.pass()
            #expect(order.withLock { $0 } == [0, 1, 2, 3])
        }
        threads.wait()
    }
}

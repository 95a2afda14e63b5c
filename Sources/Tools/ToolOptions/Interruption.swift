import Dispatch
import Foundation
public import SouthGPT

/// Turns Ctrl-C and SIGTERM into a request to stop; the second Ctrl-C ends the process at once.
public final class Interruption {
    /// Raised by the first signal.
    public let stop = StopFlag()
    private let sources: [any DispatchSourceSignal]

    /// Listens from now on.
    public init() {
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            return DispatchSource.makeSignalSource(
                signal: number, queue: DispatchQueue(label: "southgpt.signals"))
        }
        for source in sources {
            source.setEventHandler { [stop] in
                if stop.isRaised { exit(130) }
                stop.raise()
            }
            source.resume()
        }
    }
}

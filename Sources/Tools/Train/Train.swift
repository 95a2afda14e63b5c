import ArgumentParser

@main
struct Train: AsyncParsableCommand {
}

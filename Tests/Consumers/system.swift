print("system: SouthGPT is built and linked")

"""What all measurements share: the data, the processes that take turns, and the facts of the machine."""

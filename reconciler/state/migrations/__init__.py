"""The migrations of the state database, forward only."""

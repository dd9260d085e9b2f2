"""World in, plan out: what differs, what to do about it, in which order, at what price.

No clock, no I/O, no randomness: equal worlds give equal plans.
"""

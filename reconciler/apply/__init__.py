"""Effects, in order, through ports: observing the world and carrying out a plan.

Nothing here knows which server, database or disk is behind a port.
"""

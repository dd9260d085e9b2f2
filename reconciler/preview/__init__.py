"""The embedded Videos API server: a program of its own that draws animatics, free and offline.

Start it with ``python -m reconciler.preview --data DIR``. It imports nothing else of
``reconciler`` and shares no code with the client that talks to it.
"""

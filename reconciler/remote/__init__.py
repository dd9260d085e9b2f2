"""The Videos API of one server over HTTP, its profile, its key, and the embedded server."""

"""The only way out, against a real server on the loopback."""

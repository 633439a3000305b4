"""What the world looks like in each provider's JSON: every documented field, the private ones included.

The law of this folder: values in, JSON values out. It knows the world and nothing else.
"""

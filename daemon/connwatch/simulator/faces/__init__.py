"""The three APIs on HTTP: routes, rules of access and paging, each provider's own way to refuse.

The law of this folder: thin. What there is comes from the world, how it looks from the shapes, what goes wrong from
the request's fate. A face serves the reads that a monitor needs, and the traps that look like them; whatever else is
asked is an offence.
"""

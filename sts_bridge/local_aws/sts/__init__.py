"""The operations of STS, one file each: a call in, the members of its result out.

Next door: `doors` reads calls and writes documents, `statements` checks what a caller brings, `policies` decides.
"""

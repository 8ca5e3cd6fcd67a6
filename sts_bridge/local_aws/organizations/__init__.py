"""The operations of Organizations that finding accounts needs: JSON in, JSON out.

Next door: `doors` reads the call and answers, `world` says which accounts there are.
"""

"""Pages of the bridge: `POST /roles/<account>/<role>/credentials` shows temporary credentials once.

Each view translates and makes one call to a service next door.
"""

"""Argon2id as in production, with a cost that tests can afford."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class FastArgon2Hasher(Argon2PasswordHasher):
    """The same algorithm and encoding, little time and memory."""

    time_cost = 1
    memory_cost = 64
    parallelism = 1

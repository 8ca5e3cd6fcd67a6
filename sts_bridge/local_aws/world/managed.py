"""The managed policies of AWS that exist here: few, and each as wide as its name says."""

from typing import Final

# Written in our own words: what a federation is tried with needs no more than these.
DOCUMENTS: Final[dict[str, dict[str, object]]] = {
    "AdministratorAccess": {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
    },
    "PowerUserAccess": {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"},
    },
    "ReadOnlyAccess": {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": ["*:Get*", "*:List*", "*:Describe*"], "Resource": "*"},
    },
    "IAMFullAccess": {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "iam:*", "Resource": "*"},
    },
    "IAMReadOnlyAccess": {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": ["iam:Get*", "iam:List*"], "Resource": "*"},
    },
}

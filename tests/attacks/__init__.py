"""One file per attack of the threat list: each must fail beside a twin that must not."""

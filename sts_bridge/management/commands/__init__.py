"""`run_local_aws`, `connect_account` and `doctor`."""

"""What `make bench` runs: figures beside the machine's own RSA speed, never pass or fail by time."""

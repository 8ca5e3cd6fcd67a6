"""AWS's words and ours."""

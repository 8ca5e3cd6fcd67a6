"""Real servers as fixtures: each on a free port, each stopped after."""

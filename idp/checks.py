"""Start-up checks with number and hint."""

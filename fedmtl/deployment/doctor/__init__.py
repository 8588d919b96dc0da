"""Checks of a server's or a site's folder, before and during a run: one subject a file, findings a line each."""

"""Attacks on what a federation gives away: what they would find is what a report should say."""

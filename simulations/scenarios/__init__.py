"""The scenarios that come with fedmtl; `fedmtl.shipped` finds them by name."""

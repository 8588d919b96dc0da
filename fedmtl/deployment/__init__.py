"""Deployments: what a federation and a site say in their files, keys, certificates, and the kit for each."""

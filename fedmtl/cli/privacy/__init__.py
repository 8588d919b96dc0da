"""fedmtl privacy: what a run gives away, by the accountant and by attack."""

from __future__ import annotations

import typer

from fedmtl.cli.privacy import account, audit

app = typer.Typer(help="What a run gives away: accounts, and audits that attack it.", no_args_is_help=True)
app.command()(account.account)
app.command()(audit.audit)

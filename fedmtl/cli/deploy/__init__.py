"""fedmtl deploy: a federation across machines, from the kit to the running server and sites."""

from __future__ import annotations

import typer

from fedmtl.cli.deploy import doctor, kit, server, site

app = typer.Typer(help="A federation across machines: kit, server, sites.", no_args_is_help=True)
app.command()(kit.init)
app.command()(kit.keygen)
app.command()(kit.revoke)
app.command()(site.site)
app.command()(doctor.doctor)
app.command()(server.server)
app.command()(server.run)
app.command()(server.resume)
app.command()(server.stop)
app.command()(server.status)

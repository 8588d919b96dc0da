"""Becomes another program, one that Linux ends with SIGTERM when the process that started it dies.

Run as a file, so that it costs no import of fedmtl: python -I -S tied.py PARENT PROGRAM [ARGUMENT …]. However its
supervisor ends, be it by SIGKILL, nothing is left behind that holds a port or a database. (Linux counts the death of
the *thread* that started it, which must therefore be one that stays.) Elsewhere it is only the other program.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def _become(parent: int, command: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we asked
            raise SystemExit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])

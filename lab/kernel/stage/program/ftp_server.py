"""An FTP server for anybody (RFC 959, RFC 2428): one file to read, on port 21 of every address of its node.

It is a program by itself, which knows pyftpdlib alone; `lab.kernel.stage.program.served` hands it to the node.
"""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path

_ROOT = Path("/tmp/ftp")
_PORT = 21


def main() -> None:
    """Serve until it is ended."""
    warnings.simplefilter("ignore")  # asyncore says that it is old
    sys.path.insert(0, str(Path(__file__).parent))
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer

    logging.basicConfig(level=logging.ERROR)
    _ROOT.mkdir()
    (_ROOT / "lab.txt").write_text("a file of the lab\n")
    authorizer = DummyAuthorizer()
    authorizer.add_anonymous(str(_ROOT))

    FTPHandler.authorizer = authorizer
    FTPHandler.banner = "the lab's server"
    FTPHandler.use_sendfile = False
    loop = IOLoop.instance()
    for address in ("::", "0.0.0.0"):
        try:
            FTPServer((address, _PORT), FTPHandler, ioloop=loop)
        except OSError as error:  # the first takes IPv4 too, where there is IPv6
            if address == "0.0.0.0":
                raise error from None
            continue
        break
    loop.loop()


if __name__ == "__main__":
    main()

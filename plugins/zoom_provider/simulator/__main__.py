"""Run a local Zoom: ``python -m zoom_provider.simulator --port 8900``."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

MISSING = 'The simulator needs more packages: pip install "airflow-provider-zoom[simulator]"'


def main(arguments: list[str] | None = None) -> int:
    """
    Run until a signal stops it.

    :return: the exit code
    """
    try:
        import fastapi  # noqa: F401
        import trustme  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        print(f"{MISSING} ({error.name} is missing)", file=sys.stderr)
        return 1
    return _run(arguments)


def _run(arguments: list[str] | None) -> int:
    from pydantic import TypeAdapter, ValidationError

    from zoom_provider.simulator.control import describe_validation_error
    from zoom_provider.simulator.faults import Fault
    from zoom_provider.simulator.person import UserSeed
    from zoom_provider.simulator.server import running
    from zoom_provider.simulator.settings import add_options, from_options

    parser = argparse.ArgumentParser(
        prog="python -m zoom_provider.simulator",
        description="A local Zoom to test against: stateful, over HTTP, forgetting all at its end.",
    )
    parser.add_argument("--port", type=int, default=8900, help="0 takes any that is free [8900]")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on [127.0.0.1]")
    parser.add_argument(
        "--tls-dir", metavar="DIR", help="speak https; write ca.pem and the certificate to DIR"
    )
    parser.add_argument(
        "--people", metavar="FILE", help="JSON list of people to start with: email, type, status..."
    )
    parser.add_argument(
        "--fault",
        metavar="JSON",
        action="append",
        default=[],
        help="""something to go wrong, e.g. '{"kind": "cut_after", "on": "POST /v2/users"}'""",
    )
    add_options(parser)
    options = parser.parse_args(arguments)
    try:
        settings = from_options(options)
        faults = [Fault.model_validate_json(text) for text in options.fault]
        text = Path(options.people).read_text("utf-8") if options.people else "[]"
        people = TypeAdapter(list[UserSeed]).validate_json(text)
    except ValidationError as error:
        parser.error(describe_validation_error(error))
    except OSError as error:
        parser.error(str(error))

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with running(
            settings,
            people=people,
            faults=faults,
            tls_dir=options.tls_dir,
            host=options.host,
            port=options.port,
        ) as simulator:
            authority = f" (certificate authority: {simulator.ca})" if simulator.ca else ""
            print(f"Local Zoom ready at {simulator.url}{authority}", flush=True)
            stop.wait()
    except OSError as error:
        parser.error(f"cannot listen on {options.host}:{options.port}: {error.strerror}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

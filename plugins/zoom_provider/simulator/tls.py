"""A throw-away authority and certificate, so that clients can practise https."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the files are: ``ca`` is for clients, the others are the server's."""

    ca: Path
    certificate: Path
    key: Path


def write_certificates(directory: Path, *hosts: str) -> Certificates:
    """
    Write a new authority and a certificate for the loopback names and ``hosts``.

    :param directory: is made if need be
    """
    directory.mkdir(parents=True, exist_ok=True)
    files = Certificates(*(directory / name for name in ("ca.pem", "server.pem", "server.key")))
    authority = trustme.CA()
    issued = authority.issue_cert(*dict.fromkeys(("localhost", "127.0.0.1", "::1", *hosts)))
    authority.cert_pem.write_to_path(files.ca)
    files.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    files.key.touch(mode=0o600)
    issued.private_key_pem.write_to_path(files.key)
    return files

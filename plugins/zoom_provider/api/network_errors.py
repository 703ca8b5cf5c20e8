"""Pure: an exception of requests in, the way a call failed out."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import requests
from urllib3.exceptions import InvalidHeader, MaxRetryError, NewConnectionError

_BAD_CA_FILE_TEXT: Final = (
    "the file of certificate authorities cannot be read; check the connection's ca_bundle and the "
    "variable REQUESTS_CA_BUNDLE"
)
# What OpenSSL calls a file that holds no certificate, and a server that does not speak TLS. Other
# errors of its may come in the middle of a reply, and count as a lost one.
_BAD_CA_FILE: Final = ("NO_CERTIFICATE_OR_CRL_FOUND", "NO_START_LINE", "PEM_LIB")
_NO_HANDSHAKE: Final = (
    *("WRONG_VERSION_NUMBER", "HANDSHAKE_FAILURE"),
    *("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"),
)


class ErrorKind(StrEnum):
    """How a call can fail without a reply."""

    NOT_SENT = "not_sent"
    """There was no connection: Zoom cannot have acted."""
    NO_REPLY = "no_reply"
    """A time-out or a cut connection after the call went out: Zoom may have acted."""
    UNTRUSTED = "untrusted"
    """The certificate does not hold; no retry cures that."""
    INVALID = "invalid"
    """The request cannot even be made; no retry cures that either."""


@dataclass(frozen=True, slots=True)
class TransportError:
    """
    A call without a reply.

    :param kind: which
    :param reason: for people; names hosts at most, never what was sent
    """

    kind: ErrorKind
    reason: str


def classify(error: OSError | ValueError) -> TransportError:
    """Say how a call failed; the texts of requests are not passed on, they quote too much."""
    chain = _error_chain(error)
    untrusted = next((lost for lost in map(_classify_tls, chain) if lost is not None), None)
    if untrusted is not None:
        return untrusted
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return TransportError(ErrorKind.UNTRUSTED, _BAD_CA_FILE_TEXT)
    if isinstance(error, requests.exceptions.ProxyError):
        return TransportError(
            ErrorKind.NOT_SENT, "the proxy (HTTPS_PROXY) cannot be reached or refuses"
        )
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return TransportError(ErrorKind.NOT_SENT, "no connection within connect_timeout")
    if any(isinstance(e, socket.gaierror) for e in chain):
        return TransportError(
            ErrorKind.NOT_SENT, "the host's name is not known; check the connection's host"
        )
    if any(isinstance(e, NewConnectionError) for e in chain):
        return TransportError(
            ErrorKind.NOT_SENT, "no connection; check the connection's host and the network"
        )
    if isinstance(error, requests.exceptions.Timeout):
        return TransportError(ErrorKind.NO_REPLY, "no reply within timeout")
    if isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        return TransportError(
            ErrorKind.NO_REPLY, "the connection was cut before the reply was complete"
        )
    # The latter is about a header of the reply: Zoom was asked.
    if isinstance(error, requests.exceptions.ContentDecodingError) or any(
        isinstance(e, InvalidHeader) for e in chain
    ):
        return TransportError(ErrorKind.NO_REPLY, "the reply could not be decoded")
    return TransportError(
        ErrorKind.INVALID, f"the request could not be made ({type(error).__name__})"
    )


def _classify_tls(error: BaseException) -> TransportError | None:
    """Say why there is no trusted connection, where this error is the reason."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return TransportError(
            ErrorKind.UNTRUSTED,
            f"the server's certificate does not hold ({error.verify_message}); for a "
            "private authority set the connection's ca_bundle",
        )
    reason = (error.reason or "") if isinstance(error, ssl.SSLError) else ""
    if reason in _BAD_CA_FILE:
        return TransportError(ErrorKind.UNTRUSTED, _BAD_CA_FILE_TEXT)
    if reason.endswith(_NO_HANDSHAKE):
        return TransportError(
            ErrorKind.UNTRUSTED, "the host does not speak TLS; check its name and port"
        )
    return None


def _error_chain(error: BaseException) -> list[BaseException]:
    """List an error, what it wraps and what it came from."""
    found: list[BaseException] = []
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is None or current in found:
            continue
        found.append(current)
        pending += [arg for arg in current.args if isinstance(arg, BaseException)]
        pending += [current.__cause__, current.__context__]
        if isinstance(current, MaxRetryError):
            pending.append(current.reason)
    return found

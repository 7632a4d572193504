"""What a client shows an API server, as far as that tells of itself: whose it is, and until when it is good."""

import base64
import datetime
import json
import pathlib
from dataclasses import dataclass
from typing import Literal

from cryptography import x509


@dataclass(frozen=True, slots=True)
class Credentials:
    """`until`: when they end, None where that cannot be told. `account`: a ServiceAccount's namespace and name."""

    kind: Literal["token", "certificate", "other"] = "other"
    until: datetime.datetime | None = None
    account: tuple[str, str] | None = None

    @property
    def expired(self) -> bool:
        """Whether its time is over, by this machine's clock."""
        return self.until is not None and self.until <= datetime.datetime.now(datetime.UTC)


def read(token: str, certificate: str | None) -> Credentials:
    """From what goes into the Authorization header, and the path of a client's certificate (PEM).

    A token that is no JWT (RFC 7519) tells nothing; nobody's signature is looked at.
    """
    if token:
        return _token(token.split()[-1])
    if certificate:
        try:
            found = x509.load_pem_x509_certificate(pathlib.Path(certificate).read_bytes())
        except (OSError, ValueError):
            return Credentials("certificate")
        return Credentials("certificate", found.not_valid_after_utc)
    return Credentials()


def _token(text: str) -> Credentials:
    try:
        body = text.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        ends = claims.get("exp")
        until = None if ends is None else datetime.datetime.fromtimestamp(float(ends), datetime.UTC)
        who = str(claims.get("sub", "")).split(":")
    except (IndexError, ValueError, AttributeError, TypeError, OverflowError):
        return Credentials("token")
    ours = who[:2] == ["system", "serviceaccount"] and len(who) == 4
    return Credentials("token", until, (who[2], who[3]) if ours else None)

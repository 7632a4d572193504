"""The one tree of the harness's own errors. A broken app is a FAIL, never one of these."""


class SurviveError(Exception):
    """Something the harness could not do. The message says what to do about it."""


class UsageError(SurviveError):
    """What the user asked for cannot be done as asked; nothing was touched."""


class Impossible(SurviveError):
    """This cluster cannot do what a row needs; the message says what would be needed. The row is skipped."""


class Refused(SurviveError):
    """A rule of the cluster, such as a quota or Pod Security, keeps pods away, or a registry their images, or a
    NetworkPolicy our probers; the message says which."""


class ClusterError(SurviveError):
    """The cluster could not be built, started, reached or taken down."""


class KubeError(SurviveError):
    """The Kubernetes API refused or could not answer. `status` is the HTTP code, 0 if there was no answer."""

    def __init__(self, message: str, status: int = 0, reason: str = "", body: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.body = body


class WaitTimeout(SurviveError):
    """A condition was not met in time; the message says what was last seen."""


class HistoryError(SurviveError):
    """A history could not be read or written."""

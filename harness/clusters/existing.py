"""A cluster of the user's own: reached by a context that was named, and nothing touched before all is well."""

from harness.errors import ClusterError, KubeError, UsageError
from harness.kube import Kube

ANONYMOUS = "system:anonymous"


def reach(kube: Kube, context: str) -> str:
    """The API server's version. Raises an error that says what to do if it cannot be reached or refuses one."""
    try:
        version = kube.reach()
        user = kube.who()
    except KubeError as exc:
        raise _unreachable(exc, kube.server, context) from exc
    if user == ANONYMOUS:
        raise UsageError(f"{_who(context, kube.server)} gives no credentials: log in, or name another context")
    return version


def _unreachable(error: KubeError, server: str, context: str) -> ClusterError | UsageError:
    who = _who(context, server)
    if error.status == 401:
        return UsageError(
            f"{who}: the API server refuses its credentials, which may have expired: log in again ({error})"
        )
    if error.status == 403:
        return UsageError(f"{who}: the API server knows nobody by its credentials: log in, or name another ({error})")
    if error.status:
        return ClusterError(f"{who}: the API server answers with an error: {error}")
    about = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in about:
        return UsageError(f"{who}: its certificate is not of the authority that the kubeconfig names ({about})")
    return ClusterError(
        f"{who}: nobody answers there; see whether the cluster is up and whether a VPN or a proxy is needed ({about})"
    )


def _who(context: str, server: str) -> str:
    return f"the context {context} ({server})"

"""A cluster of the user's own: reached by a context that was named, and nothing touched before all is well."""

from harness.errors import ClusterError, KubeError, UsageError
from harness.kube import Credentials, Kube

ANONYMOUS = "system:anonymous"


def reach(kube: Kube, context: str) -> str:
    """The API server's version. Raises an error that says what to do if it cannot be reached or refuses one."""
    try:
        version = kube.reach()
        user = kube.who()
    except KubeError as exc:
        raise _unreachable(exc, kube, context) from exc
    if user == ANONYMOUS:
        raise UsageError(f"{_who(context, kube.server)} gives no credentials: log in, or name another context")
    return version


def _unreachable(error: KubeError, kube: Kube, context: str) -> ClusterError | UsageError:
    who = _who(context, kube.server)
    if error.status == 401:
        return UsageError(f"{who}: the API server refuses its credentials, {_renewed(kube.credentials)} ({error})")
    if error.status == 403:
        return UsageError(f"{who}: the API server knows nobody by its credentials: log in, or name another ({error})")
    if error.status:
        return ClusterError(f"{who}: the API server answers with an error: {error}")
    about = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in about:
        return UsageError(f"{who}: its certificate is not of the authority that the kubeconfig names ({about})")
    if "ProxyError" in about:
        return ClusterError(
            f"{who}: the proxy does not lead there: correct HTTPS_PROXY or the kubeconfig's proxy-url, or put the"
            f" server into NO_PROXY ({about})"
        )
    return ClusterError(
        f"{who}: nobody answers there; see whether the cluster is up and whether a VPN or a proxy is needed ({about})"
    )


def _renewed(shown: Credentials) -> str:
    """Why credentials may be refused, and how to get others."""
    again = "log in again"
    if shown.account is not None:
        namespace, name = shown.account
        again = f"make another by `kubectl create token {name} -n {namespace} --duration 8h`"
    elif shown.kind == "certificate":
        again = "renew it (`kubeadm certs renew`, or fetch the kubeconfig anew)"
    if shown.until is None:
        return f"which may have expired: {again}"
    moment = f"{shown.until:%Y-%m-%d %H:%M:%S} UTC"
    if shown.expired:
        return f"a {shown.kind} that expired at {moment}: {again}"
    return f"a {shown.kind} that is good until {moment}, so it was revoked, or is another cluster's: {again}"


def _who(context: str, server: str) -> str:
    return f"the context {context} ({server})"

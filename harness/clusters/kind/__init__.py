"""A cluster by the real `kind`: real Kubernetes in containers of Docker or Podman."""

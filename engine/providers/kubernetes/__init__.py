"""The Kubernetes provider in Python: what pulumi-kubernetes does, over the API server's own HTTP interface."""

from engine.providers.kubernetes.provider import KubernetesProvider

__all__ = ["KubernetesProvider"]

"""Studies: a frozen config in, a result that can be saved as JSON out."""

from equivfast.studies import equivariance as equivariance
from equivfast.studies import network as network
from equivfast.studies import pose as pose

__all__ = ["equivariance", "network", "pose"]

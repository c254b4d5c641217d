"""Outputs: the decoder's likelihood of each column."""

from __future__ import annotations

from sklearn_aae._registry import resolve
from sklearn_aae.outputs._base import Head, Output
from sklearn_aae.outputs._bernoulli import Bernoulli
from sklearn_aae.outputs._gaussian import Gaussian

__all__ = ["OUTPUTS", "Bernoulli", "Gaussian", "Head", "Output", "as_output"]

OUTPUTS: dict[str, type[Output]] = {"gaussian": Gaussian, "bernoulli": Bernoulli}


def as_output(output: str | type[Output] | Output) -> Output:
    """Return the output that a constructor argument stands for.

    Parameters
    ----------
    output : str or Output
        ``"auto"`` stands for the Gaussian output.

    Returns
    -------
    Output
        A fresh object.

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If the argument is neither a name nor an output.

    Examples
    --------
    >>> from sklearn_aae.outputs import as_output
    >>> as_output("auto")
    Gaussian()
    """
    name = "gaussian" if isinstance(output, str) and output == "auto" else output
    return resolve(name, OUTPUTS, Output, "output")

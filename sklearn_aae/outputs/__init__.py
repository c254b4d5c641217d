"""Outputs: the decoder's likelihood of each column."""

from __future__ import annotations

from sklearn_aae._utils._registry import resolve
from sklearn_aae.encoding import TableFacts
from sklearn_aae.outputs._autoregressive import Autoregressive
from sklearn_aae.outputs._base import Head, Output
from sklearn_aae.outputs._bernoulli import Bernoulli
from sklearn_aae.outputs._gaussian import Gaussian
from sklearn_aae.outputs._independent import Independent

__all__ = [
    "OUTPUTS",
    "Autoregressive",
    "Bernoulli",
    "Gaussian",
    "Head",
    "Independent",
    "Output",
    "TableFacts",
    "as_output",
]

OUTPUTS: dict[str, type[Output]] = {
    "autoregressive": Autoregressive,
    "bernoulli": Bernoulli,
    "gaussian": Gaussian,
    "independent": Independent,
}


def as_output(output: str | type[Output] | Output, *, mixed: bool = False) -> Output:
    """Return the output that a constructor argument stands for.

    Parameters
    ----------
    output : str or Output
        ``"auto"`` stands for the Gaussian output, or the autoregressive one for a
        table of mixed types.
    mixed : bool, default=False
        Whether the table has columns that are no numbers.

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
    auto = "autoregressive" if mixed else "gaussian"
    name = auto if isinstance(output, str) and output == "auto" else output
    result: Output = resolve(name, OUTPUTS, Output, "output")
    return result

"""How frozen distributions become data, by a closed list of families."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats
from torch.distributions import Distribution
from torch.distributions.transforms import Transform

from sklearn_aae.archive._arrays import Keep
from sklearn_aae.archive._graph import Kind, Node, Reader, Writer
from sklearn_aae.exceptions import DamagedFileError
from sklearn_aae.persistence._objects import is_of, read_fields, write_fields
from sklearn_aae.persistence._registry import words

#: Univariate families of scipy.stats that their numbers say all of.
UNIVARIATE = words(
    """
    alpha anglit arcsine argus bernoulli beta betabinom betaprime binom boltzmann bradford burr
    burr12 cauchy chi chi2 cosine crystalball dgamma dlaplace dweibull erlang expon exponnorm
    exponpow exponweib f fatiguelife fisk foldcauchy foldnorm gamma gausshyper genexpon
    genextreme gengamma genhalflogistic genhyperbolic geninvgauss genlogistic gennorm genpareto
    geom gibrat gompertz gumbel_l gumbel_r halfcauchy halfgennorm halflogistic halfnorm
    hypergeom hypsecant invgamma invgauss invweibull jf_skew_t johnsonsb johnsonsu kappa3 kappa4
    ksone kstwobign laplace laplace_asymmetric levy levy_l loggamma logistic loglaplace lognorm
    logser loguniform lomax maxwell mielke moyal nakagami nbinom ncf nct ncx2 nhypergeom norm
    norminvgauss pareto pearson3 planck poisson powerlaw powerlognorm powernorm randint rayleigh
    rdist recipinvgauss reciprocal rel_breitwigner rice semicircular skellam skewcauchy skewnorm
    studentized_range t trapezoid triang truncexpon truncnorm truncpareto truncweibull_min
    tukeylambda uniform vonmises wald weibull_max weibull_min wrapcauchy yulesimon zipf zipfian
    """
)

#: Multivariate families, with the names of what they are frozen with.
MULTIVARIATE = {
    "multivariate_normal": ("mean", "cov", "allow_singular"),
    "multivariate_t": ("loc", "shape", "df"),
    "dirichlet": ("alpha",),
    "vonmises_fisher": ("mu", "kappa"),
}

#: Components of a multivariate distribution at most.
MOST_WIDE = 4096

#: The class of what each family freezes to.
FROZEN = {
    type(stats.multivariate_normal([0.0])): "multivariate_normal",
    type(stats.multivariate_t([0.0])): "multivariate_t",
    type(stats.dirichlet([1.0, 1.0])): "dirichlet",
    type(stats.vonmises_fisher([0.0, 1.0], 1.0)): "vonmises_fisher",
}
#: What transforms keep of their last call, and its value before the first.
CACHES = {"_inv": None, "_cached_x_y": (None, None)}

CONTINUOUS, DISCRETE = type(stats.norm()), type(stats.poisson(1.0))


# ---------------------------------------------------------------------- scipy.stats


def _is_univariate(value: Any) -> bool:
    return type(value) in (CONTINUOUS, DISCRETE)


def _write_univariate(writer: Writer, value: Any) -> dict[str, Node]:
    own, name = value.dist, value.dist.name
    family: Any = getattr(stats, name, None) if name in UNIVARIATE else None
    if type(own) is not type(family) or (own.a, own.b) != (family.a, family.b):
        raise writer.refusal(value)
    return {
        "family": name,
        "args": [writer.inside(str(i), part) for i, part in enumerate(value.args)],
        "kwds": {key: writer.inside(key, part) for key, part in value.kwds.items()},
        "support": writer.inside("support", (value.a, value.b)),
    }


def _read_univariate(reader: Reader, node: dict[str, Node], keep: Keep) -> Any:
    if node["family"] not in UNIVARIATE:
        raise DamagedFileError(f"the file names {node['family']!r}, which is no distribution.")
    family = getattr(stats, node["family"])
    frozen = object.__new__(DISCRETE if isinstance(family, stats.rv_discrete) else CONTINUOUS)
    # Freezing makes another instance of the family, for which scipy compiles a template of code.
    frozen.dist = family
    frozen.args = tuple(map(reader.read, node["args"]))
    frozen.kwds = {str(key): reader.read(part) for key, part in node["kwds"].items()}
    frozen.a, frozen.b = reader.read(node["support"])
    return frozen


def _write_multivariate(writer: Writer, value: Any) -> dict[str, Node]:
    family = FROZEN[type(value)]
    parts = {name: getattr(value, name) for name in MULTIVARIATE[family]}
    return {
        "family": family,
        "of": {name: writer.inside(name, part) for name, part in parts.items()},
    }


def _read_multivariate(reader: Reader, node: dict[str, Node], keep: Keep) -> Any:
    family = node["family"]
    if tuple(node["of"]) != MULTIVARIATE[family]:
        raise DamagedFileError(f"the file has other parameters for {family}.")
    parts = {name: reader.read(part) for name, part in node["of"].items()}
    # scipy makes square matrices of vectors.
    if any(np.ndim(part) > 2 or len(np.atleast_1d(part)) > MOST_WIDE for part in parts.values()):
        raise DamagedFileError(f"the file has parameters of too large shapes for {family}.")
    return getattr(stats, family)(**parts)


# -------------------------------------------------------------- torch.distributions


def _write_distribution(writer: Writer, value: Any) -> dict[str, Node]:
    own = {name: part for name, part in vars(value).items() if name not in CACHES}
    return {"class": writer.name_of(type(value)), "fields": write_fields(writer, type(value), own)}


def _read_distribution(of: type) -> Callable[[Reader, dict[str, Node], Keep], Any]:
    def read(reader: Reader, node: dict[str, Node], keep: Keep) -> Any:
        cls = reader.find(node["class"])
        if not (isinstance(cls, type) and issubclass(cls, of)):
            raise DamagedFileError(f"the file makes a distribution of {node['class']!r}.")
        made = cls.__new__(cls)
        keep(made)
        read_fields(reader, made, node["fields"])
        if of is Transform:
            made.__dict__.update(CACHES)
        return made

    return read


KINDS = (
    Kind("scipy distribution", _is_univariate, _write_univariate, _read_univariate),
    Kind(
        "scipy vectors",
        lambda value: type(value) in FROZEN,
        _write_multivariate,
        _read_multivariate,
    ),
    *(
        Kind(name, is_of(of), _write_distribution, _read_distribution(of))
        for name, of in (("torch distribution", Distribution), ("transform", Transform))
    ),
)

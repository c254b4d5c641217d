"""Packaging of sklearn_aae: what it is called, what it needs and what it ships."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
URL = "https://github.com/sklearn-aae/sklearn_aae"


def read_version() -> str:
    """Read ``__version__`` as text: importing the package would need torch."""
    text = (ROOT / "sklearn_aae" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "([^"]+)"$', text, flags=re.MULTILINE)
    if match is None:
        raise RuntimeError('sklearn_aae/__init__.py has no line of the form __version__ = "X.Y.Z"')
    return match.group(1)


def read_description() -> str:
    """Read README.md, whose links and pictures lie beside it: a package index needs whole ones."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"(!\[[^]]*\]\()(?!https?:)", rf"\g<1>{URL}/raw/main/", text)
    return re.sub(r"(?<!!)(\[[^]]*\]\()(?!https?:)", rf"\g<1>{URL}/blob/main/", text)


# Lower bounds only; constraints.txt holds the exact versions that the tests run with.
REQUIRES = [
    "narwhals>=2.0.1",
    "numpy>=2.0",
    "safetensors>=0.4.3",
    "scikit-learn>=1.9",
    "scipy>=1.13",
    "skorch>=1.4",
    "threadpoolctl>=3.5",  # of scikit-learn, and imported by name
    "torch>=2.4",
]
TABLE = ["pandas>=2.2.2", "pyarrow>=16.1"]
SCALE = ["pyarrow>=16.1"]
PLOT = ["jinja2>=3.1", "matplotlib>=3.9", "rich>=13.7"]
DISTRIBUTED = ["dask[dataframe,distributed]>=2025.1"]
ONNX = ["onnx>=1.17", "onnxruntime>=1.20", "onnxscript>=0.3"]
TEST = [
    *TABLE,
    *SCALE,
    *PLOT,
    *DISTRIBUTED,
    *ONNX,
    "hypothesis>=6.100",
    "mypy>=1.11",
    "numpydoc>=1.8",
    "polars>=1.6",
    "pytest>=8.2",
    "pytest-cov>=5.0",
    "pytest-xdist>=3.6",
    "ruff>=0.12",
]
DOCS = [
    *TABLE,
    *PLOT,
    "codespell>=2.4",
    "numpydoc>=1.8",
    "optuna>=4.0",
    "pydata-sphinx-theme>=0.16",
    "sphinx>=8.1",
    "sphinx-copybutton>=0.5.2",
    "sphinx-gallery>=0.18",
    "sphinx-mathjax-offline>=0.0.2",
]
BENCH = [*TABLE, *PLOT, "pyod>=2.0"]

setup(
    name="sklearn_aae",
    version=read_version(),
    description="Adversarial autoencoders with the scikit-learn API",
    long_description=read_description(),
    long_description_content_type="text/markdown",
    author="The sklearn_aae developers",
    url=URL,
    project_urls={
        "Source": URL,
        "Issues": f"{URL}/issues",
        "Changelog": f"{URL}/blob/main/CHANGELOG.md",
    },
    license="BSD-3-Clause",
    license_files=["LICENSE"],
    keywords=[
        "adversarial autoencoder",
        "scikit-learn",
        "representation learning",
        "synthetic data",
        "anomaly detection",
    ],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["sklearn_aae", "sklearn_aae.*"]),
    package_data={
        "sklearn_aae": ["py.typed"],
        "sklearn_aae._utils": ["*.pyi"],
        "sklearn_aae.inspection": ["templates/*"],
    },
    python_requires=">=3.11",
    install_requires=REQUIRES,
    extras_require={
        "table": TABLE,
        "scale": SCALE,
        "plot": PLOT,
        "distributed": DISTRIBUTED,
        "onnx": ONNX,
        "test": TEST,
        "docs": DOCS,
        "bench": BENCH,
    },
    zip_safe=False,
)

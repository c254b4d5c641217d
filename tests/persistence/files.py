"""Files in memory: written, and changed by someone who knows their checksums."""

from __future__ import annotations

import io
import json

from sklearn_aae import save
from sklearn_aae.archive._archive import pack, unpack


def saved(estimator, **options):
    buffer = io.BytesIO()
    save(estimator, buffer, **options)
    return buffer.getvalue()


def repacked(data, change, **manifest):
    """Return a file whose state or manifest was changed by someone who knows the checksums."""
    contents = unpack(data)
    told = {name: value for name, value in contents.manifest.items() if name != "parts"}
    state = json.loads(json.dumps(contents.state))
    arrays = dict(contents.arrays)
    state = change(state, arrays) or state
    return pack({**told, **manifest}, state, arrays)

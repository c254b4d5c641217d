from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal

from benchmarks._frames import as_floats, find_repeats, folder, from_floats, read
from tests.metrics.mixed import mixed_table


def test_only_columns_of_nothing_but_dates_become_dates(tmp_path):
    text = "day,moment,code,word\n2020-01-31,2020-01-31 12:30,2020-01,a\n,2021-02-28 00:00,x, b\n"
    (tmp_path / "t.csv").write_text(text)
    frame = read(tmp_path / "t.csv")
    assert frame["day"].dt.day.iloc[0] == 31
    assert pd.isna(frame["day"].iloc[1])
    assert frame["moment"].dt.minute.tolist() == [30, 0]
    assert frame["code"].tolist() == ["2020-01", "x"]
    assert frame["word"].tolist() == ["a", "b"]


def test_a_relabelled_column_is_a_repeat_and_the_target_stays():
    frame = pd.DataFrame(
        {
            "alive": ["yes", "no", "yes", None] * 5,
            "class": [1, 2, 3, 1] * 5,
            "name": ["First", "Second", "Third", "First"] * 5,
            "coarse": ["up", "up", "down", "up"] * 5,
            "target": [1.0, 0.0, 1.0, np.nan] * 5,
        }
    )
    assert find_repeats(frame, "target") == {"alive": "target", "name": "class"}


def test_columns_without_ties_are_no_repeats_of_each_other():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(30, 2)), columns=["a", "b"])
    # A repeated row makes one tie in both.
    assert find_repeats(pd.concat([frame, frame[:1]]), "b") == {}


def test_a_folder_gives_tables_with_targets(tmp_path):
    table = mixed_table(200)
    table.to_csv(tmp_path / "plain.csv", index=False)
    (tmp_path / "deeper").mkdir()
    renamed = table.rename(columns={"grade": "species"})
    renamed.to_csv(tmp_path / "deeper" / "zipped.csv.gz", index=False)
    table[:10].to_csv(tmp_path / "short.csv", index=False)
    found = {one.name: one for one in folder(tmp_path)}
    assert list(found) == ["zipped", "plain"]
    assert found["zipped"].target == "species"
    assert found["plain"].target == "since"
    assert (found["plain"].frame["since"].isna() == table["since"].isna()).all()
    train, test = found["plain"].split(0)
    assert (len(train), len(test)) == (140, 60)
    assert [one.name for one in folder(tmp_path, only="plain")] == ["plain"]


def test_two_files_of_one_name_are_refused(tmp_path):
    for name in ("t.csv", "t.csv.gz"):
        mixed_table(60).to_csv(tmp_path / name, index=False)
    with pytest.raises(ValueError, match="rename one"):
        list(folder(tmp_path))


@pytest.mark.parametrize("name", ["height", "count", "since"])
def test_floats_give_the_column_back(name):
    column = mixed_table(50)[name]
    assert_series_equal(from_floats(as_floats(column), column), column)


def test_a_split_depends_on_its_seed_alone(tmp_path):
    mixed_table(100).to_csv(tmp_path / "t.csv", index=False)
    (table,) = folder(tmp_path)
    assert_frame_equal(table.split(3)[0], table.split(3)[0])
    assert not table.split(3)[0].equals(table.split(4)[0])

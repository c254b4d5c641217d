from __future__ import annotations

from benchmarks import _common, validity


def test_fits_are_made_once_and_summed_up_by_table_size_and_calibration(tmp_path, monkeypatch):
    made = []

    def run(table, n, calibration, seed, settings):
        made.append((table, n, calibration, seed))
        return [0.04 + 0.02 * seed, 0.5, 0.1 * seed, 0.2]

    monkeypatch.setattr(_common, "prepare", lambda threads: None)
    monkeypatch.setattr(validity, "run", run)
    for seeds in ("1", "2"):
        words = f"validity --tables mixed --sizes 30 100 --seeds {seeds} --epochs 3"
        monkeypatch.setattr(
            "sys.argv", [*words.split(), "--out", str(tmp_path), "--runs", str(tmp_path)]
        )
        validity.main()
    assert made == [
        ("mixed", n, calibration, seed)
        for seed in (0, 1)
        for n, calibration in ((30, "cross"), (100, "cross"), (100, "split"))
    ]
    lines = (tmp_path / "validity_table.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1:] == [
        f"mixed,{name},2,5.0 ± 1.0,1.4,50,0.05,0.20"
        for name in ("30,cross", "100,cross", "100,split")
    ]

"""The rule of the soak finds what grows, and nothing in what only moves."""

import os
from dataclasses import replace
from pathlib import Path

from tests.drills.samples import Sample, judge, sample


def series(
    memory_a_step: float = 0.0,
    handles_a_step: float = 0.0,
    wave_mib: float = 0.0,
    rows_a_step: int = 0,
) -> list[Sample]:
    return [
        Sample(
            at=10.0 * step,
            memory_mib=100.0 + memory_a_step * step + wave_mib * (step % 5),
            file_pages_mib=30.0,
            handles=24 + int(handles_a_step * step),
            tables=step,
            disk_mib=float(step),
            rows=1_000 + rows_a_step * step,
        )
        for step in range(100)
    ]


def test_a_sawtooth_of_buffers_is_no_growth_and_tables_are_no_handles() -> None:
    assert judge(series(wave_mib=16.0), None).problem == ""


def test_memory_that_grows_is_found() -> None:
    assert "memory grows by 22" in judge(series(memory_a_step=0.3), None).problem


def test_rows_of_state_may_take_memory_and_no_more_than_that() -> None:
    assert judge(series(memory_a_step=0.3, rows_a_step=120), None).problem == ""
    assert "with 8,880 rows" in judge(series(memory_a_step=0.4, rows_a_step=120), None).problem


def test_handles_that_grow_are_found() -> None:
    assert "open files grow by" in judge(series(handles_a_step=0.1), None).problem


def test_a_disk_over_its_bound_is_found_at_any_time() -> None:
    assert "its bound is 98" in judge(series(), 98.0).problem
    assert judge(series(), 99.0).problem == ""


def test_growth_within_the_warm_up_does_not_count() -> None:
    early = series(memory_a_step=2.0)[:25]
    later = [replace(item, memory_mib=150.0) for item in series()[25:]]
    assert judge([*early, *later], None).problem == ""


def test_too_few_samples_say_nothing() -> None:
    assert "let it run longer" in judge(series()[:10], None).problem


def test_an_open_table_is_counted_apart(tmp_path: Path) -> None:
    before = sample(os.getpid(), 0.0, tmp_path, 0)
    (tmp_path / "000005.ldb").write_bytes(bytes(10_000))
    with (tmp_path / "000005.ldb").open("rb"), (tmp_path / "other").open("wb"):
        after = sample(os.getpid(), 1.0, tmp_path, 0)
    assert after.tables == before.tables + 1
    assert after.handles == before.handles + 1
    assert after.disk_mib > before.disk_mib
    assert after.memory_mib > 0

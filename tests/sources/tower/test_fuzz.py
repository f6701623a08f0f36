"""Real files, damaged: a reading either gives a record or says what is wrong, and nothing else."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landsink.core.errors import LandsinkError
from landsink.sources.tower import open_tower

SAMPLES = (
    "flux/icos_format_samples/SE-Htm_fluxes_2015-01-01_CP_flag.txt",
    "flux/icos_format_samples/fluxnet_hh.csv",
    "flux/reddyproc_de_tha_98/Example_DETha98.txt",
    "flux/reference/oneflux/DE-Tha/DE-Tha_qca_nee_1998.csv.gz",
    "flux/reddyproc_de_geb/DEGebExample.csv.gz",
    "flux/bigleaf_fluxnet_months/AT_Neu_Jul_2010.csv",
    "flux/icos_format_samples/exampledata_ICOS-H2R-CSVZIP-10S_CH-Dav_BM_20230328_L02_F03.zip",
    "flux/icos_storage_fi_hyy/FI-Hyy_BM_20200531_profile.csv",
)
STRANGE = (
    b"abc",
    b"1e400",
    b"-inf",
    b"",
    b'"',
    b"12:99",
    b"999999999999",
    b"\xff\xfe",
    b"0x1F",
    b"1,5",
    b"true",
    b"2020-13-45",
)


def damaged(whole: bytes, kind: int, draw: np.random.Generator) -> bytes:
    lines = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    flipped = bytearray(whole)
    if kind == 0:  # cut
        return whole[: draw.integers(0, len(whole))]
    if kind == 1:  # the beginning lost
        return whole[draw.integers(0, len(whole)) :]
    if kind == 2:  # bytes flipped
        for at in draw.integers(0, len(whole), 20):
            flipped[at] = draw.integers(0, 256)
        return bytes(flipped)
    if kind == 3:  # a column lost in some rows
        column = draw.integers(0, 8)
        return b"\n".join(
            b",".join(cell for i, cell in enumerate(line.split(b",")) if i != column or draw.random() < 0.3)
            for line in lines
        )
    if kind == 4:  # rows shuffled, the header too
        draw.shuffle(lines)
        return b"\n".join(lines)
    if kind == 5:  # text among numbers
        for at in draw.integers(0, len(lines), 8):
            cells = lines[at].split(b",")
            cells[draw.integers(0, len(cells))] = STRANGE[draw.integers(0, len(STRANGE))]
            lines[at] = b",".join(cells)
        return b"\n".join(lines)
    if kind == 6:  # digits mistyped
        for at in draw.integers(0, len(whole), 200):
            if 48 <= flipped[at] <= 57:
                flipped[at] = draw.integers(48, 58)
        return bytes(flipped)
    if kind == 7:  # pasted twice
        return whole + whole
    if kind == 8:  # saved by a spreadsheet
        return whole.replace(b",", b";").replace(b".", b",")
    return whole.decode("latin-1").encode("utf-16")


@pytest.fixture(scope="module")
def whole(data) -> dict[str, bytes]:
    found = {}
    for path in SAMPLES:
        content = (data / path).read_bytes()
        found[Path(path).name.removesuffix(".gz")] = (
            gzip.decompress(content) if path.endswith(".gz") else content
        )[:8000]
    return found


@pytest.mark.parametrize("kind", range(10))
@pytest.mark.parametrize("sample", [Path(path).name.removesuffix(".gz") for path in SAMPLES])
def test_a_damaged_file_gives_a_record_or_a_statement(whole, tmp_path, sample, kind):
    draw = np.random.default_rng([kind, len(sample)])
    path = tmp_path / sample
    for _ in range(4):
        path.write_bytes(damaged(whole[sample], kind, draw))
        try:
            ds = open_tower(path)
        except LandsinkError as error:
            assert len(str(error)) > 20
        else:
            steps = np.unique(np.diff(ds["time"].values))
            assert steps.size == 1 and ds.sizes["time"] * steps[0] % np.timedelta64(
                86400, "s"
            ) == np.timedelta64(0, "s")
            assert all(np.isfinite(ds[name]).any() for name in ds.data_vars)


@settings(max_examples=150)
@given(
    content=st.one_of(
        st.binary(max_size=300),
        st.text(alphabet='TIMESTAMP_START,NE\n0123456789;.-\t\r"#', max_size=300).map(str.encode),
    )
)
def test_any_bytes_are_refused_with_a_statement(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    try:
        ds = open_tower(path)
    except LandsinkError as error:
        assert str(error)
    else:
        assert ds.sizes["time"] >= 24


@settings(max_examples=150)
@given(rows=st.lists(st.tuples(st.integers(0, 10**13), st.text(max_size=6)), min_size=1, max_size=30))
def test_any_stamps_and_cells_under_good_names(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "rows.csv"
    path.write_text(
        "TIMESTAMP_START,NEE\n" + "".join(f"{stamp},{cell}\n" for stamp, cell in rows), encoding="utf-8"
    )
    try:
        ds = open_tower(path)
    except LandsinkError as error:
        assert str(error)
    else:
        assert np.isfinite(ds["NEE"]).any()

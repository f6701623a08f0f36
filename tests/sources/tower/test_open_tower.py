"""Real files of towers open as records; values and times are those of the files."""

import gzip
import zipfile

import numpy as np
import pandas as pd
import pytest

from landsink.core.errors import DataError, UnknownName
from landsink.sources.tower import measured, open_tower
from landsink.stations.flux import clock, names

HTM = "flux/icos_format_samples/SE-Htm_fluxes_2015-01-01_CP_flag.txt"
FRU = (
    "flux/icos_format_samples/exampledata_EDDYPRO-FLUXNET-CSV-30MIN_2023_eddypro_CH-FRU_FR-20240228-000000"
    "_fluxnet_MERGED_adv.csv"
)
CHA = (
    "flux/icos_format_samples/exampledata_FLUXNET-FULLSET-HH-CSV-30MIN_FLX_CH-Cha_FLUXNET2015_FULLSET_HH"
    "_2005-2020_beta-3.csv"
)
DAV = "flux/icos_format_samples/exampledata_ICOS-H2R-CSVZIP-10S_CH-Dav_BM_20230328_L02_F03.zip"
THA = "flux/reddyproc_de_tha_98/Example_DETha98.txt"
EDITION, MONTHS, QCT = "flux/fluxnet2015", "flux/bigleaf_fluxnet_months", "flux/reference/oneflux/DE-Tha"
HOURLY = "flux/reddyproc_de_tha_98/Example_DE-Tha.1996.1998.hourly_selVars.nc"
HYY = "flux/icos_storage_fi_hyy/FI-Hyy_BM_20200531_profile.csv"
QCA = "flux/reference/oneflux/DE-Geb"
ARC = "flux/oneflux_ustar_cp_us_arc/US_ARc_sample/05_ustar_cp/input"
# path, format, site, steps, seconds, first, variables that it must give
FILES = [
    (f"{EDITION}/DE-Tha_hh_utc.parquet", "FLUXNET2015", "DE-Tha", 333120, 1800, "1996-01-01", "NEE NEE_QC TA VPD"),
    (f"{EDITION}/DE-Geb_hh_utc.parquet", "FLUXNET2015", "DE-Geb", 245424, 1800, "2001-01-01", "NEE SW_IN"),
    (f"{EDITION}/CH-Dav_hh_utc.parquet", "FLUXNET2015", "CH-Dav", 315552, 1800, "1997-01-01", "NEE SW_IN_QC"),
    (HTM, "ICOS ecosystem csv", "SE-Htm", 48, 1800, "2015-01-01", "FC NEE H LE USTAR"),
    (FRU, "EddyPro FLUXNET output", "CH-FRU", 96, 1800, "2023-03-12", "FC SC H LE FC_SSITC_TEST PA SW_IN"),
    (CHA, "FLUXNET2015 FULLSET", "CH-Cha", 144, 1800, "2005-01-01", "NEE NEE_QC LE H TA SW_IN_POT"),
    ("flux/icos_format_samples/fluxnet_hh.csv", "FLUXNET", "", 48, 1800, "2018-01-01", "NEE TA TA_QC VPD P"),
    (DAV, "Logger table", "CH-Dav", 48, 1800, "2023-03-28", "SW_IN SW_OUT LW_IN LW_OUT"),
    (HYY, "FLUXNET", "FI-Hyy", 48, 1800, "2020-05-31", "TA RH PA VPD"),
    (THA, "REddyProc table", "", 17520, 1800, "1998-01-01", "NEE LE H SW_IN TA TS RH VPD USTAR"),
    ("flux/reddyproc_de_tha_98/Example_DETha98_lf.txt", "REddyProc table", "", 17520, 1800, "1998-01-01", "NEE"),
    (HOURLY, "European flux database netCDF", "DE-Tha", 52608, 1800, "1996-01-01", "NEE TA RH VPD SW_IN"),
    ("flux/icos_format_samples/sites_delimiter.csv", "Logger table", "", 48, 3600, "2014-12-31", "TA WS WD"),
    ("flux/reddyproc_de_geb/DEGebExample.csv.gz", "REddyProc table", "", 52608, 1800, "2004-01-01", "NEE USTAR VPD"),
    (f"{MONTHS}/AT_Neu_Jul_2010.csv", "REddyProc table", "AT-Neu", 1488, 1800, "2010-07-01", "NEE NEE_QC G"),
    (f"{MONTHS}/DE_Tha_Jun_2014.csv", "REddyProc table", "DE-Tha", 1440, 1800, "2014-06-01", "H LE NETRAD"),
    (f"{MONTHS}/FR_Pue_May_2012.csv", "REddyProc table", "FR-Pue", 1488, 1800, "2012-05-01", "H LE PA"),
    (f"{QCA}/DE-Geb_qca_nee_2004.csv.gz", "ONEFlux quality", "DE-Geb", 17568, 1800, "2004-01-01", "NEE SW_IN_POT"),
    (f"{QCT}/DE-Tha_qca_nee_1998.csv.gz", "ONEFlux quality", "DE-Tha", 17520, 1800, "1998-01-01", "NEE"),
    (f"{ARC}/US-ARc_qca_ustar_2005.csv", "ONEFlux quality", "US-ARc", 17520, 1800, "2005-01-01", "NEE USTAR PPFD_IN"),
    (f"{QCT}/DE-Tha_energy_hh.csv.gz", "FLUXNET", "DE-Tha", 17520, 1800, "1998-01-01", "LE LE_QC H H_QC"),
]  # fmt: skip


@pytest.mark.parametrize("row", FILES, ids=[row[0].rsplit("/", 1)[1][-40:] for row in FILES])
def test_a_real_file_opens_as_a_record_of_whole_days(data, row):
    path, product, site, steps, seconds, first, variables = row
    ds = open_tower(data / path)
    assert ds.attrs["source"].startswith(product) and ds.attrs["site"] == site
    assert ds.sizes == {"time": steps} and clock.step_seconds(ds) == seconds
    assert ds["time"].values[0] == np.datetime64(first) and steps % (86400 // seconds) == 0
    assert set(variables.split()) <= set(ds.data_vars)
    assert all(isinstance(note, str) for note in ds.attrs["notes"])
    for name in ds.data_vars:
        assert ds[name].dtype == np.float64 and np.isfinite(ds[name]).any(), name
        if name in names.UNITS:
            assert ds[name].attrs["units"] == names.UNITS[name].unit, name


@pytest.mark.parametrize("row", FILES, ids=[row[0].rsplit("/", 1)[1][-40:] for row in FILES])
def test_most_values_of_real_files_are_in_the_range_of_the_unit(data, row):
    if row[0].endswith("/fluxnet_hh.csv"):
        pytest.skip("a sample whose numbers were altered by its makers")
    ds = open_tower(data / row[0])
    for name in set(map(str, ds.data_vars)) & set(names.UNITS):
        known = ds[name].values[np.isfinite(ds[name].values)]
        low, high = names.UNITS[name].low, names.UNITS[name].high
        assert ((known >= low) & (known <= high)).mean() > 0.9, name


def test_the_places_that_files_and_tables_beside_them_know(data):
    ds = open_tower(data / "flux/fluxnet2015", "DE-Tha")
    assert clock.place(ds) == pytest.approx((50.962, 13.567, 1.0), abs=2e-3)
    assert ds.attrs["licence"] == "CC-BY-4.0" and "Pastorello" in ds.attrs["citation"]
    assert clock.place(open_tower(data / f"{ARC}/US-ARc_qca_ustar_2005.csv")) == (35.5465, -98.0401, -6.0)
    htm = open_tower(data / HTM)
    assert htm.attrs["utc_offset"] == 1.0 and "latitude" not in htm.attrs
    with pytest.raises(DataError, match="latitude, longitude"):
        clock.place(htm)
    assert clock.place(open_tower(data / HTM, latitude=56.1, longitude=13.4))[0] == 56.1


def test_noon_of_the_utc_edition_is_noon_of_the_sun(data):
    ds = open_tower(data / "flux/fluxnet2015/DE-Tha_hh_utc.parquet").sel(time=slice("2003", "2006"))
    sun = clock.potential_radiation(ds)
    # Sunlight at the surface never exceeds that above the air by much, if the clock is right.
    high = ds["SW_IN"].values > sun + 20
    assert high.mean() < 0.005
    shifted = ds["SW_IN"].values > np.roll(sun, 2) + 20
    assert shifted.mean() > 5 * high.mean()


def test_old_line_ends_and_plain_ones_say_the_same(data):
    old, plain = open_tower(data / THA), open_tower(data / THA.replace(".txt", "_lf.txt"))
    assert old.equals(plain)
    assert any("carriage returns" in note for note in old.attrs["notes"])


def test_values_of_three_editions_of_one_year_agree(data):
    text = open_tower(data / THA, "DE-Tha")
    qca = open_tower(data / "flux/reference/oneflux/DE-Tha/DE-Tha_qca_nee_1998.csv.gz")
    official = measured(open_tower(data / "flux/fluxnet2015/DE-Tha_hh_utc.parquet")).sel(time=text["time"])
    np.testing.assert_array_equal(text["time"], qca["time"])
    np.testing.assert_allclose(text["TA"], qca["TA"], atol=1e-9)
    both = np.isfinite(text["NEE"].values) & np.isfinite(official["NEE"].values)
    assert both.sum() > 5000
    assert np.corrcoef(text["NEE"].values[both], official["NEE"].values[both])[0, 1] > 0.999
    later = np.roll(official["NEE"].values, 1)
    known = both & np.isfinite(later)
    assert np.corrcoef(text["NEE"].values[known], later[known])[0, 1] < 0.99


def test_the_end_stamped_ecosystem_csv_starts_at_midnight(data):
    ds = open_tower(data / HTM, also=["qc_H_1_1_1"])
    assert float(ds["H"][0]) == -6.56414 and np.isnan(ds["H"][1]) and float(ds["LE"][-1]) == 11.9376
    assert set(np.unique(ds["qc_H_1_1_1"])) >= {0.0, 9.0}


def test_years_of_a_site_in_a_folder_follow_each_other(data):
    ds = open_tower(data / ARC)
    assert ds.sizes["time"] == 2 * 17520 and ds.attrs["site"] == "US-ARc"
    one = open_tower(data / f"{ARC}/US-ARc_qca_ustar_2006.csv")
    assert ds.sel(time="2006").equals(one)


def test_a_folder_with_several_sites_asks_which(data):
    with pytest.raises(DataError, match="Files of 3 sites: CH-Dav, DE-Geb, DE-Tha"):
        open_tower(data / "flux/fluxnet2015")
    with pytest.raises(UnknownName, match=r"Near: DE-Tha"):
        open_tower(data / "flux/fluxnet2015", "DE-Tah")


def test_a_clock_of_days_needs_a_year(data):
    path = data / "flux/hesseflux_test/test_gapfill.csv"
    with pytest.raises(DataError, match="Give year="):
        open_tower(path)
    assert open_tower(path, year=1998).equals(open_tower(data / THA))


def test_an_archive_joins_products_and_reads_its_site_table(data, tmp_path):
    lines = (data / CHA).read_text().splitlines()
    stamps = [line.split(",")[0:2] for line in lines[1:]]
    fluxes = "TIMESTAMP_START,TIMESTAMP_END,FC,NEE,FC_SSITC_TEST\n" + "".join(
        f"{start},{end},{i / 10},-5,{i % 3}\n" for i, (start, end) in enumerate(stamps)
    )
    info = (
        "SITE_ID,GROUP_ID,VARIABLE,DATAVALUE\nCH-Cha,1,LOCATION_LAT,47.2102\nCH-Cha,1,LOCATION_LONG,8.4104\n"
    )
    archive = tmp_path / "ICOSETC_CH-Cha_ARCHIVE_L2.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("ICOSETC_CH-Cha_FLUXNET_HH_L2.csv", "\ufeff" + "\n".join(lines))
        out.writestr("ICOSETC_CH-Cha_FLUXES_L2.csv", fluxes)
        out.writestr("ICOSETC_CH-Cha_FLUXNET_DD_L2.csv", "TIMESTAMP,NEE_VUT_REF\n20050101,1.0\n")
        out.writestr("ICOSETC_CH-Cha_VARINFO_FLUXNET_HH_L2.csv", "VARIABLE,HEIGHT\nTA,2\n")
        out.writestr("ICOSETC_CH-Cha_SITEINFO_L2.csv", info + "CH-Cha,2,UTC_OFFSET,1\n")
    ds = open_tower(archive)
    assert clock.place(ds) == (47.2102, 8.4104, 1.0)
    assert ds["NEE"].equals(open_tower(data / CHA)["NEE"])  # not the -5 of FLUXES
    assert float(ds["FC"][1]) == 0.1 and float(ds["FC_SSITC_TEST"][2]) == 2.0
    assert any("From ICOS ETC L2 FLUXES: FC, FC_SSITC_TEST" in note for note in ds.attrs["notes"])


def test_broken_archives_and_strange_paths_are_said(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"x" * 1000)[:30])
    (tmp_path / "c.csv").write_bytes(b"")
    (tmp_path / "d.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "f.nc").write_bytes(b"CDF\x01 and no more")
    for name in ("a.zip", "b.csv.gz", "c.csv", "d.parquet", "e.csv", "f.nc"):
        with pytest.raises(DataError):
            open_tower(tmp_path / name)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="nothing here is a table"):
        open_tower(tmp_path / "none")


def test_unknown_further_columns_and_places_out_of_range(data):
    with pytest.raises(DataError, match="Near: qc_H_1_1_1"):
        open_tower(data / HTM, also=["qc_H"])
    with pytest.raises(DataError, match="longitude = 999"):
        open_tower(data / HTM, longitude=999)


def test_the_user_may_say_which_side_a_stamp_marks(data):
    path = data / "flux/reddyproc_de_geb/DEGebExample.csv.gz"
    end, start = open_tower(path), open_tower(path, side="start")
    assert (start["TA"].values[1:100] == end["TA"].values[:99]).all() and np.isnan(start["TA"].values[0])


def test_the_netcdf_of_three_years_holds_the_text_of_one(data):
    ds = open_tower(data / HOURLY)
    assert clock.place(ds) == pytest.approx((50.9636, 13.5669, 1.0))
    text = open_tower(data / THA)
    np.testing.assert_allclose(
        ds["TA"].sel(time=text["time"]), text["TA"], atol=0.06
    )  # the text is rounded to 0.1


def test_measured_leaves_out_what_was_filled(data):
    ds = open_tower(data / "flux/fluxnet2015/DE-Geb_hh_utc.parquet")
    kept = measured(ds)
    flag = ds["NEE_QC"].values
    assert np.isnan(kept["NEE"].values[flag > 0]).all()
    np.testing.assert_array_equal(kept["NEE"].values[flag == 0], ds["NEE"].values[flag == 0])
    assert kept["GPP_NT_VUT_REF"].equals(ds["GPP_NT_VUT_REF"])
    raw = pd.read_parquet(data / "flux/fluxnet2015/DE-Geb_hh_utc.parquet")
    assert np.isfinite(kept["NEE"]).sum() == (raw["nee_qc"].round() == 0).sum()

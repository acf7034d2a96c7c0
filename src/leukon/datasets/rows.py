"""The rows of a manifest's file: CSV or Parquet, by its suffix."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from leukon.errors import ManifestError, MissingExtraError
from leukon.storage import write_bytes, write_text

Rows = Iterator[tuple[str, dict[str, str]]]


def read_rows(path: Path, columns: Mapping[str, str], *, needed: Sequence[str]) -> Rows:
    """Read where each row lies, for messages, and its texts by column.

    Parameters
    ----------
    path : Path
    columns : mapping of str to str
        The names that columns may have, in lower case, to those that they get; others are ignored.
    needed : sequence of str
        Names without which a file is no manifest.

    Raises
    ------
    ManifestError
        If the file cannot be read, or lacks a column or has one twice.
    MissingExtraError
        If it is a Parquet file and pyarrow is not installed.
    """
    if path.suffix.lower() == ".parquet":
        return _parquet_rows(path, columns, needed)
    if path.suffix.lower() == ".csv":
        return _csv_rows(path, columns, needed)
    raise ManifestError(f"{path} is no manifest: give a .csv or .parquet file or a folder")


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str | float]]) -> None:
    """Write `columns` of `rows`; in Parquet empty texts become nulls.

    Raises
    ------
    ManifestError
        If the suffix is neither ``.csv`` nor ``.parquet``.
    MissingExtraError
        If it is ``.parquet`` and pyarrow is not installed.
    """
    if path.suffix.lower() == ".csv":
        text = StringIO(newline="")
        writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(path, text.getvalue())
    elif path.suffix.lower() == ".parquet":
        arrow, parquet = _pyarrow()
        table = {name: [row[name] if row[name] != "" else None for row in rows] for name in columns}
        stream = BytesIO()
        parquet.write_table(arrow.table(table), stream)
        write_bytes(path, stream.getvalue())
    else:
        raise ManifestError(f"cannot write the manifest {path}: choose a name that ends in .csv or .parquet")


def _csv_rows(path: Path, columns: Mapping[str, str], needed: Sequence[str]) -> Rows:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"cannot read {path}: {error}; save it as CSV in UTF-8") from error
    reader = csv.DictReader(StringIO(text, newline=""), strict=True)
    try:
        names = _known(reader.fieldnames or (), path, columns, needed)
        for row in reader:
            where = f"{path} line {reader.line_num}"
            if None in row or None in row.values():
                raise ManifestError(f"{where}: it has not {len(names)} fields as the header has; correct it")
            yield where, {names[column]: value.strip() for column, value in row.items() if column in names}
    except csv.Error as error:
        raise ManifestError(f"{path} line {reader.line_num}: {error}; save it as CSV in UTF-8") from error


def _parquet_rows(path: Path, columns: Mapping[str, str], needed: Sequence[str]) -> Rows:
    _, parquet = _pyarrow()
    try:
        table = parquet.read_table(path)
    except (OSError, ValueError) as error:  # pyarrow's errors derive from these
        raise ManifestError(f"cannot read {path}: {error}; write it again as Parquet") from error
    names = _known(table.column_names, path, columns, needed)
    for number, row in enumerate(table.to_pylist(), start=1):
        known = {names[column]: value for column, value in row.items() if column in names}
        yield f"{path} row {number}", {n: "" if v is None else str(v) for n, v in known.items()}


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("reading and writing Parquet manifests", "data") from error
    return pyarrow, pyarrow.parquet


def _known(
    header: Iterable[str], path: Path, columns: Mapping[str, str], needed: Sequence[str]
) -> dict[str, str]:
    """Map the columns that are known, under whichever alias, to their names."""
    header = list(header)
    known = {c: columns[c.strip().lower()] for c in header if c.strip().lower() in columns}
    twice = [name for name, count in Counter(known.values()).items() if count > 1]
    missing = [name for name in needed if name not in known.values()]
    if missing:
        have = ", ".join(header) or "none"
        raise ManifestError(f"{path} lacks the column {' and '.join(missing)}; it has {have}")
    if twice or len(set(header)) < len(header):
        raise ManifestError(f"{path} has two columns for {', '.join(twice) or 'one name'}; keep one")
    return known

"""``leukon cost`` from end to end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import leukon.cli

Command = Callable[..., tuple[int, str, str]]
KEYS = {"model", "params", "flops", "activations", "conv2d", "time_ms", "memory_mb", "device"}


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run ``leukon`` in this process; return its exit code and what it printed on both streams."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["leukon", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            leukon.cli.main()
        return int(stopped.value.code or 0), *capsys.readouterr()

    return run


def test_json_of_counts(command: Command) -> None:
    code, out, _ = command("cost", "resnet50", "densenet121", "--no-time", "--json")
    assert code == 0
    resnet, densenet = json.loads(out)
    assert set(resnet) == KEYS
    assert resnet["model"] == "resnet50"
    assert (resnet["params"], resnet["conv2d"]) == (23_538_767, 53)
    assert round(resnet["flops"] / 1e9, 3) == 4.119
    assert round(densenet["activations"] / 1e6, 3) == 6.899
    assert resnet["time_ms"] is None


def test_time_memory_and_a_plot(command: Command, tmp_path: Path) -> None:
    models = "timm:test_resnet", "timm:test_vit"
    scores = tmp_path / "scores.csv"
    scores.write_text("model,accuracy\ntimm:test_resnet,0.91\ntimm:test_vit,0.875\n")
    plot = tmp_path / "cost.svg"
    code, out, err = command(
        "cost", *models, "--size", "160", "--repeats", "1", "--json", "--scores", scores, "--plot", plot
    )
    assert code == 0
    rows = [row for row in json.loads(out) if row["device"] == "cpu"]
    assert [row["model"] for row in rows] == list(models)
    assert all(row["time_ms"] > 0 and row["memory_mb"] > 4 * row["params"] / 2**20 for row in rows)
    assert plot.read_text().startswith("<?xml")
    assert f"Wrote {plot}" in err
    code, out, _ = command("cost", models[0], "--no-time", "--scores", scores, "--plot", tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "timm:test_resnet" in out


def test_wrong_input_is_told_in_one_line(command: Command, tmp_path: Path) -> None:
    scores = tmp_path / "scores.json"
    scores.write_text('{"resnet18": 93}')
    for arguments, message in (
        (("resnet5",), "did you mean 'resnet50'?"),
        (("resnext_cc:fuse=none",), "unknown option of resnext_cc 'fuse'"),
        (("inception_v3", "--size", "32", "--no-time"), "inception_v3 cannot read images of 32 px"),
        (("resnet18", "--plot", "a.svg"), "--plot a.svg needs --scores FILE"),
        (("resnet18", "--scores", scores), "holds resnet18 93.0: accuracies are shares"),
        (("resnet18", "--scores", tmp_path / "no.csv"), "cannot read accuracies from"),
    ):
        code, out, err = command("cost", *arguments)
        assert (code, out) == (2, "")
        assert message in err
        assert err.count("\n") == 1

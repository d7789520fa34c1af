# The two commands that matter are `make demo` and `make test`.
SWIFT ?= swift
PREFIX ?= /usr/local
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: help demo test soak build lint format install dependencies test-dependencies interop web web-page web-same

help:
	@echo "make demo      plays the whole story with 41 invented coworkers over real HTTP"
	@echo "make web       makes the page that verifies petitions in a browser, one file"
	@echo "make test      checks the format, builds with warnings as errors, runs every test"
	@echo "make soak      breaks a running service again and again for MINUTES (10), docs/reliability.md"
	@echo "make install   builds for use and installs to $(PREFIX) (PREFIX=... changes that)"
	@echo "make format    formats the sources"

# The three C libraries, and what fetches and packs the page, on Debian and its relatives; elsewhere a clear word.
dependencies:
	@if ! pkg-config --exists libsodium sqlite3 libqrencode 2>/dev/null || ! { command -v curl && command -v gzip; } >/dev/null; then \
	  if command -v apt-get >/dev/null; then \
	    echo "installing libsodium-dev, libsqlite3-dev, libqrencode-dev, pkg-config, curl and gzip"; \
	    $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq libsodium-dev libsqlite3-dev libqrencode-dev \
	      pkg-config curl ca-certificates gzip >/dev/null; \
	  else echo "install the development files of libsodium, SQLite and libqrencode, and pkg-config, curl and gzip, first" >&2; \
	    exit 1; fi; \
	fi

# What only the tests need: two browsers with fonts for both languages, a scanner of QR codes, an HTTP client, Tor, certificates,
# a PostgreSQL server, valgrind, which follows secrets through the prover, and the editors and the pager that people have.
TEST_COMMANDS := chromium firefox-esr zbarimg curl tor openssl cc valgrind strip setpriv pgrep setsid vim nano less
TEST_PACKAGES := chromium firefox-esr fontconfig fonts-noto-cjk fonts-dejavu-core zbar-tools curl tor openssl gcc binutils \
  libc6-dev libc6-dbg valgrind postgresql libpq-dev util-linux procps vim nano less
test-dependencies: dependencies
	@missing=; \
	for command in $(TEST_COMMANDS); do command -v $$command >/dev/null || missing="$$missing $$command"; done; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$$missing postgresql"; \
	test -e /usr/include/postgresql/libpq-fe.h || missing="$$missing libpq-fe.h"; \
	fc-list 2>/dev/null | grep -q CJK || missing="$$missing a-CJK-font"; \
	test -z "$$missing" || if command -v apt-get >/dev/null; then \
	  echo "installing for the tests:$$missing"; \
	  $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends $(TEST_PACKAGES) >/dev/null; \
	else echo "install these first, the tests use them:$$missing" >&2; exit 1; fi

# A witness, a log client and more that others wrote, from PyPI, at the versions that were looked at. Some ask for a newer
# Python than Debian 12 has, and run on it all the same.
INTEROP := .build/interop
interop: $(INTEROP)/done-3

$(INTEROP)/done-3:
	@if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then \
	  if command -v apt-get >/dev/null; then \
	    echo "installing python3-venv for the tests"; \
	    $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq python3 python3-venv >/dev/null; \
	  else echo "install Python 3 with venv first: the tests use it" >&2; exit 1; fi; \
	fi
	@python3 -m venv $(INTEROP)
	@$(INTEROP)/bin/pip install --quiet --disable-pip-version-check --ignore-requires-python \
	  aics-witness==0.1.0 aics-tlog==0.2.1 prometheus-client==0.26.0 schemathesis==4.32.5 brotli==1.2.1
	@touch $@

# The page that verifies in a browser, $(PAGE): one file. What has not changed since the last time is kept.
WEB := .build/web
WEB_MODULES := $(addprefix Sources/,ScalarClasses Sodium Ristretto MembershipProofs TransparencyLog Petitions CoSigning)
PAGE := $(WEB)/roundrobin.html
WEB_SOURCES := Scripts/web.sh Scripts/web-libsodium.sh Scripts/web-module.sh \
  $(shell find $(WEB_MODULES) Sources/CLanes/include Sources/CLanes/detect.c Sources/CWeb Sources/Web Sources/web-page \
    Sources/Presentation/Verdict Sources/Templates web templates/messages -type f)
LIBSODIUM := $(WEB)/libsodium/source.tar.gz
web: $(PAGE)
	@sha256sum $(PAGE)

$(PAGE): $(WEB_SOURCES) | web-page $(LIBSODIUM)
	SWIFTC="$(SWIFT)c" Scripts/web.sh $(WEB) "$$($(SWIFT) build --show-bin-path)/web-page"

# Puts the file together.
web-page: dependencies
	$(SWIFT) build --product web-page

$(LIBSODIUM): Scripts/web-libsodium.sh
	@for command in curl gzip; do \
	  command -v $$command >/dev/null || { echo "install $$command first: the page needs it" >&2; exit 1; }; done
	Scripts/web-libsodium.sh $(@D) fetch

# The same from a copy of the sources in another directory must be the same bytes. `make --jobs=2 web-same` makes both
# at once, in two or three minutes.
AGAIN := $(WEB)/again/roundrobin.html
web-same: $(PAGE) $(AGAIN)
	cmp $(PAGE) $(AGAIN)

$(AGAIN): $(WEB_SOURCES) | web-page $(LIBSODIUM)
	@rm -rf $(@D) && mkdir -p $(@D)/copy $(@D)/libsodium
	@cp -R Sources Scripts templates web $(@D)/copy/
	@cp $(LIBSODIUM) $(@D)/libsodium/
	SWIFTC="$(SWIFT)c" $(@D)/copy/Scripts/web.sh $(@D) "$$($(SWIFT) build --show-bin-path)/web-page"
	@rm -rf $(@D)/copy $(@D)/libsodium $(@D)/module

build: dependencies
	$(SWIFT) build --product roundrobin

# It ends with a page that verifies its petition in a browser, if that can be made here: its source of libsodium comes
# over the network.
demo: dependencies
	@$(MAKE) $(PAGE) || echo "the demo goes on without the page for browsers" >&2
	$(SWIFT) build --product roundrobin-demo
	@"$$($(SWIFT) build --show-bin-path)/roundrobin-demo"

lint:
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources Fuzz/Package.swift Fuzz/Sources

format:
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources Fuzz/Package.swift Fuzz/Sources

# HTTPClient leaves a timer of a minute behind for each connection, and cancelling one looks through all of its loop:
# with many loops each has few.
test: export ROUNDROBIN_STRICT = 1
test: test-dependencies interop lint
	$(MAKE) --jobs=2 web-same
	$(SWIFT) build --build-tests
	NIO_SINGLETON_GROUP_LOOP_COUNT=16 $(SWIFT) test --skip-build

# How long, and on what: MINUTES=60 SOAK="--engine sqlite --kills-only --record kills.tsv"
MINUTES ?= 10
soak: test-dependencies
	$(SWIFT) build --product soak
	@"$$($(SWIFT) build --show-bin-path)/soak" --minutes $(MINUTES) $(SOAK)

install: dependencies $(PAGE)
	$(SWIFT) build -c release --product roundrobin
	$(SWIFT) build -c release --product roundrobin-service
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/roundrobin
	for program in roundrobin roundrobin-service; do \
	  install -s -m 755 "$$($(SWIFT) build -c release --show-bin-path)/$$program" $(DESTDIR)$(PREFIX)/bin/ || exit 1; done
	install -m 644 $(PAGE) $(DESTDIR)$(PREFIX)/share/roundrobin/
	cp -R templates $(DESTDIR)$(PREFIX)/share/roundrobin/

# Build, install and test integration_defaults with PGXS.

EXTENSION = integration_defaults
EXTVERSION = 1.1
MODULE_big = $(EXTENSION)

# The rooms, in the order in which each may use those before it.
ROOMS = core postgres store secrets jsonschema catalog hierarchy tracking inheritance settings resolve cascade history shards
OBJS = $(patsubst %.cpp,%.o,$(sort $(wildcard src/*.cpp $(ROOMS:%=src/%/*.cpp) $(ROOMS:%=src/%/*/*.cpp))))

# The install script is the declarations of all rooms, joined in that order.
SQL_PARTS = src/install_begin.sql $(foreach room,$(ROOMS),$(sort $(wildcard src/$(room)/*.sql))) src/install_end.sql
# Versions that were released, and the way from each to the next: frozen. The way to this one is still written.
DATA = $(filter-out upgrade/$(EXTENSION)--$(EXTVERSION).sql,$(sort $(wildcard upgrade/$(EXTENSION)--*.sql)))
UPGRADE = $(wildcard upgrade/$(EXTENSION)--*--$(EXTVERSION).sql.in)
DATA_built = $(EXTENSION)--$(EXTVERSION).sql $(UPGRADE:upgrade/%.in=%)

REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
ISOLATION = $(patsubst test/isolation/specs/%.spec,%,$(sort $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation
EXTRA_CLEAN = $(EXTENSION)--*.sql $(OBJS:.o=.d) src/catalog/gitlab_catalog.inc

# A warning of a newer compiler must not keep anybody from building; ./dev sets WERROR, so that none comes in.
WERROR =
PG_CPPFLAGS = -I$(srcdir)/src
PG_CXXFLAGS = -std=c++17 -Wall -Wextra -Wshadow $(WERROR) -Wno-register -Wno-unused-parameter -MMD -MP
SHLIB_LINK = -lstdc++ -lcrypto -Wl,--version-script=$(srcdir)/src/exports.map

PG_CONFIG ?= pg_config
# No bitcode: there is nothing to inline, and PG_CXXFLAGS does not reach that compiler.
override with_llvm := no
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

ifeq ($(filter 15 16 17 18,$(MAJORVERSION)),)
$(error integration_defaults supports PostgreSQL 15 to 18, this is $(MAJORVERSION))
endif

$(EXTENSION)--$(EXTVERSION).sql: $(SQL_PARTS) Makefile
	cat $(SQL_PARTS) > $@

# In the script of an upgrade, "@include FILE" stands for a part that is new, whole.
$(EXTENSION)--%.sql: upgrade/$(EXTENSION)--%.sql.in $(SQL_PARTS)
	awk '$$1 != "@include" { print; next } { while ((got = (getline line < $$2)) > 0) print line; close($$2) } \
	     got < 0 { print FILENAME ": no " $$2 | "cat >&2"; failed = 1; exit } END { exit failed }' $< > $@.part && mv $@.part $@

.PHONY: scripts
scripts: $(DATA_built)

# status() tells the version of a module that is loaded and, on 18 and later, the server.
src/module.o src/cascade/status.o: Makefile
src/module.o src/cascade/status.o: override CPPFLAGS += -DMODULE_VERSION='"$(EXTVERSION)"'

# The catalogue of types is linked in as a string literal.
src/catalog/gitlab_catalog.inc: src/catalog/gitlab_catalog.json
	(printf 'R"json('; cat $<; printf ')json"') > $@
src/catalog/load_catalog.o: src/catalog/gitlab_catalog.inc

# The archive for PGXN, of what is committed: build/NAME-X.Y.Z.zip, as META.json calls it; says the file's name.
DIST = $(EXTENSION)-$(shell sed -n '/"version"/{s/.*: "\(.*\)".*/\1/p;q}' $(srcdir)/META.json)
.PHONY: dist
dist:
	@mkdir -p build
	@git archive --format=zip --prefix=$(DIST)/ -o build/$(DIST).zip HEAD
	@echo $(DIST).zip

# Speed, side by side with other ways, on a server of its own: writes bench/RESULTS.md.
.PHONY: bench
bench:
	PG_CONFIG=$(shell command -v $(PG_CONFIG)) ./dev bench

-include $(OBJS:.o=.d)

# The one Makefile. `make` builds build/swarmbox, `make test` all that a release must pass,
# `make unit-ROOM` one room with only what stands below it. Everything lands in build/.
#
# Two variants of our own code: `release` (musl, static) and `san` (the host's libc, ASan, UBSan).
# Sources are found by name: main.c, applets/*.c, core/ROOM/*.c, test/unit/ROOM/*.c. A room is one
# archive a variant, and a test links the archives its room may reach, so that a room which does
# not compile at the moment stops nobody below or beside it.

VERSION := 0.1.0
BUILD := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
ARCH ?= x86_64
PREFIX ?= /usr/local

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc) --no-print-directory
endif
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all
say = @printf '%-7s%s\n' '$1' '$2';

# --- flags -------------------------------------------------------------------------------------

WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wvla -Wundef -Wwrite-strings -Wstrict-prototypes \
	-Wmissing-prototypes -Wimplicit-fallthrough -Wconversion -Wno-sign-conversion -Werror
# -ffile-prefix-map: no path of the building machine in the binary
OURS := -std=gnu17 -D_GNU_SOURCE -g -fstack-protector-strong -ffile-prefix-map=$(CURDIR)=. \
	$(WARN) -Icore -I. -MMD -MP
CFLAGS_release := $(OURS) -O2 -fPIE -ffunction-sections -fdata-sections \
	-fno-asynchronous-unwind-tables -fno-unwind-tables
CFLAGS_san := $(OURS) -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all -isystem build/vendor/san/include
# A static PIE on riscv64 keeps relocations that musl's start-up does not know.
PIE := $(if $(filter riscv64,$(ARCH)),-static,-static-pie)
# Relative relocations packed as a bitmap (DT_RELR, which musl's start-up applies): 150 KB less.
PACKED := $(if $(filter x86_64,$(ARCH)),-z pack-relative-relocs)
# the sanitized variant that also says where it goes, for fuzzers that have minutes
CFLAGS_cov := $(CFLAGS_san) -fsanitize-coverage=trace-pc
LDFLAGS_release := $(PIE) $(PACKED) -Wl,--no-dynamic-linker,-z,text,-z,relro,-z,now,-z,noexecstack,--gc-sections
LDFLAGS_san := -fsanitize=address,undefined -Lbuild/vendor/san/lib

# Numbers that cross the wire are converted in these files, and nowhere silently.
CODECS := core/raft/raft_msg.c core/rpc/frame.c
# The version is known to one file, so that a new one recompiles one file.
VERSION_FILE := $(firstword $(wildcard core/base/version.c) main.c)
# What waits for a person, a disk or a kernel, or says each thing once, is compiled for size: 150 KB less, and no request that takes longer. What
# every entry, frame and container passes through is not.
SMALL := $(addsuffix /%,applets $(addprefix core/,agent api client compose depot image manager model net node pki volume))
extra = $(if $(filter $1,$(CODECS)),-Wsign-conversion) \
	$(if $(filter release,$2),$(if $(filter $(SMALL),$1),-Os)) \
	$(if $(filter $1,$(VERSION_FILE)),-DSWARMBOX_VERSION='"$(VERSION)"' -DSWARMBOX_BUILD='"$(BUILD)"')

# --- the two variants --------------------------------------------------------------------------

suffix := $(if $(filter-out x86_64,$(ARCH)),-$(ARCH))
release := build/obj/release$(suffix)
san := build/obj/san
cov := build/obj/cov
CC_release := build/vendor/$(ARCH)/bin/cc
CC_san := gcc
CC_cov := gcc
AR_release := build/vendor/$(ARCH)/bin/ar
AR_san := ar
AR_cov := ar

LIBRARIES := sqlite mbedtls yyjson zstd zlib yaml llhttp curl
LDLIBS := -lsqlite3 -lcurl -lmbedtls -lyyjson -lzstd -lz -lyaml -lllhttp -lpthread
vendor_release := $(LIBRARIES:%=build/vendor/$(ARCH)/%.done)
vendor_san := $(LIBRARIES:%=build/vendor/san/%.done)
vendor_cov := $(vendor_san)

ROOMS := $(sort $(patsubst core/%/,%,$(dir $(wildcard core/*/*.c))))
TESTED := $(sort $(patsubst test/unit/%/,%,$(dir $(wildcard test/unit/*/*_test.c))))
# reach_ROOM: the room and all below it, out of core/LAYERS; $(,) is a comma that separates nothing
, := ,
$(foreach line,$(shell test/layers.sh closures),$(eval reach_$(subst :,:=,$(subst $(,), ,$(line)))))

# keep FILE,TEXT: rewrites FILE only when TEXT is new, so that a changed flag or a removed source
# rebuilds what it must and nothing else. The comparison costs no process.
keep = $(if $(filter-out x$(strip $(file <$1)),x$(strip $2))$(filter-out x$(strip $2),x$(strip $(file <$1))),$(shell mkdir -p $(dir $1))$(file >$1,$2))

# Outputs appear by rename: two makes in one tree may do work twice, but never see half a file.
# variant NAME: how one variant compiles, and its archive of each room. Where the tree lies is no reason
# to rebuild it: a copy of it, objects included, goes on where the first one stood.
define variant
$(call keep,$($1)/flags,$(CC_$1) $(filter-out -ffile-prefix-map=%,$(CFLAGS_$1)))
$(call keep,$($1)/version,$(VERSION_FILE) $(VERSION) $(BUILD))
$($1)/%.o: %.c $($1)/flags | $(vendor_$1)
	$$(call say,cc,$$<) mkdir -p $$(@D) && $(CC_$1) $(CFLAGS_$1) $$(call extra,$$<,$1) \
		-MT $$@ -MF $$(@:.o=.d) -c $$< -o $$@.$$$$$$$$ && mv $$@.$$$$$$$$ $$@
$(VERSION_FILE:%.c=$($1)/%.o): $($1)/version
$(foreach room,$(ROOMS),$(call archive,$1,$(room)))

# the commands as an archive, for their tests
$(call keep,$($1)/applets.list,$(wildcard applets/*.c))
$($1)/applets.a: $(patsubst %.c,$($1)/%.o,$(wildcard applets/*.c)) $($1)/applets.list
	@$(AR_$1) rcsD $$@.$$$$$$$$ $$(filter %.o,$$^) && mv $$@.$$$$$$$$ $$@
endef
define archive

$(call keep,$($1)/core/$2.list,$(wildcard core/$2/*.c))
$($1)/core/$2.a: $(patsubst %.c,$($1)/%.o,$(wildcard core/$2/*.c)) $($1)/core/$2.list
	@$(AR_$1) rcsD $$@.$$$$$$$$ $$(filter %.o,$$^) && mv $$@.$$$$$$$$ $$@
endef
$(eval $(call variant,release))
$(eval $(call variant,san))
$(eval $(call variant,cov))

program = $(patsubst %.c,$($1)/%.o,$(wildcard main.c applets/*.c)) $(ROOMS:%=$($1)/core/%.a)
# link VARIANT: all prerequisites that can be linked, archives in any order
link = $(CC_$1) $(LDFLAGS_$1) -o $@.$$$$ $(filter %.o,$^) \
	-Wl,--start-group $(filter %.a,$^) $(LDLIBS) -Wl,--end-group && mv $@.$$$$ $@

# --- the binary --------------------------------------------------------------------------------

.PHONY: all san install clean
all: build/swarmbox$(suffix)
san: build/swarmbox-san

$(release)/swarmbox: $(call program,release) $(vendor_release)
	$(call say,link,build/swarmbox$(suffix)) $(call link,release)

# The stripped copy gets its name only when it has passed the gate.
build/swarmbox$(suffix): $(release)/swarmbox test/gate.sh
	@build/vendor/$(ARCH)/bin/objcopy --only-keep-debug $< $@.debug
	@build/vendor/$(ARCH)/bin/objcopy --strip-all --add-gnu-debuglink=$@.debug $< $<.stripped
	@rm -f $@ && test/gate.sh build/vendor/$(ARCH)/bin/readelf $<.stripped && mv $<.stripped $@

build/swarmbox-san: $(call program,san) $(vendor_san)
	$(call say,link,$@) $(call link,san)

install: all
	install -D -m 755 build/swarmbox$(suffix) $(DESTDIR)$(PREFIX)/bin/swarmbox

clean:
	rm -rf build

# --- third-party code --------------------------------------------------------------------------

.PHONY: vendor-pack
# Packages first, then files, then libraries: each only when its recipe is new.
build/packages-$(ARCH).done: vendor/packages vendor/target
	@ARCH=$(ARCH) vendor/packages build && mkdir -p $(@D) && touch $@

build/vendor/fetched: vendor/lock | build/packages-$(ARCH).done
	@mkdir -p $(@D) && vendor/fetch vendor/lock >$@

build/vendor/src/%.done: vendor/%/recipe build/vendor/fetched
	$(call say,unpack,$*) mkdir -p $(@D) && vendor/build unpack $* && touch $@

# The `+` shares make's processors with the makefiles of musl and SQLite.
build/vendor/$(ARCH)/musl.done: build/vendor/src/musl.done | build/packages-$(ARCH).done
	+$(call say,vendor,musl) mkdir -p $(@D) && vendor/build $(ARCH) musl && touch $@

define vendored
build/vendor/$(ARCH)/$1.done: build/vendor/src/$1.done $(wildcard vendor/$1/*.[ch]) build/vendor/$(ARCH)/musl.done
	$$(call say,vendor,$1) vendor/build $(ARCH) $1 && touch $$@

build/vendor/san/$1.done: build/vendor/src/$1.done $(wildcard vendor/$1/*.[ch])
	$$(call say,vendor,$1 (san)) mkdir -p $$(@D) && vendor/build san $1 && touch $$@

endef
$(foreach library,$(LIBRARIES),$(eval $(call vendored,$(library))))
# it is compiled with the headers of its TLS library
build/vendor/$(ARCH)/curl.done: build/vendor/$(ARCH)/mbedtls.done
build/vendor/san/curl.done: build/vendor/san/mbedtls.done

vendor-pack: build/vendor/fetched
	@vendor/pack build/swarmbox-vendor-$(VERSION).tar

# --- tests -------------------------------------------------------------------------------------

.PHONY: test tests unit lint $(TESTED:%=unit-%) $(TESTED:%=musl-%)
# test_program NAME,VARIANT,SOURCES,ROOMS: build/test/NAME from these sources and no other rooms
define test_program
build/test/$1: $(3:%.c=$($2)/%.o) $(if $(filter applets,$4),$($2)/applets.a) \
		$(patsubst %,$($2)/core/%.a,$(filter $(ROOMS),$4)) $(vendor_$2)
	$$(call say,link,$$@) mkdir -p $$(@D) && $$(call link,$2)

endef
# whoever reaches the store is tested on a bad disk
unit_sources = $(wildcard test/unit/$1/*.c) test/unit/runner.c \
	$(if $(filter store,$(reach_$1)),$(wildcard test/sim/vfs_fault.c))
$(foreach room,$(TESTED),\
	$(eval $(call test_program,unit-$(room),san,$(call unit_sources,$(room)),$(reach_$(room))))\
	$(eval $(call test_program,musl-$(room),release,$(call unit_sources,$(room)),$(reach_$(room)))))

# nodes that talk to each other need certificates
build/test/unit-rpc build/test/unit-replica build/test/unit-dispatch: $(san)/test/unit/pki/pki_help.o
build/test/musl-rpc build/test/musl-replica build/test/musl-dispatch: $(release)/test/unit/pki/pki_help.o
build/test/unit-dispatch: $(san)/test/unit/rpc/rpc_help.o
build/test/musl-dispatch: $(release)/test/unit/rpc/rpc_help.o
# stores of several hosts, filled from archives
DEPOT_HELP := store_lab tar_builder
build/test/unit-depot: $(DEPOT_HELP:%=$(san)/test/unit/image/%.o)
build/test/musl-depot: $(DEPOT_HELP:%=$(release)/test/unit/image/%.o)

# The whole cluster in one process: its own loop, clock and store thread stand before the archives' ones.
SIM_SOURCES := $(wildcard test/sim/*.c)
SIM_REACH = $(reach_manager)
$(eval $(call test_program,sim-cluster,release,$(SIM_SOURCES) $(wildcard test/sim/fast/*.c),$(SIM_REACH)))
$(eval $(call test_program,sim-cluster-san,san,$(SIM_SOURCES),$(SIM_REACH)))

# ROOM_bench.c measures one room without what stands above it.
BENCHED := $(patsubst test/bench/%_bench.c,%,$(wildcard test/bench/*_bench.c))
$(foreach room,$(BENCHED),$(eval $(call test_program,bench-$(room),release,test/bench/$(room)_bench.c,$(reach_$(room)))))

# ROOM_golden.c runs scenarios kept as text; what it shares with the room's unit tests is in files without tests.
GOLDEN := $(patsubst test/golden/%_golden.c,%,$(wildcard test/golden/*_golden.c))
$(foreach room,$(GOLDEN),$(eval $(call test_program,golden-$(room),san,\
	test/golden/$(room)_golden.c $(filter-out %_test.c,$(wildcard test/unit/$(room)/*.c)),$(reach_$(room)))))

# T=part of a name picks tests. The sanitizers know no static musl, so the same tests run twice:
# unit-ROOM in the san variant, musl-ROOM as they will be shipped.
$(TESTED:%=unit-%): unit-%: build/test/unit-%
	@$< $(T)
$(TESTED:%=musl-%): musl-%: build/test/musl-%
	@$< $(T)
unit: $(TESTED:%=build/test/unit-%)
	@test/unit/run unit $(T)
# Fuzz targets: any room, for a parser may stand anywhere. build/cov/fuzz-NAME is the one that is led by where it was.
FUZZED := $(patsubst test/fuzz/%_fuzz.c,%,$(wildcard test/fuzz/*_fuzz.c))
define fuzz_programs
$(FUZZED:%=build/$2/fuzz-%): build/$2/fuzz-%: $($1)/test/fuzz/%_fuzz.o $(san)/test/fuzz/driver.o \
		$(ROOMS:%=$($1)/core/%.a) $(vendor_san)
	$$(call say,link,$$@) mkdir -p $$(@D) build/test && $$(call link,san)
build/$2/fuzz-shape: $($1)/test/unit/model/random_value.o

endef
$(eval $(call fuzz_programs,san,test))
$(eval $(call fuzz_programs,cov,cov))

# all test programs, not run
tests: $(BENCHED:%=build/test/bench-%) build/test/sim-cluster $(FUZZED:%=build/test/fuzz-%) $(TESTED:%=build/test/unit-%) $(TESTED:%=build/test/musl-%) $(GOLDEN:%=build/test/golden-%) ;

test:
	@ARCH=$(ARCH) vendor/packages build test && test/run

lint: $(vendor_san)
	@vendor/packages build lint && test/lint.sh $(T)

# A target comes into being with its script; each may rely on both binaries and the test programs.
SCRIPTED := $(foreach name,demo soak sim fuzz golden lab bench,$(if $(wildcard test/$(name)/run),$(name)))
.PHONY: $(SCRIPTED) $(if $(filter demo,$(SCRIPTED)),demo-clean) vm
$(filter-out demo,$(SCRIPTED)): %: all san tests
	@vendor/packages build test && test/$@/run $(T)
bench: $(BENCHED:%=build/test/bench-%)
# who has minutes is led by where it was
soak: $(if $(STORIES),,$(FUZZED:%=build/cov/fuzz-%))
fuzz: $(if $(FUZZ_SECONDS),$(foreach name,$(FUZZED),$(if $(findstring .$(T),.$(name))$(findstring $(T),$(name)),build/cov/fuzz-$(name))))
# virtual machines; T= picks suites of Debian, whose kernels they run
vm: all build/test/musl-runtime
	@test/vm/run $(T)
ifneq ($(filter demo,$(SCRIPTED)),)
demo: all
	@vendor/packages build test && test/demo/run
demo-clean:
	@test/demo/clean
endif

-include $(shell find $(release) $(san) $(wildcard $(cov)) -name '*.d' 2>/dev/null)

# make               build/moldau (the server) and build/moldau-tools (what it runs for the other commands)
# make V=asan ...     the same under build/asan with ASan + UBSan and VERIFY on; V=verify: VERIFY alone, fast
# make unit           the unit-test programs; make fuzz: the fuzz targets (clang)
# make lib            build/lib: libmoldau-listen, shared and static, for include/moldau/listen.h
# make install PREFIX=/usr/local DESTDIR=
V ?= release
CC ?= gcc
PREFIX ?= /usr/local
VERSION := 0.1.0
B := build$(if $(filter-out release,$(V)),/$(V))

WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
CFLAGS_release := -O2 -g
# what the simulator runs: invariants are looked at after each turn
CFLAGS_verify := -O2 -g -DMOLDAU_VERIFY
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DMOLDAU_VERIFY
CFLAGS_tsan := -O1 -g -fsanitize=thread
CFLAGS_fuzz := -O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all -DMOLDAU_VERIFY
CFLAGS += -std=c17 $(CFLAGS_$(V)) $(WARN) -D_GNU_SOURCE -DMOLDAU_VERSION='"$(VERSION)"' -Isrc -Iinclude -I$(B)/gen -pthread
LDFLAGS += $(filter -fsanitize=%,$(CFLAGS_$(V))) -pthread
# The codecs come into the executable where their archives are installed: each shared one costs a broker memory and time
# to load, snappy's brings all of C++. What a sanitizer watches stays shared.
static = $(if $(and $(filter release,$(V)),$(filter /%,$(shell $(CC) -print-file-name=lib$(1).a))),-l:lib$(1).a,$(2))
SERVER_LIBS := $(call static,zstd,-lzstd) $(call static,lz4,-llz4) $(call static,z,-lz)
SERVER_LIBS += $(if $(call static,stdc++,),$(call static,snappy,-lsnappy) -l:libstdc++.a,-lsnappy)
LDFLAGS += -Wl,--as-needed $(if $(filter release,$(V)),-static-libgcc)
TOOL_LIBS := -lrdkafka -ljansson -lcrypto -lsqlite3
LISTEN_LIBS := -lrdkafka -lsqlite3
ifeq ($(V),fuzz)
override CC := clang
endif

SCHEMAS := $(shell find proto -type f | sort)
GEN_STAMP := $(B)/gen/stamp
GEN_C := $(shell [ -f $(GEN_STAMP) ] && find $(B)/gen -name '*.c' | sort)

ALL_C := $(shell find src -name '*.c' | sort)
TEST_C := $(filter %_test.c,$(ALL_C))
FUZZ_C := $(filter %_fuzz.c,$(ALL_C))
LIB_C := $(filter-out src/main%.c $(TEST_C) $(FUZZ_C),$(ALL_C))
TOOL_C := $(filter src/cli/% src/client/% src/listen/% src/rk/% src/app/% src/os/child.c,$(LIB_C))
SERVER_O := $(patsubst %.c,$(B)/o/%.o,$(filter-out $(TOOL_C),$(LIB_C)))
TOOL_O := $(TOOL_C:%.c=$(B)/o/%.o)
UNIT := $(TEST_C:src/%.c=$(B)/unit/%)
FUZZ := $(FUZZ_C:src/%.c=$(B)/fuzz/%)

.PHONY: all unit fuzz bench sim clean install
# The generator runs first, then make starts over with the list of what it wrote.
all: $(GEN_STAMP)
	@$(MAKE) --no-print-directory $(B)/moldau $(B)/moldau-tools
unit: $(GEN_STAMP)
	@$(MAKE) --no-print-directory unit-programs
fuzz: $(GEN_STAMP)
	@$(MAKE) --no-print-directory fuzz-programs
bench: $(GEN_STAMP)
	@$(MAKE) --no-print-directory $(B)/moldau $(B)/moldau-tools $(patsubst benchmarks/%.c,$(B)/bench/%,$(wildcard benchmarks/*.c benchmarks/listeners/*.c))
# C programs that the tests under tests/ start, and what they preload into a broker
PRELOADED := tests/lib/faulty.c
tests: $(GEN_STAMP)
	@$(MAKE) --no-print-directory $(patsubst %.c,$(B)/%,$(filter-out $(PRELOADED),$(shell find tests -name '*.c' 2>/dev/null))) $(PRELOADED:%.c=$(B)/%.so)
.PHONY: unit-programs fuzz-programs tests
unit-programs: $(UNIT)
fuzz-programs: $(FUZZ)

$(GEN_STAMP): tools/kpgen.py $(SCHEMAS)
	@mkdir -p $(B)/gen/kp
	@echo "  GEN   $(B)/gen/kp"
	@python3 tools/kpgen.py proto $(B)/gen/kp
	@touch $@

# Objects of test programs stay, or every run would compile them again.
.SECONDARY:

GEN_O := $(GEN_C:%.c=%.o)
# Two archives, so that nothing of the server can come to need what only the tools link.
SERVER_A := $(B)/libmoldau.a
TOOLS_A := $(B)/libmoldau-tools.a
ALL_A := $(TOOLS_A) $(SERVER_A)
ALL_LIBS := $(SERVER_LIBS) $(TOOL_LIBS)
$(SERVER_A): $(SERVER_O) $(GEN_O)
$(TOOLS_A): $(TOOL_O)
$(ALL_A):
	@rm -f $@
	@ar rcs $@ $^
$(B)/moldau: $(B)/o/src/main.o $(SERVER_A)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(SERVER_LIBS)
$(B)/moldau-tools: $(B)/o/src/main_tools.o $(ALL_A)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)
$(B)/unit/%: $(B)/o/src/%.o $(ALL_A)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)
$(B)/fuzz/%: $(B)/o/src/%.o $(ALL_A)
	@mkdir -p $(@D)
	@$(CC) -fsanitize=address,undefined,fuzzer -o $@ $^ $(ALL_LIBS)
$(B)/tests/%: tests/%.c $(ALL_A)
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)
# Programs that use the library know it by its header and its file alone.
$(B)/tests/library/%: tests/library/%.c $(B)/lib/libmoldau-listen.a
	@mkdir -p $(@D)
	@$(CC) $(filter-out -Isrc,$(CFLAGS)) $(LDFLAGS) -o $@ $^ $(LISTEN_LIBS)
$(B)/tests/spring/%: tests/spring/%.c $(B)/lib/libmoldau-listen.a
	@mkdir -p $(@D)
	@$(CC) $(filter-out -Isrc,$(CFLAGS)) $(LDFLAGS) -o $@ $^ $(LISTEN_LIBS)
$(B)/tests/%.so: tests/%.c
	@mkdir -p $(@D)
	@$(CC) -std=c17 -O1 -g $(WARN) -D_GNU_SOURCE -fPIC -shared -o $@ $<
$(B)/bench/%: benchmarks/%.c benchmarks/bench.h $(SERVER_A)
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter-out %.h,$^) $(SERVER_LIBS)
# Beside each other: a program on the library, one on librdkafka alone.
$(B)/bench/listeners/%: benchmarks/listeners/%.c benchmarks/listeners/measure.h $(B)/lib/libmoldau-listen.a
	@mkdir -p $(@D)
	@$(CC) $(filter-out -Isrc,$(CFLAGS)) $(LDFLAGS) -o $@ $(filter-out %.h,$^) $(LISTEN_LIBS)

# The simulator: the server's archive, with its own loops, disk and network in place of src/os/linux.c.
SIM_O := $(patsubst %.c,$(B)/o/%.o,$(sort $(wildcard sim/*.c)))
sim: $(GEN_STAMP)
	@$(MAKE) --no-print-directory $(B)/sim/sim
$(B)/sim/sim: $(SIM_O) $(SERVER_A)
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) -o $@ $^ $(SERVER_LIBS)

# One source with a planted bug in front of the archive, which then does not give its own.
$(B)/mutants/%: $(B)/mutants/%.c $(SIM_O) $(SERVER_A)
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(SERVER_LIBS)

$(B)/o/%.o: %.c | $(GEN_STAMP)
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<
# The pages are bytes of the program (.incbin), which the compiler's list of headers does not tell.
$(B)/o/src/app/pages.o: $(wildcard src/app/page/*)
$(B)/gen/%.o: $(B)/gen/%.c
	@$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<
-include $(shell find $(B) -name '*.d' 2>/dev/null)

# libmoldau-listen: what listeners need, compiled for sharing; nothing but the public header's names can be seen. The
# static one is one object, so that its inner names meet nobody's.
LIB_SO := libmoldau-listen.so.0
LISTEN_C := $(filter-out $(TEST_C) $(FUZZ_C) src/rk/spring%.c src/rk/setting.c src/rk/yaml.c src/listen/advice.c,$(wildcard src/listen/*.c src/rk/*.c src/base/*.c)) src/os/linux.c src/os/os_util.c src/os/blocking.c src/os/child.c
LISTEN_O := $(LISTEN_C:%.c=$(B)/pic/%.o)
$(B)/pic/%.o: %.c
	@mkdir -p $(@D)
	@echo "  PIC   $<"
	@$(CC) $(CFLAGS) -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections -DMOLDAU_BUILD -MMD -MP -c -o $@ $<
$(B)/lib/$(LIB_SO): $(LISTEN_O)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS) -shared -Wl,-soname,$(LIB_SO) -Wl,--gc-sections -Wl,-z,defs -o $@ $^ $(LISTEN_LIBS)
	@ln -sf $(LIB_SO) $(B)/lib/libmoldau-listen.so
$(B)/lib/libmoldau-listen.a: $(LISTEN_O)
	@mkdir -p $(@D)
	@ld -r -o $(B)/lib/listen.o $^
	@objcopy --localize-hidden $(B)/lib/listen.o
	@rm -f $@
	@ar rcs $@ $(B)/lib/listen.o
# What pkg-config is told says where it is installed.
PC = printf 'prefix=%s\nlibdir=$${prefix}/lib\nincludedir=$${prefix}/include\n\nName: moldau-listen\nDescription: listeners for Apache Kafka\nVersion: %s\nRequires.private: rdkafka sqlite3\nLibs: -L$${libdir} -lmoldau-listen\nLibs.private: $(LISTEN_LIBS) -pthread\nCflags: -I$${includedir}\n' '$(PREFIX)' '$(VERSION)'
.PHONY: lib
lib: $(B)/lib/$(LIB_SO) $(B)/lib/libmoldau-listen.a

install: all lib
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec
	install -m 755 $(B)/moldau $(DESTDIR)$(PREFIX)/bin/moldau
	install -m 755 $(B)/moldau-tools $(DESTDIR)$(PREFIX)/libexec/moldau-tools
	install -d $(DESTDIR)$(PREFIX)/include/moldau $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 644 include/moldau/listen.h $(DESTDIR)$(PREFIX)/include/moldau/listen.h
	install -m 644 $(B)/lib/$(LIB_SO) $(DESTDIR)$(PREFIX)/lib/libmoldau-listen.so.$(VERSION)
	ln -sf libmoldau-listen.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/$(LIB_SO)
	ln -sf $(LIB_SO) $(DESTDIR)$(PREFIX)/lib/libmoldau-listen.so
	install -m 644 $(B)/lib/libmoldau-listen.a $(DESTDIR)$(PREFIX)/lib/libmoldau-listen.a
	$(PC) > $(DESTDIR)$(PREFIX)/lib/pkgconfig/moldau-listen.pc
	for f in bin/*.sh; do install -m 755 $$f $(DESTDIR)$(PREFIX)/bin/; done
clean:
	rm -rf build

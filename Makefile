# The commands of this house. `make help` lists them.
#
# BUILD_JOBS  how many compilers run at once (default: all cores)
# TEST_JOBS   how many tests run at once (default: 2)
# SEEDS       FIRST..LAST, the simulations that `make sim` plays
# FUZZ_SECONDS, FUZZERS  how long `make fuzz` runs each fuzzer (default: 60), and which (default: all)
# MUTANTS     the known faults that `make mutants` plants (default: all of test/mutants)
# ROUNDS      how many rounds `make soak` plays, SEED: of which episodes

BUILD_JOBS ?= $(shell nproc)
TEST_JOBS ?= 2
SEEDS ?= 1..1000
ROUNDS ?= 3000
SEED ?= 1
BENCH_FLAGS ?=
FUZZ_SECONDS ?= 60
FUZZERS ?=
MUTANTS ?=

first_seed = $(firstword $(subst .., ,$(SEEDS)))
last_seed = $(lastword $(subst .., ,$(SEEDS)))
build_preset = cmake --build build/$(1) --parallel $(BUILD_JOBS)
# A lane that ran no test has failed; the layout checks need to run only once, in the dev lane.
run_ctest = tools/run_tests build/$(1) --parallel $(TEST_JOBS)
symbolizer = /usr/lib/llvm-19/bin/llvm-symbolizer
run_fuzzers = ASAN_SYMBOLIZER_PATH=$(symbolizer) tools/fuzz --seconds $(FUZZ_SECONDS)

.PHONY: help run build test lanes asan tsan sim soak fuzz fuzz-keep many mutants bench bench-quick tidy lint format \
        clean build-packages test-packages bench-packages fuzzers
.DEFAULT_GOAL := help
# Packages come before configuring comes before building; each step is parallel inside.
.NOTPARALLEL:

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{ printf "make %-12s %s\n", $$1, $$2 }'

run: build ## install what is missing, build, and watch a first sync on sample folders
	tools/demo build/release/bin/syncoxiders

build: build-packages build/release/build.ninja ## the program: build/release/bin/syncoxiders
	$(call build_preset,release)

test: test-packages build/dev/build.ninja ## install test needs, build, run every test
	$(call build_preset,dev)
	$(call run_ctest,dev)

lanes: test asan tsan ## every lane, one after the other

asan: test-packages build/asan/build.ninja ## the tests under AddressSanitizer and UBSan
	$(call build_preset,asan)
	ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 \
	UBSAN_OPTIONS=print_stacktrace=1 ASAN_SYMBOLIZER_PATH=$(symbolizer) \
	  $(call run_ctest,asan) --label-exclude layout

tsan: test-packages build/tsan/build.ninja ## the tests under ThreadSanitizer
	$(call build_preset,tsan)
	TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 TSAN_SYMBOLIZER_PATH=$(symbolizer) \
	  $(call run_ctest,tsan) --label-exclude layout

sim: test-packages build/dev/build.ninja ## simulations with injected faults: make sim SEEDS=1..1000
	$(call build_preset,dev) --target sim
	build/dev/bin/sim $(first_seed) $(last_seed)

fuzz: fuzzers ## fuzz every parser: make fuzz FUZZ_SECONDS=60 FUZZERS="names page"
	$(run_fuzzers) $(FUZZERS)

fuzz-keep: fuzzers ## the same, and keep the inputs that reach new code in test/fuzz/corpus
	$(run_fuzzers) --keep $(FUZZERS)

soak: test-packages build ## real runs on disks in trouble, for an hour: make soak ROUNDS=3000 SEED=1
	SYNCOXIDERS=build/release/bin/syncoxiders python3 -B test/soak/soak.py --rounds $(ROUNDS) --seed $(SEED)

many: build ## a million entries in one tree, and the memory that syncing them takes
	MANY=1000000 SYNCOXIDERS=build/release/bin/syncoxiders python3 -B test/cli/many_test.py

mutants: test-packages build/dev/build.ninja ## plant known faults one at a time: the tests have to notice each
	tools/mutants --jobs $(BUILD_JOBS) $(if $(MUTANTS),--only $(MUTANTS))

bench: bench-packages build/bench/build.ninja ## measure against rsync, rclone, Unison, cp and the floors
	$(call build_preset,bench)
	bench/run.py --bin build/bench/bin $(BENCH_FLAGS)

bench-quick: bench-packages build/bench/build.ninja ## the same at small scale, in a minute or two
	$(call build_preset,bench)
	bench/run.py --bin build/bench/bin --quick $(BENCH_FLAGS)

tidy: ## check the layout rules
	tools/tidy

lint: test-packages build/dev/build.ninja ## clang-tidy over every source file that changed since it was clean
	tools/lint --jobs $(BUILD_JOBS)

format: test-packages ## format every C++ file in place
	tools/format

clean: ## remove every build folder
	rm -rf build

build-packages:
	@tools/install_packages build

test-packages:
	@tools/install_packages build test

bench-packages:
	@tools/install_packages build bench

fuzzers: test-packages build/fuzz/build.ninja
	$(call build_preset,fuzz) --target fuzzers

# Ninja configures again by itself when a CMakeLists.txt changes, but not when the presets do.
build/%/build.ninja: CMakePresets.json
	cmake --preset $*
	@touch $@

# Reprise: every task of the project. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# ARGS goes to the command that a target runs: `make run ARGS='--cycles 5'`, `make lab ARGS='--filter Microphone'`.
ARGS ?=

# ---- Debian packages ---------------------------------------------------------------------------------------------

# To build: the compiler's linker and C headers, git for SwiftPM, and the libraries the package links.
BUILD_PACKAGES := \
	binutils g++ git libc6-dev libcurl4-openssl-dev libedit2 libncurses6 libsqlite3-0 libxml2-dev pkg-config tzdata \
	zlib1g-dev libasound2-dev libopus-dev libpng-dev libspeexdsp-dev libturbojpeg0-dev libv4l-dev libvpx-dev \
	libsdl2-dev libsrtp2-dev libssl-dev libudev-dev libxcb-composite0-dev \
	libxcb-damage0-dev libxcb-randr0-dev libxcb-shm0-dev libxcb-xfixes0-dev libxcb1-dev libyuv-dev

# To test: the virtual machine of the device lab, the tools it uses on its devices, a virtual display, and the WebRTC
# programs of the interop suites.
TEST_PACKAGES := \
	alsa-utils busybox-static chromium coturn cpio dbus-daemon iproute2 janus kmod openssl pipewire pipewire-bin \
	python3 python3-aiohttp python3-aiortc python3-dbus python3-gi python3-numpy qemu-system-x86 util-linux \
	v4l-utils wireplumber x11-utils x11-xserver-utils xvfb

# To compare with others' software.
BENCH_PACKAGES := \
	baresip-core dbus-daemon gir1.2-gst-plugins-bad-1.0 gir1.2-gstreamer-1.0 gstreamer1.0-alsa gstreamer1.0-nice \
	gstreamer1.0-plugins-bad gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-tools \
	pipewire-bin python3-gi udev wireplumber

# $(call install,packages,make target): installs what is missing of them, and touches no network when nothing is.
define install
missing=()
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo 'This is no Debian system, so the packages cannot be installed here by name. Install what your system calls:' >&2
	printf '  %s\n' $(1) >&2
	echo 'and then run make again with REPRISE_DEPS=have in the environment, which skips this check.' >&2
	[[ $${REPRISE_DEPS:-} == have ]] || exit 1
else
	for package in $(1); do
		[[ $$(dpkg-query --show --showformat='$${db:Status-Status}' "$$package" 2>/dev/null) == installed ]] ||
			missing+=("$$package")
	done
fi
if (($${#missing[@]})); then
	echo "Installing Debian packages: $${missing[*]}"
	sudo=()
	if ((EUID)); then
		command -v sudo >/dev/null || {
			echo "There is no sudo here. As root, run: apt-get install --no-install-recommends $${missing[*]}" >&2
			exit 1
		}
		sudo=(sudo)
	fi
	"$${sudo[@]}" apt-get -qq update
	"$${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq install --yes --no-install-recommends "$${missing[@]}" >/dev/null
fi
endef

.PHONY: help
help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	echo
	echo "  ARGS='…' goes to the command that a target runs: make run ARGS='--cycles 5', make lab ARGS='--shell'."

.PHONY: deps
deps: swift ## Install the Debian packages that building needs (apt, with sudo when not root)
	@$(call install,$(BUILD_PACKAGES))

.PHONY: deps-test
deps-test: swift
	@$(call install,$(BUILD_PACKAGES) $(TEST_PACKAGES))

.PHONY: deps-bench
deps-bench: swift
	@$(call install,$(BUILD_PACKAGES) $(TEST_PACKAGES) $(BENCH_PACKAGES))

.PHONY: swift
swift:
	@if ! command -v swift >/dev/null; then
		echo 'Swift 6.2 or later is needed and `swift` is not in the PATH. It is at https://www.swift.org/install/linux:' >&2
		echo '  unpack the tarball for your system and add its usr/bin to the PATH, or use swiftly.' >&2
		exit 1
	fi

# ---- Build and run -----------------------------------------------------------------------------------------------

.PHONY: build
build: deps ## Build the library and the command, in release
	@swift build -c release --product reprise
	echo "Built $$(swift build -c release --show-bin-path)/reprise"

.PHONY: run
run: build ## Build, and hear and see yourself through a call (ARGS: see `reprise mirror --help`)
	@"$$(swift build -c release --show-bin-path)/reprise" mirror --synthetic-if-none $(ARGS)

# ---- Test --------------------------------------------------------------------------------------------------------

# The suites whose code runs on several threads; they run once more under ThreadSanitizer.
TSAN_SUITES := ScopesTests|MediaTests|HotPlugTests|CallsTests|RoomsTests|WebRTCTests.PeerConnection

# What code allocates that is not optimised says little: these run once more in the bundle that the device lab has built.
RELEASE_TESTS := PeerConnectionEnduranceTests/allocations

# Everywhere one test at a time: many of them move sound in real time, and would starve each other on two cores.

# How long each parser of outside bytes is fuzzed by `make test`; `Tests/Fuzz/run 600` looks longer.
FUZZ_SECONDS ?= 5

# $(call step,name,command,again): runs one step, keeps its output in .build/test/name.log, and goes on when it fails. These
# tests move sound and pictures in real time, and a loaded machine can make one of them late: a step that failed is run once
# more, by a command of its own where it has one, and the summary says so.
define step
echo "== $(1)"
if { $(2); } 2>&1 | tee ".build/test/$(1).log"; then
	echo "$(1) passed" >>.build/test/steps
elif mv ".build/test/$(1).log" ".build/test/$(1).failed"; echo "== $(1), once more"; { $(or $(3),$(2)); } 2>&1 | tee ".build/test/$(1).log"; then
	echo "$(1) passed at the second try; the first is in .build/test/$(1).failed" >>.build/test/steps
else
	echo "$(1) FAILED" >>.build/test/steps
fi
endef

.PHONY: test
test: deps-test ## Run all tests: units, races, fuzzing, the device lab, calls with other WebRTC programs
	@mkdir -p .build/test
	rm -f .build/test/*.log .build/test/*.failed .build/test/steps
	$(call step,units,swift test --disable-xctest --no-parallel)
	$(call step,endurance,REPRISE_ENDURANCE=1 swift test --skip-build --disable-xctest --filter CallEnduranceTests)
	$(call step,races,REPRISE_TESTS='$(foreach suite,$(subst |, ,$(TSAN_SUITES)),$(basename $(suite)))' swift test --disable-xctest --no-parallel --sanitize thread --scratch-path .build/tsan --filter '$(TSAN_SUITES)')
	$(call step,fuzz,Tests/Fuzz/run $(FUZZ_SECONDS))
	$(call step,lab,Tests/DeviceLab/run,Tests/DeviceLab/run --no-build --again)
	$(call step,allocations,.build/lab/release/*PackageTests.xctest --testing-library swift-testing --filter '$(RELEASE_TESTS)')
	$(call step,interop,Tests/Interop/run)
	# Where the lab was tried again, its first log has what passed then.
	passed=$$(cat .build/test/*.log $$(ls .build/test/lab.failed 2>/dev/null) | grep -E '^✔ Test [^ ]+.* passed after|^✔ +[0-9.]+ s ' | grep -vc '^✔ Test run ' || true)
	failed=$$(cat .build/test/*.log | grep -E '^✘ Test [^ ]+.* failed after|^device lab: (SKIPPED|DID NOT END)|^✘ +[0-9.]+ s ' | grep -vc '^✘ Test run ' || true)
	echo
	cat .build/test/steps
	echo "$$passed passed, $$failed failed"
	! grep -q FAILED .build/test/steps

.PHONY: lab
lab: deps-test ## Run the device suites and the command on real drivers in a VM (ARGS: see Tests/DeviceLab/README.md)
	@Tests/DeviceLab/run $(ARGS)

.PHONY: interop
interop: deps-test ## Run Reprise against browsers and other WebRTC programs (ARGS: see Tests/Interop/README.md)
	@Tests/Interop/run $(ARGS)

.PHONY: fire
fire: deps-test ## Run reset under fire for long: 10,000 seeded runs under ThreadSanitizer, 500 on the lab's drivers
	@REPRISE_FIRE_RUNS=10000 REPRISE_TESTS=CallsTests swift test --disable-xctest --sanitize thread \
		--scratch-path .build/tsan --filter ResetUnderFireTests
	Tests/DeviceLab/run --filter UnderFire --fire-runs 500

.PHONY: fuzz
fuzz: deps ## Fuzz the parsers of outside bytes (ARGS: seconds and targets, as Tests/Fuzz/run takes them)
	@Tests/Fuzz/run $(or $(ARGS),60)

.PHONY: bench
bench: deps-bench ## Measure restarts and a call beside the floor, GStreamer and baresip (ARGS: see Sources/Benchmarks)
	@swift build -c release --product reprise
	Sources/Benchmarks/run --reprise "$$(swift build -c release --show-bin-path)/reprise" --out .build/bench $(ARGS)
	Sources/Benchmarks/webrtc --reprise "$$(swift build -c release --show-bin-path)/reprise" --out .build/bench

.PHONY: bench-webrtc
bench-webrtc: deps-bench ## Measure calls through Janus beside Chromium, aiortc and GStreamer (ARGS: rejoin --cycles 10, …)
	@swift build -c release --product reprise
	Sources/Benchmarks/webrtc --reprise "$$(swift build -c release --show-bin-path)/reprise" --out .build/bench $(ARGS)

# ---- House -------------------------------------------------------------------------------------------------------

SWIFT_SOURCES := Package.swift Sources Tests

.PHONY: format
format: swift ## Format the Swift sources in place
	@swift format format --in-place --recursive --parallel $(SWIFT_SOURCES)

.PHONY: lint
lint: swift ## Check the form of the Swift sources
	@swift format lint --strict --recursive --parallel $(SWIFT_SOURCES)
	echo 'lint: nothing to say'

.PHONY: docs
docs: deps ## Build the documentation
	@swift package --allow-writing-to-directory .build/docs generate-documentation --target Reprise \
		--output-path .build/docs --transform-for-static-hosting
	echo 'Documentation is in .build/docs; serve it with: python3 -m http.server --directory .build/docs'

.PHONY: clean
clean: ## Remove what was built
	@rm -rf .build
